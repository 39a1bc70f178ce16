// Trial binds, on loopback.
#include "cni/port_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace skerry::cni {
namespace {

struct Taken {
  UniqueFd socket;
  std::uint16_t port = 0;
};

/// A port of 127.0.0.1 that the kernel chose.
Taken take_port(int type) {
  Taken out{.socket = UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)), .port = 0};
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  auto* const generic = reinterpret_cast<sockaddr*>(&name);
  EXPECT_EQ(::bind(out.socket.get(), generic, size), 0);
  EXPECT_TRUE(type != SOCK_STREAM || ::listen(out.socket.get(), 1) == 0);
  EXPECT_EQ(::getsockname(out.socket.get(), generic, &size), 0);
  out.port = ntohs(name.sin_port);
  return out;
}

std::string reason(const std::vector<PortMapping>& ports) {
  const auto probed = probe_host_ports(ports);
  return probed ? "free" : probed.error().reason();
}

TEST(PortProbe, TellsATakenPortFromAFreeOne) {
  for (const auto& [type, protocol] :
       {std::pair(SOCK_STREAM, Protocol::kTcp), std::pair(SOCK_DGRAM, Protocol::kUdp)}) {
    Taken taken = take_port(type);
    PortMapping port{.host_port = taken.port, .container_port = 80, .protocol = protocol};
    EXPECT_EQ(reason({port}), "PORT_TAKEN");
    port.host_ip = IpAddress::parse("127.0.0.1");
    EXPECT_EQ(reason({port}), "PORT_TAKEN");
    taken.socket.reset();
    EXPECT_EQ(reason({port}), "free");
  }
}

TEST(PortProbe, RefusesTwoMappingsOfOnePort) {
  const PortMapping any{.host_port = 8080, .container_port = 80};
  PortMapping local = any;
  local.host_ip = IpAddress::parse("127.0.0.1");
  EXPECT_EQ(reason({any, any}), "PORT_REPEATED");
  EXPECT_EQ(reason({any, local}), "PORT_REPEATED");
}

TEST(PortProbe, RefusesAnAddressTheHostDoesNotHave) {
  EXPECT_EQ(reason({{.host_port = 8080,
                     .container_port = 80,
                     .protocol = Protocol::kTcp,
                     .host_ip = IpAddress::parse("203.0.113.77")}}),
            "HOST_IP_UNKNOWN");
}

}  // namespace
}  // namespace skerry::cni
