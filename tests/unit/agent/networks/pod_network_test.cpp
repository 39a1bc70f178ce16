// What a PodSpec may say about the network, and what it means.
#include "agent/networks/pod_network.h"

#include <functional>

#include <gtest/gtest.h>

#include "agent/networks/membership.h"
#include "agent/networks/network_status.h"
#include "agent/networks/network_table.h"

namespace skerry::agent {
namespace {

using isolators::NetworkMode;

Result<PodNetwork> check(const std::function<void(v1::PodSpec&)>& change,
                         const config::NetworkOptions& options = {}) {
  v1::PodSpec pod;
  change(pod);
  return check_pod_network(pod, "spec.pod", options);
}

config::NetworkOptions default_is(const char* name) {
  config::NetworkOptions options;
  options.default_network = name;
  return options;
}

isolators::NetworkWish wish_for(const char* network) {
  isolators::NetworkWish wish;
  wish.network = network;
  wish.interface = "eth0";
  return wish;
}

std::string refusal(const std::function<void(v1::PodSpec&)>& change) {
  const auto checked = check(change);
  EXPECT_FALSE(checked);
  if (checked) return "";
  EXPECT_EQ(checked.error().code(), Code::kInvalidArgument);
  return checked.error().message();
}

v1::PortMapping& add_port(v1::PodSpec& pod, std::uint32_t host, std::uint32_t inside) {
  v1::PortMapping& port = *pod.add_ports();
  port.set_host_port(host);
  port.set_container_port(inside);
  return port;
}

TEST(PodNetwork, WhoSaysNothingGetsTheDefault) {
  const auto usual = check([](auto&) {});
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->mode, NetworkMode::kNetworks);
  ASSERT_EQ(usual->settings.networks.size(), 1U);
  EXPECT_EQ(usual->settings.networks[0].network, "skerry");
  EXPECT_EQ(usual->settings.networks[0].interface, "eth0");
  EXPECT_EQ(check([](auto&) {}, default_is("none"))->mode, NetworkMode::kNone);
  EXPECT_EQ(check([](auto&) {}, default_is("host"))->mode, NetworkMode::kHost);
  EXPECT_EQ(check([](auto&) {}, default_is("blue"))->settings.networks[0].network, "blue");
}

TEST(PodNetwork, NumbersInterfacesAndKeepsWishes) {
  const auto checked = check([](v1::PodSpec& pod) {
    pod.add_networks()->set_network("a");
    v1::NetworkAttachment& second = *pod.add_networks();
    second.set_network("b");
    second.add_addresses("10.0.0.7");
    second.add_addresses("fd00::7");
    second.set_mac_address("02:42:0a:58:00:07");
    add_port(pod, 80, 8080).set_host_ip("10.1.2.3");
  });
  ASSERT_TRUE(checked) << checked.error().message();
  const auto& settings = checked->settings;
  EXPECT_EQ(settings.networks[1].interface, "eth1");
  const Uid uid = Uid::make();
  const cni::Attachment first = make_attachment(uid, settings, settings.networks[0], "/n");
  EXPECT_EQ(first.ports.size(), 1U);
  EXPECT_EQ(first.ports[0].host_ip->str(), "10.1.2.3");
  const cni::Attachment second = make_attachment(uid, settings, settings.networks[1], "/n");
  EXPECT_TRUE(second.ports.empty());
  ASSERT_EQ(second.ips.size(), 2U);
  EXPECT_EQ(second.ips[0].str(), "10.0.0.7/32");
  EXPECT_EQ(second.mac, "02:42:0a:58:00:07");
}

TEST(PodNetwork, RefusesBadValuesByName) {
  const auto network = [](const char* name) {
    return [name](v1::PodSpec& pod) { pod.add_networks()->set_network(name); };
  };
  EXPECT_NE(refusal(network("none")).find("is a mode"), std::string::npos);
  EXPECT_NE(refusal(network("")).find("spec.pod.networks[0].network"), std::string::npos);
  EXPECT_NE(refusal(network("a/b")).find("spec.pod.networks[0].network"), std::string::npos);
  EXPECT_NE(refusal([](v1::PodSpec& pod) {
              pod.add_networks()->set_network("a");
              pod.add_networks()->set_network("a");
            }).find("appears twice"),
            std::string::npos);
  const auto with = [](const std::function<void(v1::NetworkAttachment&)>& change) {
    return [change](v1::PodSpec& pod) {
      v1::NetworkAttachment& one = *pod.add_networks();
      one.set_network("a");
      change(one);
    };
  };
  EXPECT_NE(refusal(with([](auto& one) { one.set_interface("lo"); })).find("interface"),
            std::string::npos);
  EXPECT_NE(refusal(with([](auto& one) { one.add_addresses("10.0.0.300"); })).find("addresses"),
            std::string::npos);
  EXPECT_NE(refusal(with([](auto& one) {
              one.add_addresses("10.0.0.1");
              one.add_addresses("10.0.0.2");
            })).find("two of one family"),
            std::string::npos);
  for (const char* mac : {"02:42", "zz:42:0a:58:00:07", "02-42-0a-58-00-07"}) {
    EXPECT_NE(refusal(with([&](auto& one) { one.set_mac_address(mac); })).find("mac_address"),
              std::string::npos);
  }
  EXPECT_NE(refusal(with([](auto& one) {
              one.set_mac_address("01:00:5e:00:00:01");
            })).find("group address"),
            std::string::npos);
}

TEST(PodNetwork, RefusesPortsThatAreNoneOrTwice) {
  EXPECT_NE(refusal([](v1::PodSpec& pod) { add_port(pod, 0, 80); }).find("host_port: 0"),
            std::string::npos);
  EXPECT_NE(refusal([](v1::PodSpec& pod) { add_port(pod, 80, 65536); }).find("container_port"),
            std::string::npos);
  const auto twice = check([](v1::PodSpec& pod) {
    add_port(pod, 80, 1);
    add_port(pod, 80, 2).set_host_ip("127.0.0.1");
  });
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason(), "PORT_REPEATED");
  EXPECT_TRUE(check([](v1::PodSpec& pod) {
    add_port(pod, 80, 1);
    add_port(pod, 80, 1).set_protocol(v1::PORT_PROTOCOL_UDP);
  }));
}

