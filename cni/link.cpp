#include "cni/link.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>

namespace skerry::cni {
namespace {

struct NlDeleter {
  void operator()(nl_sock* socket) const { ::nl_socket_free(socket); }
  void operator()(nl_cache* cache) const { ::nl_cache_free(cache); }
  void operator()(nl_addr* address) const { ::nl_addr_put(address); }
  void operator()(rtnl_link* link) const { ::rtnl_link_put(link); }
  void operator()(rtnl_addr* address) const { ::rtnl_addr_put(address); }
};
template <class T>
using Owned = std::unique_ptr<T, NlDeleter>;

Error nl_failure(int code, std::string_view what) {
  const int number = code < 0 ? -code : code;
  if (number == NLE_PERM) return Error::from_errno(EPERM, what);
  return Error(number == NLE_NOMEM ? Code::kResourceExhausted : Code::kInternal,
               fmt::format("{}: {}", what, ::nl_geterror(number)));
}

Result<Owned<nl_sock>> connect() {
  Owned<nl_sock> socket(::nl_socket_alloc());
  if (socket == nullptr) return Error::from_errno(ENOMEM, "make netlink socket");
  const int failed = ::nl_connect(socket.get(), NETLINK_ROUTE);
  if (failed < 0) return nl_failure(failed, "connect netlink socket");
  return socket;
}

std::optional<IpPrefix> prefix_of(nl_addr* address) {
  const int family = address == nullptr ? AF_UNSPEC : ::nl_addr_get_family(address);
  const unsigned size = family == AF_INET ? 4 : 16;
  if ((family != AF_INET && family != AF_INET6) || ::nl_addr_get_len(address) != size)
    return std::nullopt;
  IpPrefix out;
  out.address.is_v6 = family == AF_INET6;
  std::memcpy(out.address.bytes.data(), ::nl_addr_get_binary_addr(address), size);
  out.length = ::nl_addr_get_prefixlen(address);
  return out.length <= out.address.bits() ? std::optional(out) : std::nullopt;
}

bool matters(const IpPrefix& prefix) {
  if (prefix.length == 0) return false;
  const auto& bytes = prefix.address.bytes;
  if (prefix.address.is_v6)
    return bytes[0] != 0xff && !(bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80);
  return bytes[0] < 224 && !(bytes[0] == 169 && bytes[1] == 254);
}

using Names = std::map<int, std::string>;

/// Calls `visit` for every object of a cache that `allocate` fills.
template <class Object, class Allocate, class Visit>
Result<> each(std::string_view what, const Allocate& allocate, const Visit& visit) {
  nl_cache* raw = nullptr;
  const int failed = allocate(&raw);
  if (failed < 0) return nl_failure(failed, what);
  const Owned<nl_cache> cache(raw);
  for (nl_object* object = ::nl_cache_get_first(cache.get()); object != nullptr;
       object = ::nl_cache_get_next(object))
    visit(reinterpret_cast<Object*>(object));
  return {};
}

Result<> each_link(nl_sock* socket, const auto& visit) {
  return each<rtnl_link>(
      "list interfaces",
      [&](nl_cache** cache) { return ::rtnl_link_alloc_cache(socket, AF_UNSPEC, cache); },
      visit);
}

void add(std::vector<HostPrefix>& out,
         std::optional<IpPrefix> prefix,
         const Names& names,
         int index) {
  if (!prefix || !matters(*prefix)) return;
  const auto name = names.find(index);
  out.push_back({prefix->network(), name == names.end() ? std::string() : name->second});
}

int interface_of(rtnl_route* route) {
  rtnl_nexthop* hop = ::rtnl_route_nexthop_n(route, 0);
  return hop == nullptr ? 0 : ::rtnl_route_nh_get_ifindex(hop);
}

/// Null when there is none.
Result<Owned<rtnl_link>> find_link(nl_sock* socket, const std::string& name) {
  rtnl_link* raw = nullptr;
  const int failed = ::rtnl_link_get_kernel(socket, 0, name.c_str(), &raw);
  if (failed == -NLE_OBJ_NOTFOUND || failed == -NLE_NODEV) return Owned<rtnl_link>();
  if (failed < 0) return nl_failure(failed, fmt::format("look for interface \"{}\"", name));
  return Owned<rtnl_link>(raw);
}

/// Null when there is none.
Result<Owned<rtnl_link>> find_bridge(nl_sock* socket, const std::string& name) {
  TRY_ASSIGN(Owned<rtnl_link> link, find_link(socket, name));
  if (link == nullptr) return link;
  const char* type = ::rtnl_link_get_type(link.get());
  if (type == nullptr || std::string_view(type) != "bridge")
    return Error(Code::kFailedPrecondition, fmt::format("interface \"{}\" is not a bridge", name))
        .with_reason("NOT_A_BRIDGE");
  return link;
}

Result<unsigned> count_ports(nl_sock* socket, rtnl_link* bridge) {
  const int index = ::rtnl_link_get_ifindex(bridge);
  unsigned ports = 0;
  TRY(each_link(socket, [&](rtnl_link* link) {
    if (::rtnl_link_get_master(link) == index) ++ports;
  }));
  return ports;
}

Result<> add_address(nl_sock* socket, int index, const IpPrefix& prefix) {
  const Owned<nl_addr> local(::nl_addr_build(prefix.address.is_v6 ? AF_INET6 : AF_INET,
                                             prefix.address.bytes.data(),
                                             prefix.address.is_v6 ? 16 : 4));
  const Owned<rtnl_addr> address(::rtnl_addr_alloc());
  if (local == nullptr || address == nullptr) return Error::from_errno(ENOMEM, "make address");
  ::nl_addr_set_prefixlen(local.get(), static_cast<int>(prefix.length));
  ::rtnl_addr_set_ifindex(address.get(), index);
  ::rtnl_addr_set_local(address.get(), local.get());
  const int failed = ::rtnl_addr_add(socket, address.get(), NLM_F_REPLACE);
  if (failed < 0) return nl_failure(failed, fmt::format("add address \"{}\"", prefix.str()));
  return {};
}

}  // namespace

Result<std::vector<HostPrefix>> host_prefixes() {
  TRY_ASSIGN(const auto socket, connect());
  Names names;
  TRY(each_link(socket.get(), [&](rtnl_link* link) {
    names[::rtnl_link_get_ifindex(link)] = ::rtnl_link_get_name(link);
  }));
  std::vector<HostPrefix> out;
  TRY(each<rtnl_addr>(
      "list addresses",
      [&](nl_cache** cache) { return ::rtnl_addr_alloc_cache(socket.get(), cache); },
      [&](rtnl_addr* address) {
        add(out,
            prefix_of(::rtnl_addr_get_local(address)),
            names,
            ::rtnl_addr_get_ifindex(address));
      }));
  TRY(each<rtnl_route>(
      "list routes",
      [&](nl_cache** cache) { return ::rtnl_route_alloc_cache(socket.get(), AF_UNSPEC, 0, cache); },
      [&](rtnl_route* route) {
        add(out, prefix_of(::rtnl_route_get_dst(route)), names, interface_of(route));
      }));
  return out;
}

Result<std::optional<BridgeState>> inspect_bridge(const std::string& name) {
  TRY_ASSIGN(const auto socket, connect());
  TRY_ASSIGN(const Owned<rtnl_link> bridge, find_bridge(socket.get(), name));
  if (bridge == nullptr) return std::optional<BridgeState>{};
  TRY_ASSIGN(const unsigned ports, count_ports(socket.get(), bridge.get()));
  return std::optional(BridgeState{.name = name, .ports = ports});
}

Result<> add_bridge(const std::string& name, const std::vector<IpPrefix>& addresses) {
  TRY_ASSIGN(const auto socket, connect());
  const Owned<rtnl_link> link(::rtnl_link_alloc());
  if (link == nullptr) return Error::from_errno(ENOMEM, "make bridge");
  ::rtnl_link_set_name(link.get(), name.c_str());
  int failed = ::rtnl_link_set_type(link.get(), "bridge");
  if (failed >= 0) failed = ::rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (failed < 0 && failed != -NLE_EXIST)
    return nl_failure(failed, fmt::format("make bridge \"{}\"", name));
  TRY_ASSIGN(const Owned<rtnl_link> bridge, find_bridge(socket.get(), name));
  if (bridge == nullptr) return Error(Code::kInternal, fmt::format("no bridge \"{}\"", name));
  for (const IpPrefix& prefix : addresses)
    TRY(add_address(socket.get(), ::rtnl_link_get_ifindex(bridge.get()), prefix));
  const Owned<rtnl_link> change(::rtnl_link_alloc());
  if (change == nullptr) return Error::from_errno(ENOMEM, "change bridge");
  ::rtnl_link_set_flags(change.get(), IFF_UP);
  failed = ::rtnl_link_change(socket.get(), bridge.get(), change.get(), 0);
  if (failed < 0) return nl_failure(failed, fmt::format("bring up bridge \"{}\"", name));
  return {};
}

Result<> remove_bridge(const std::string& name) {
  TRY_ASSIGN(const auto socket, connect());
  TRY_ASSIGN(const Owned<rtnl_link> bridge, find_bridge(socket.get(), name));
  if (bridge == nullptr) return {};
  TRY_ASSIGN(const unsigned ports, count_ports(socket.get(), bridge.get()));
  if (ports > 0)
    return Error(Code::kFailedPrecondition,
                 fmt::format("bridge \"{}\" has {} interfaces in it", name, ports))
        .with_reason("NETWORK_IN_USE");
  const int failed = ::rtnl_link_delete(socket.get(), bridge.get());
  if (failed < 0 && failed != -NLE_OBJ_NOTFOUND && failed != -NLE_NODEV)
    return nl_failure(failed, fmt::format("delete bridge \"{}\"", name));
  return {};
}

Result<> add_veth_link(const std::string& name, const std::vector<IpPrefix>& addresses) {
  TRY_ASSIGN(const auto socket, connect());
  const Owned<rtnl_link> link(::rtnl_link_alloc());
  if (link == nullptr) return Error::from_errno(ENOMEM, "make interface");
  ::rtnl_link_set_name(link.get(), name.c_str());
  int failed = ::rtnl_link_set_type(link.get(), "veth");
  if (failed >= 0) failed = ::rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (failed < 0) return nl_failure(failed, fmt::format("make interface \"{}\"", name));
  TRY_ASSIGN(const Owned<rtnl_link> made, find_link(socket.get(), name));
  if (made == nullptr) return Error(Code::kInternal, fmt::format("no interface \"{}\"", name));
  for (const IpPrefix& prefix : addresses)
    TRY(add_address(socket.get(), ::rtnl_link_get_ifindex(made.get()), prefix));
  return {};
}

}  // namespace skerry::cni
