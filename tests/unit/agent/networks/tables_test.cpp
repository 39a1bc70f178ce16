// Who has which port, what a cache file's name says.
#include <gtest/gtest.h>

#include "agent/networks/attached_names.h"
#include "agent/networks/interface_stats.h"
#include "agent/networks/list_ranges.h"
#include "agent/networks/port_table.h"

namespace skerry::agent {
namespace {

cni::PortMapping port(std::uint16_t number, const char* ip = nullptr) {
  cni::PortMapping out{.host_port = number, .container_port = 80};
  if (ip != nullptr) out.host_ip = cni::IpAddress::parse(ip);
  return out;
}

TEST(PortTable, NamesTheOwnerOfATakenPort) {
  PortTable table;
  const Uid one = Uid::make();
  const Uid two = Uid::make();
  ASSERT_TRUE(table.reserve(one, "container web", {port(80), port(443)}));
  const auto taken = table.reserve(two, "container other", {port(8080), port(443)});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(taken.error().reason(), "PORT_TAKEN");
  EXPECT_EQ(taken.error().message(), "port 443/tcp belongs to container web");
  // All or none.
  EXPECT_FALSE(table.holds(two));
  EXPECT_TRUE(table.check(one, {port(80)}));
  table.release(one);
  EXPECT_TRUE(table.reserve(two, "container other", {port(8080), port(443)}));
}

TEST(PortTable, AnAddressAndAProtocolOfTheirOwnDoNotClash) {
  PortTable table;
  ASSERT_TRUE(table.reserve(Uid::make(), "a", {port(80, "10.0.0.1")}));
  EXPECT_TRUE(table.check(Uid::make(), {port(80, "10.0.0.2")}));
  EXPECT_FALSE(table.check(Uid::make(), {port(80)}));
  cni::PortMapping udp = port(80);
  udp.protocol = cni::Protocol::kUdp;
  EXPECT_TRUE(table.check(Uid::make(), {udp}));
}

TEST(AttachedName, FindsTheUidBetweenNamesWithDashes) {
  const std::string uid(32, 'a');
  const auto plain = parse_attached_name("skerry-" + uid + "-eth0");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->network, "skerry");
  EXPECT_EQ(plain->uid.str(), uid);
  EXPECT_EQ(plain->interface, "eth0");
  const auto dashes = parse_attached_name("my-net-" + uid + "-eth-0");
  ASSERT_TRUE(dashes);
  EXPECT_EQ(dashes->network, "my-net");
  EXPECT_EQ(dashes->interface, "eth-0");
  // A network whose name looks like a uid: the last one counts.
  const auto twice = parse_attached_name(std::string(32, 'b') + "-" + uid + "-eth0");
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->uid.str(), uid);
}

TEST(AttachedName, IsNotMadeOfOtherFiles) {
  const std::string uid(32, 'a');
  for (const std::string& name : {std::string(),
                                  std::string("-"),
                                  uid,
                                  "-" + uid + "-eth0",
                                  "skerry-" + uid,
                                  "skerry-" + uid + "-",
                                  "skerry-" + uid.substr(1) + "-eth0",
                                  "skerry-" + std::string(32, 'Z') + "-eth0",
                                  "skerry" + uid + "-eth0"}) {
    EXPECT_FALSE(parse_attached_name(name)) << name;
  }
}

TEST(ListRanges, AreThoseOfHostLocal) {
  const auto list = cni::parse_network_list(
      R"({"name":"n","cniVersion":"1.0.0","plugins":[
        {"type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/24",
         "gateway":"10.1.0.9"}],[{"subnet":"fd00::/64"},{"subnet":7},3]]}},
        {"type":"ptp","ipam":{"type":"host-local","subnet":"10.2.0.0/24"}},
        {"type":"macvlan","ipam":{"type":"dhcp"}},{"type":"portmap"}]})");
  ASSERT_TRUE(list) << list.error().message();
  const auto ranges = ranges_of(*list);
  ASSERT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges[0].subnet, "10.1.0.0/24");
  EXPECT_EQ(ranges[0].gateway, "10.1.0.9");
  EXPECT_EQ(ranges[1].subnet, "fd00::/64");
  EXPECT_EQ(ranges[2].subnet, "10.2.0.0/24");
}

TEST(InterfaceStats, ReadsWhatTheKernelWrites) {
  const auto all = parse_net_dev(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
      "drop fifo colls carrier compressed\n"
      "    lo:    9000      90    0    0    0     0          0         0     9000      90    0    "
      "0 "
      "   0     0       0          0\n"
      "  eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
      " eth1: 1 2 3\n"
      "eth2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0],
            (InterfaceCounters{.name = "eth0",
                               .received_bytes = 18446744073709551615ULL,
                               .received_packets = 2,
                               .received_errors = 3,
                               .received_dropped = 4,
                               .sent_bytes = 9,
                               .sent_packets = 10,
                               .sent_errors = 11,
                               .sent_dropped = 12}));
}

}  // namespace
}  // namespace skerry::agent