TEST(PodNetwork, WhoHasNoNetworkPublishesNothing) {
  for (const auto mode : {v1::NETWORK_MODE_NONE, v1::NETWORK_MODE_HOST}) {
    EXPECT_NE(refusal([&](v1::PodSpec& pod) {
                pod.set_network(mode);
                add_port(pod, 80, 80);
              }).find("spec.pod.ports"),
              std::string::npos);
    EXPECT_NE(refusal([&](v1::PodSpec& pod) {
                pod.set_network(mode);
                pod.add_networks()->set_network("a");
              }).find("spec.pod.networks"),
              std::string::npos);
    EXPECT_NE(refusal([&](v1::PodSpec& pod) {
                pod.set_network(mode);
                pod.mutable_dns();
              }).find("spec.pod.dns"),
              std::string::npos);
  }
}

TEST(PodNetwork, TakesNamesThatFitTheirFiles) {
  const auto checked = check([](v1::PodSpec& pod) {
    pod.mutable_dns()->add_servers("192.0.2.1");
    pod.mutable_dns()->add_searches("example.org");
    pod.mutable_dns()->add_options("ndots:2");
    v1::HostAlias& alias = *pod.add_host_aliases();
    alias.set_ip("192.0.2.9");
    alias.add_hostnames("db");
  });
  ASSERT_TRUE(checked) << checked.error().message();
  EXPECT_EQ(checked->settings.dns.options, std::vector<std::string>{"ndots:2"});
  EXPECT_EQ(checked->settings.aliases[0].names, std::vector<std::string>{"db"});
  EXPECT_NE(refusal([](v1::PodSpec& pod) {
              pod.mutable_dns()->add_options("a\nnameserver x");
            }).find("dns.options"),
            std::string::npos);
  EXPECT_NE(refusal([](v1::PodSpec& pod) {
              v1::HostAlias& alias = *pod.add_host_aliases();
              alias.set_ip("192.0.2.9");
              alias.add_hostnames("db\n127.0.0.1 localhost");
            }).find("hostnames"),
            std::string::npos);
}

