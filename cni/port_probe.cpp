#include "cni/port_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace skerry::cni {
namespace {

std::string text_of(const PortMapping& port) {
  return fmt::format("{}{}/{}",
                     port.host_ip ? port.host_ip->str() + " " : std::string(),
                     port.host_port,
                     protocol_text(port.protocol));
}

bool clash(const PortMapping& a, const PortMapping& b) {
  const bool same_address = !a.host_ip || !b.host_ip || *a.host_ip == *b.host_ip;
  return a.host_port == b.host_port && a.protocol == b.protocol && same_address;
}

Result<> check_repeats(const std::vector<PortMapping>& ports) {
  for (auto port = ports.begin(); port != ports.end(); ++port) {
    const auto same = std::find_if(
        ports.begin(), port, [&](const PortMapping& other) { return clash(*port, other); });
    if (same != port)
      return Error(Code::kInvalidArgument,
                   fmt::format("port {} is published twice", text_of(*port)))
          .with_reason("PORT_REPEATED");
  }
  return {};
}

sockaddr_storage socket_address(const IpAddress& address, std::uint16_t port, socklen_t& size) {
  sockaddr_storage out{};
  if (address.is_v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&out, &v6, size = sizeof(v6));
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    std::memcpy(&out, &v4, size = sizeof(v4));
  }
  return out;
}

Result<UniqueFd> open_socket(const PortMapping& port, bool is_v6) {
  const int type = port.protocol == Protocol::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  const int protocol = port.protocol == Protocol::kSctp ? IPPROTO_SCTP : 0;
  UniqueFd fd(::socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, protocol));
  if (fd) return fd;
  const int sys_errno = errno;
  auto error = Error::from_errno(sys_errno, fmt::format("probe port {}", text_of(port)));
  // A host without the family or the protocol.
  if (sys_errno == EAFNOSUPPORT || sys_errno == EPROTONOSUPPORT || sys_errno == ESOCKTNOSUPPORT)
    return std::move(error).with_code(Code::kUnimplemented);
  return error;
}

Result<> allow_probe(int fd, const PortMapping& port, bool is_v6) {
  const int on = 1;
  // UDP sockets with SO_REUSEADDR share a port, which is what is not wanted here.
  if (port.protocol != Protocol::kUdp &&
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
    return Error::from_errno(errno, "set SO_REUSEADDR");
  if (is_v6 && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
    return Error::from_errno(errno, "set IPV6_V6ONLY");
  return {};
}

Result<> bind_one(const PortMapping& port, const IpAddress& address) {
  TRY_ASSIGN(const UniqueFd fd, open_socket(port, address.is_v6));
  TRY(allow_probe(fd.get(), port, address.is_v6));
  socklen_t size = 0;
  const sockaddr_storage name = socket_address(address, port.host_port, size);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0) return {};
  const int sys_errno = errno;
  if (sys_errno == EADDRINUSE)
    return Error(Code::kFailedPrecondition,
                 fmt::format("port {} is in use on this host", text_of(port)))
        .with_reason("PORT_TAKEN");
  if (sys_errno == EADDRNOTAVAIL && port.host_ip)
    return Error(Code::kFailedPrecondition,
                 fmt::format("port {}: this host does not have the address", text_of(port)))
        .with_reason("HOST_IP_UNKNOWN");
  return Error::from_errno(sys_errno, fmt::format("bind port {}", text_of(port)));
}

Result<> probe_one(const PortMapping& port) {
  if (port.host_ip) return bind_one(port, *port.host_ip);
  TRY(bind_one(port, IpAddress{}));
  IpAddress any_v6;
  any_v6.is_v6 = true;
  auto bound = bind_one(port, any_v6);
  // A host may do without IPv6.
  if (!bound &&
      (bound.error().code() == Code::kUnimplemented || bound.error().sys_errno() == EADDRNOTAVAIL))
    return {};
  return bound;
}

}  // namespace

Result<> probe_host_ports(const std::vector<PortMapping>& ports) {
  TRY(check_repeats(ports));
  for (const PortMapping& port : ports) TRY(probe_one(port));
  return {};
}

}  // namespace skerry::cni
