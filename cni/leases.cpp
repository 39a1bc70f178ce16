#include "cni/leases.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "cni/directory.h"
#include "cni/json.h"
#include "os/path.h"

namespace skerry::cni {
namespace {

constexpr std::string_view kDefaultDataDir = "/var/lib/cni/networks";
constexpr std::size_t kMaxLeases = 1UL << 20U;
constexpr std::size_t kMaxLease = 512;
constexpr std::uint64_t kManyAddresses = std::numeric_limits<std::uint64_t>::max();

std::optional<IpAddress> address_of(const Json& range, const char* key) {
  const auto text = string_member(range, key);
  return text ? IpAddress::parse(*text) : std::nullopt;
}

/// As host-local counts: not the network's address, not the broadcast address, not the gateway.
std::uint64_t range_capacity(const Json& range) {
  const auto text = string_member(range, "subnet");
  const auto subnet = text ? IpPrefix::parse(*text) : std::nullopt;
  if (!subnet) return 0;
  if (subnet->address.is_v6) return kManyAddresses;
  if (subnet->length > 30) return 0;
  const std::uint32_t network = subnet->network().address.v4_number();
  const std::uint32_t broadcast = network | (0xffffffffU >> subnet->length);
  const auto start = address_of(range, "rangeStart");
  const auto end = address_of(range, "rangeEnd");
  const auto gateway = address_of(range, "gateway");
  const std::uint64_t first = std::max(start ? start->v4_number() : network + 1, network + 1);
  const std::uint64_t last = std::min(end ? end->v4_number() : broadcast - 1, broadcast - 1);
  if (first > last) return 0;
  const std::uint64_t router = gateway ? gateway->v4_number() : network + 1;
  return last - first + 1 - (router >= first && router <= last ? 1 : 0);
}

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  return a > kManyAddresses - b ? kManyAddresses : a + b;
}

void add_range(LeasePool& pool, const Json& range) {
  pool.capacity = add(pool.capacity, range_capacity(range));
  const auto text = string_member(range, "subnet");
  if (const auto subnet = text ? IpPrefix::parse(*text) : std::nullopt)
    pool.subnets.push_back(*subnet);
}

void add_ranges(LeasePool& pool, const Json& ipam) {
  // The single range of the plugin's first versions, in the object itself.
  add_range(pool, ipam);
  const auto sets = array_member(ipam, "ranges");
  if (!sets || *sets == nullptr) return;
  for (const Json& set : **sets) {
    if (!set.is_array()) continue;
    for (const Json& range : set) {
      if (range.is_object()) add_range(pool, range);
    }
  }
}

/// A lease that says nothing. One that cannot be read may be somebody's.
bool is_nameless(int dir, const std::string& name) {
  const auto address = IpAddress::parse(name);
  if (!address) return false;
  const auto text = os::read_file_at(dir, name, kMaxLease);
  return text && parse_lease(*address, *text).container.empty();
}

/// host-local's own: backend/disk locks this file around every change.
Result<UniqueFd> lock_pool(int dir) {
  TRY_ASSIGN(UniqueFd lock, os::open_beneath(dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return Error::from_errno(errno, "lock the leases");
  return Error(Code::kAborted, "lock the leases: a plugin is at work").as_retryable();
}

std::optional<LeasePool> pool_of(const std::string& network, const PluginConfig& plugin) {
  const auto json = parse_object(plugin.bytes);
  if (!json) return std::nullopt;
  const auto ipam = object_member(*json, "ipam");
  if (!ipam || *ipam == nullptr) return std::nullopt;
  const auto type = string_member(**ipam, "type");
  if (!type || *type != "host-local") return std::nullopt;
  const auto data_dir = string_member(**ipam, "dataDir");
  LeasePool pool;
  pool.directory = data_dir && !data_dir->empty() ? *data_dir : std::string(kDefaultDataDir);
  pool.directory += "/" + network;
  add_ranges(pool, **ipam);
  return pool;
}

}  // namespace

std::optional<LeasePool> lease_pool(const NetworkList& list) {
  for (const PluginConfig& plugin : list.plugins) {
    if (auto pool = pool_of(list.name, plugin)) return pool;
  }
  return std::nullopt;
}

Lease parse_lease(const IpAddress& address, std::string_view text) {
  Lease out{.address = address, .container = {}, .interface = {}};
  const auto end = text.find_first_of("\r\n");
  out.container = printable(text.substr(0, end), kMaxLease);
  if (end == std::string_view::npos) return out;
  text.remove_prefix(end);
  const auto begin = text.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return out;
  text.remove_prefix(begin);
  out.interface = printable(text.substr(0, text.find_first_of("\r\n")), kMaxLease);
  return out;
}

Result<std::vector<Lease>> list_leases(const LeasePool& pool) {
  auto dir = os::open_dir(pool.directory);
  if (!dir && dir.error().code() == Code::kNotFound) return std::vector<Lease>{};
  if (!dir) return std::move(dir).error();
  TRY_ASSIGN(const auto names, list_names(dir->get(), kMaxLeases));
  std::vector<Lease> out;
  for (const std::string& name : names) {
    const auto address = IpAddress::parse(name);
    if (!address) continue;
    const auto text = os::read_file_at(dir->get(), name, kMaxLease);
    // Released between the listing and here.
    if (!text && text.error().code() == Code::kNotFound) continue;
    out.push_back(parse_lease(*address, text ? *text : std::string_view()));
  }
  return out;
}

Result<std::vector<IpAddress>> remove_nameless_leases(const LeasePool& pool) {
  std::vector<IpAddress> out;
  auto dir = os::open_dir(pool.directory);
  if (!dir && dir.error().code() == Code::kNotFound) return out;
  if (!dir) return std::move(dir).error();
  TRY_ASSIGN(auto names, list_names(dir->get(), kMaxLeases));
  const auto has_owner = [&](const std::string& name) { return !is_nameless(dir->get(), name); };
  std::erase_if(names, has_owner);
  if (names.empty()) return out;
  TRY_ASSIGN(const UniqueFd lock, lock_pool(dir->get()));
  std::erase_if(names, has_owner);
  for (const std::string& name : names) {
    if (::unlinkat(dir->get(), name.c_str(), 0) != 0) {
      return Error::from_errno(errno, "remove the nameless lease \"" + name + "\"");
    }
    out.push_back(*IpAddress::parse(name));
  }
  return out;
}

Result<std::optional<CniResult>> result_of_leases(const NetworkList& list,
                                                  const std::string& container,
                                                  const std::string& interface) {
  const auto pool = lease_pool(list);
  if (!pool) return std::optional<CniResult>{};
  TRY_ASSIGN(const auto leases, list_leases(*pool));
  CniResult out;
  for (const Lease& lease : leases) {
    const IpPrefix alone{lease.address, lease.address.bits()};
    const auto subnet = std::ranges::find_if(
        pool->subnets, [&](const IpPrefix& each) { return each.overlaps(alone); });
    const bool is_ours =
        lease.container == container && (lease.interface.empty() || lease.interface == interface);
    if (!is_ours || subnet == pool->subnets.end()) continue;
    out.ips.push_back({.address = {lease.address, subnet->length}, .gateway = {}, .interface = {}});
  }
  return out.ips.empty() ? std::nullopt : std::optional(std::move(out));
}

}  // namespace skerry::cni