TEST(NetworkTable, NamesThoseThereAre) {
  NetworkTable table;
  table.networks["blue"] = {};
  const auto missing = find_network(table, "red");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_EQ(missing.error().reason(), "NETWORK_NOT_FOUND");
  EXPECT_EQ(missing.error().message(), "there is no network \"red\"; there are none, host, blue");
}

TEST(NetworkTable, NamesThePackageOfAMissingPlugin) {
  const auto bridge =
      cni::parse_network_list(R"({"name":"n","cniVersion":"1.0.0","plugins":[{"type":"bridge"}]})");
  const auto own =
      cni::parse_network_list(R"({"name":"n","cniVersion":"1.0.0","plugins":[{"type":"ours"}]})");
  const cni::PluginPaths nowhere{.directories = {"/nonexistent/cni"}};
  EXPECT_NE(
      check_network_plugins(nowhere, *bridge).error().message().find("containernetworking-plugins"),
      std::string::npos);
  EXPECT_EQ(check_network_plugins(nowhere, *own).error().message().find("containernetworking"),
            std::string::npos);
}

TEST(NetworkStatus, FollowsTheLifeOfAnAttachment) {
  NetworkStatus networks;
  PortStatus ports;
  isolators::NetworkSettings settings;
  settings.networks.push_back(wish_for("a"));
  settings.ports.push_back({.host_port = 80, .container_port = 8080});
  show_attaching(settings, networks, ports);
  ASSERT_EQ(networks.size(), 1);
  EXPECT_EQ(networks[0].state(), v1::ATTACHMENT_STATE_ATTACHING);
  EXPECT_EQ(ports[0].state(), v1::PORT_STATE_RESERVED);
  isolators::NetworkMembership membership;
  membership.network = "a";
  membership.interface = "eth0";
  membership.addresses = {"10.0.0.2/24"};
  show_attached(
      {.attempt = "x", .networks = {membership}, .ports = settings.ports}, networks, ports);
  EXPECT_EQ(networks[0].state(), v1::ATTACHMENT_STATE_ATTACHED);
  EXPECT_EQ(networks[0].addresses(0), "10.0.0.2/24");
  EXPECT_EQ(ports[0].state(), v1::PORT_STATE_OPEN);
  show_detached(true, networks, ports);
  EXPECT_EQ(networks[0].state(), v1::ATTACHMENT_STATE_DETACHING);
  show_detached(false, networks, ports);
  EXPECT_EQ(networks[0].state(), v1::ATTACHMENT_STATE_DETACHED);
  EXPECT_EQ(ports[0].state(), v1::PORT_STATE_RELEASED);
}

TEST(Membership, TellsTheTwoEndsApart) {
  cni::CniResult result;
  result.interfaces = {{.name = "br0", .mac = {}, .sandbox = {}},
                       {.name = "veth1234", .mac = {}, .sandbox = {}},
                       {.name = "eth0", .mac = "02:00:00:00:00:01", .sandbox = "/n"}};
  result.ips = {{.address = *cni::IpPrefix::parse("10.0.0.2/24"),
                 .gateway = cni::IpAddress::parse("10.0.0.1"),
                 .interface = 2}};
  const auto membership = to_membership(wish_for("a"), result);
  EXPECT_EQ(membership.host_interface, "veth1234");
  EXPECT_EQ(membership.mac, "02:00:00:00:00:01");
  EXPECT_EQ(membership.addresses, std::vector<std::string>{"10.0.0.2/24"});
  EXPECT_EQ(membership.gateways, std::vector<std::string>{"10.0.0.1"});
}

}  // namespace
}  // namespace skerry::agent
