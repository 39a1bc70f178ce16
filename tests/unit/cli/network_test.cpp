#include "cli/parse/network.h"

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

TEST(ParsePorts, TakesHostAndContainer) {
  const auto ports = parse_ports("8080:80");
  ASSERT_TRUE(ports);
  ASSERT_EQ(ports->size(), 1U);
  EXPECT_EQ(ports->front().host_ip(), "");
  EXPECT_EQ(ports->front().host_port(), 8080U);
  EXPECT_EQ(ports->front().container_port(), 80U);
  EXPECT_EQ(ports->front().protocol(), v1::PORT_PROTOCOL_TCP);
}

TEST(ParsePorts, TakesAddressesAndProtocols) {
  EXPECT_EQ(parse_ports("127.0.0.1:53:53/udp")->front().host_ip(), "127.0.0.1");
  EXPECT_EQ(parse_ports("127.0.0.1:53:53/udp")->front().protocol(), v1::PORT_PROTOCOL_UDP);
  EXPECT_EQ(parse_ports("[::1]:80:80")->front().host_ip(), "::1");
}

TEST(ParsePorts, MakesAMappingForEachOfARange) {
  const auto ports = parse_ports("8000-8002:80-82");
  ASSERT_TRUE(ports);
  ASSERT_EQ(ports->size(), 3U);
  EXPECT_EQ(ports->back().host_port(), 8002U);
  EXPECT_EQ(ports->back().container_port(), 82U);
}

TEST(ParsePorts, RefusesTheRest) {
  for (const char* text : {"",
                           "80",
                           "0:80",
                           "80:0",
                           "65536:1",
                           "a:b",
                           "80:",
                           ":80",
                           "1-3:1-2",
                           "3-1:3-1",
                           "::1:80:80",
                           "999.1.1.1:80:80",
                           "80:80/sctp",
                           "80:80/",
                           "-1:80",
                           "1:2:3:4"}) {
    EXPECT_FALSE(parse_ports(text)) << text;
  }
  EXPECT_NE(parse_ports("80").error().message().find("-p 80:80"), std::string::npos);
}

TEST(ParseNetwork, TakesANameOrFields) {
  EXPECT_EQ(parse_network("front")->network(), "front");
  const auto network =
      parse_network("name=front,interface=net1,ip=10.1.2.3,mac-address=02:00:00:00:00:01");
  ASSERT_TRUE(network);
  EXPECT_EQ(network->network(), "front");
  EXPECT_EQ(network->interface(), "net1");
  EXPECT_EQ(network->addresses(0), "10.1.2.3");
  for (const char* text :
       {"", "ip=10.1.2.3", "name=x,ip=nope", "name=x,ip6=10.1.2.3", "name=x,frob=1"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

/// Options of which one or two are given.
template <class Set>
PodOptions typed(const Set& set) {
  PodOptions options;
  set(options);
  return options;
}

TEST(FillPodSpec, SaysModesAndNetworks) {
  v1::PodSpec host;
  ASSERT_TRUE(fill_pod_spec(typed([](PodOptions& o) { o.networks = {"host"}; }), host));
  EXPECT_EQ(host.network(), v1::NETWORK_MODE_HOST);
  v1::PodSpec two;
  ASSERT_TRUE(fill_pod_spec(typed([](PodOptions& o) { o.networks = {"a", "b"}; }), two));
  EXPECT_EQ(two.networks(1).network(), "b");
  v1::PodSpec spec;
  EXPECT_FALSE(fill_pod_spec(typed([](PodOptions& o) { o.networks = {"a", "host"}; }), spec));
  EXPECT_FALSE(fill_pod_spec(typed([](PodOptions& o) {
                               o.networks = {"a", "b"};
                               o.ip = "10.0.0.1";
                             }),
                             spec));
  EXPECT_FALSE(fill_pod_spec(typed([](PodOptions& o) { o.ip = "10.0.0.1"; }), spec));
}

TEST(FillPodSpec, SaysNothingThatWasNotTyped) {
  v1::PodSpec spec;
  ASSERT_TRUE(fill_pod_spec({}, spec));
  EXPECT_EQ(spec.ByteSizeLong(), 0U);
}

TEST(FillPodSpec, JoinsTheNamesOfOneAddress) {
  v1::PodSpec spec;
  ASSERT_TRUE(fill_pod_spec(typed([](PodOptions& o) {
                              o.hosts = {"a:10.0.0.1", "b:10.0.0.1", "c:fd00::1"};
                            }),
                            spec));
  ASSERT_EQ(spec.host_aliases_size(), 2);
  EXPECT_EQ(spec.host_aliases(0).hostnames_size(), 2);
  EXPECT_EQ(spec.host_aliases(1).ip(), "fd00::1");
  EXPECT_FALSE(add_host_alias("a", spec));
  EXPECT_FALSE(add_host_alias(":10.0.0.1", spec));
  EXPECT_FALSE(add_host_alias("a:name", spec));
}

TEST(FillPodSpec, ChecksNameServers) {
  v1::PodSpec spec;
  ASSERT_TRUE(fill_pod_spec(typed([](PodOptions& o) {
                              o.dns = {"9.9.9.9"};
                              o.dns_searches = {"x.org"};
                            }),
                            spec));
  EXPECT_EQ(spec.dns().servers(0), "9.9.9.9");
  EXPECT_FALSE(fill_pod_spec(typed([](PodOptions& o) { o.dns = {"nine"}; }), spec));
}

}  // namespace
}  // namespace skerry::cli
