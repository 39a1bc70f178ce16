// The default network with the reference plugins.
#include <fmt/format.h>

#include "cni/leases.h"
#include "cni/link.h"
#include "cni/port_probe.h"
#include "cni/subnet.h"
#include "tests/interop/cni/host.h"

namespace skerry::cni::test {
namespace {

using NetworkTest = HostTest;

std::string address_of(const Result<AttachResult>& attached) {
  return attached ? attached->result.ips.at(0).address.address.str() : attached.error().message();
}

/// Another machine: 198.51.100.2, wired to the host's 198.51.100.1.
void wire(const Netns& other) {
  tool({"ip",
        "link",
        "add",
        "uplink",
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        other.path()});
  tool({"ip", "addr", "add", "198.51.100.1/24", "dev", "uplink"});
  tool({"ip", "link", "set", "uplink", "up"});
  other.in([] {
    tool({"ip", "addr", "add", "198.51.100.2/24", "dev", "eth0"});
    tool({"ip", "link", "set", "eth0", "up"});
  });
}

TEST_F(NetworkTest, ContainersAndTheHostReachEachOther) {
  const NetworkList list = default_network("10.88.16.0/20");
  const Netns a;
  const Netns b;
  const Attachment in_a = attachment(list, a);
  const Attachment in_b = attachment(list, b);
  const auto attached_a = attach(list, in_a);
  const auto attached_b = attach(list, in_b);
  ASSERT_TRUE(attached_a) << attached_a.error().message();
  ASSERT_TRUE(attached_b) << attached_b.error().message();
  const std::string ip_a = address_of(attached_a);
  const std::string ip_b = address_of(attached_b);
  EXPECT_NE(ip_a, ip_b);
  EXPECT_EQ(attached_a->result.ips[0].gateway->str(), "10.88.16.1");
  const Listener server(&b, 8000);
  EXPECT_TRUE(server.answers(&a, ip_b, 8000));
  EXPECT_TRUE(server.answers(nullptr, ip_b, 8000));
  const Listener host(nullptr, 8001);
  EXPECT_TRUE(host.answers(&a, "10.88.16.1", 8001));

  const auto checked = runtime_->check(in_a, call());
  ASSERT_TRUE(checked) << checked.error().message();
  EXPECT_EQ(*checked, Checked::kSound);
  const auto twice = attach(list, in_a);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason(), "ALREADY_ATTACHED");
  EXPECT_EQ(remove_bridge("skerry-test0").error().reason(), "NETWORK_IN_USE");

  for (const Attachment& each : {in_a, in_b}) {
    const auto detached = detach(each);
    ASSERT_TRUE(detached) << detached.error().message();
    EXPECT_TRUE(detach(each));
    EXPECT_TRUE(runtime_->detach(&list, each, call()));
    expect_no_trace(list, each.container);
  }
  EXPECT_EQ((*inspect_bridge("skerry-test0"))->ports, 0U);
  EXPECT_TRUE(remove_bridge("skerry-test0"));
  EXPECT_TRUE(remove_bridge("skerry-test0"));
  EXPECT_FALSE(*inspect_bridge("skerry-test0"));
  EXPECT_EQ(remove_bridge("lo").error().reason(), "NOT_A_BRIDGE");
}

TEST_F(NetworkTest, APublishedPortAnswersFromEverywhere) {
  const NetworkList list = default_network("10.88.16.0/20");
  const Netns container;
  const Netns other;
  wire(other);
  Attachment published = attachment(list, container);
  published.ports = {{.host_port = 18080, .container_port = 80}};
  ASSERT_TRUE(probe_host_ports(published.ports));
  const auto attached = attach(list, published);
  ASSERT_TRUE(attached) << attached.error().message();
  const Listener server(&container, 80);
  EXPECT_TRUE(server.answers(&other, "198.51.100.1", 18080));
  EXPECT_TRUE(server.answers(nullptr, "198.51.100.1", 18080));
  EXPECT_TRUE(server.answers(nullptr, "127.0.0.1", 18080));
  // The container by its own published port: that is what the hairpin is for.
  EXPECT_TRUE(server.answers(&container, "198.51.100.1", 18080));
  ASSERT_TRUE(detach(published));
  EXPECT_FALSE(server.answers(&other, "198.51.100.1", 18080));
  expect_no_trace(list, published.container);
}

TEST_F(NetworkTest, DetachLeavesNothingWhenTheNamespaceIsGone) {
  const NetworkList list = default_network("10.88.16.0/20");
  auto netns = std::make_unique<Netns>();
  Attachment gone = attachment(list, *netns);
  gone.ports = {{.host_port = 18081, .container_port = 80}};
  const auto attached = attach(list, gone);
  ASSERT_TRUE(attached) << attached.error().message();
  EXPECT_NE(tool({"iptables-save", "-t", "nat"}).find(gone.container), std::string::npos);
  netns.reset();
  const auto detached = detach(gone);
  ASSERT_TRUE(detached) << detached.error().message();
  expect_no_trace(list, gone.container);
  gone.netns.clear();
  EXPECT_TRUE(detach(gone));
  EXPECT_TRUE(runtime_->detach(&list, gone, call()));
}

TEST_F(NetworkTest, DetachSucceedsWhenNamespaceAndRulesAreGone) {
  const NetworkList list = default_network("10.88.16.0/20");
  auto netns = std::make_unique<Netns>();
  const Attachment gone = attachment(list, *netns);
  const auto attached = attach(list, gone);
  ASSERT_TRUE(attached) << attached.error().message();
  // As after a reboot, or by somebody who flushes the tables.
  netns.reset();
  tool({"iptables", "-t", "nat", "-F"});
  tool({"iptables", "-t", "nat", "-X"});
  const auto detached = detach(gone);
  ASSERT_TRUE(detached) << detached.error().message();
  expect_no_trace(list, gone.container);
}

TEST_F(NetworkTest, DetachUndoesAnAddThatWasBrokenOff) {
  const NetworkList list = default_network("10.88.16.0/20");
  for (const bool is_gone : {false, true}) {
    auto netns = std::make_unique<Netns>();
    const Attachment broken = attachment(list, *netns);
    const auto attached = attach(list, broken);
    ASSERT_TRUE(attached) << attached.error().message();
    const std::string ip = address_of(attached);
    EXPECT_NE(tool({"iptables-save"}).find(ip), std::string::npos);
    // As if the daemon had been killed before the result was on disk.
    auto entry = runtime_->cache().load(list.name, broken.container, "eth0");
    ASSERT_TRUE(entry);
    entry->result.clear();
    ASSERT_TRUE(runtime_->cache().save(*entry));
    if (is_gone) netns.reset();
    const auto detached = detach(broken);
    ASSERT_TRUE(detached) << detached.error().message();
    expect_no_trace(list, broken.container);
    const std::string rules = tool({"iptables-save"});
    EXPECT_EQ(rules.find(ip), std::string::npos) << rules;
  }
}

TEST_F(NetworkTest, DetachKnowsItsRulesWhenTheOneBeforeTookTheLeaseAlone) {
  const NetworkList list = default_network("10.88.16.0/20");
  const Netns netns;
  const Attachment broken = attachment(list, netns);
  const auto attached = attach(list, broken);
  ASSERT_TRUE(attached) << attached.error().message();
  const std::string ip = address_of(attached);
  auto entry = runtime_->cache().load(list.name, broken.container, "eth0");
  ASSERT_TRUE(entry);
  entry->result.clear();
  ASSERT_TRUE(runtime_->cache().save(*entry));
  // A DEL that got as far as host-local's, which comes first.
  RuntimeConfig config;
  config.paths.directories = {dir_->path()};
  config.cache_dir = cache_dir_.get();
  EXPECT_FALSE(Runtime(std::move(config), *runner_).detach(nullptr, broken, call()));
  ASSERT_EQ(::unlink((lease_pool(list)->directory + "/" + ip).c_str()), 0);
  const auto detached = detach(broken);
  ASSERT_TRUE(detached) << detached.error().message();
  expect_no_trace(list, broken.container);
  const std::string rules = tool({"iptables-save"});
  EXPECT_EQ(rules.find(ip), std::string::npos) << rules;
}

TEST_F(NetworkTest, TellsHowFullItIs) {
  const NetworkList list = default_network("10.88.16.0/29");
  const Netns netns;
  std::vector<Attachment> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(attachment(list, netns));
    all.back().interface = fmt::format("eth{}", i);
    const auto attached = attach(list, all.back());
    ASSERT_TRUE(attached) << attached.error().message();
  }
  Attachment last = attachment(list, netns);
  last.interface = "eth5";
  const auto refused = attach(list, last);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.error().reason(), "NO_ADDRESS_LEFT");
  EXPECT_EQ(refused.error().message().find("5 of 5 addresses are in use"), 0U)
      << refused.error().message();
  ASSERT_TRUE(detach(all.back()));
  const auto attached = attach(list, last);
  EXPECT_TRUE(attached) << attached.error().message();
  all.back() = last;
  for (const Attachment& each : all) EXPECT_TRUE(detach(each));
  EXPECT_TRUE(list_leases(*lease_pool(list))->empty());
}

TEST_F(NetworkTest, CheckFindsAnAddressThatIsGone) {
  const NetworkList list = default_network("10.88.16.0/20");
  const Netns netns;
  const Attachment attached = attachment(list, netns);
  EXPECT_EQ(runtime_->check(attached, call()).error().reason(), "NOT_ATTACHED");
  ASSERT_TRUE(attach(list, attached));
  ASSERT_TRUE(runtime_->check(attached, call()));
  netns.in([] { tool({"ip", "addr", "flush", "dev", "eth0"}); });
  const auto checked = runtime_->check(attached, call());
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message().find("plugin \"bridge\": CHECK"), std::string::npos)
      << checked.error().message();
  EXPECT_TRUE(detach(attached));
}

TEST_F(NetworkTest, SpeaksTheOldVersionsToo) {
  for (const SpecVersion version :
       {SpecVersion::k030, SpecVersion::k031, SpecVersion::k040, SpecVersion::k100}) {
    // Without the firewall plugin, which knows no version before 0.4.
    const auto list = parse_network_list(fmt::format(
        R"({{"name":"old","cniVersion":"{}","plugins":[{{"type":"bridge","bridge":"old0",)"
        R"("ipam":{{"type":"host-local","dataDir":"{}/old","subnet":"10.77.0.0/24"}}}},)"
        R"({{"type":"portmap","capabilities":{{"portMappings":true}}}}]}})",
        version_text(version),
        dir_->path()));
    ASSERT_TRUE(list) << list.error().message();
    const Netns netns;
    const Attachment attached = attachment(*list, netns);
    const auto result = attach(*list, attached);
    ASSERT_TRUE(result) << version_text(version) << ": " << result.error().message();
    EXPECT_EQ(result->result.ips.size(), 1U);
    const auto checked = runtime_->check(attached, call());
    ASSERT_TRUE(checked) << checked.error().message();
    EXPECT_EQ(*checked == Checked::kSound, has_check(version));
    EXPECT_TRUE(detach(attached));
  }
}

TEST_F(NetworkTest, APluginThatRefusesTheVersionKeepsNothing) {
  std::string bytes = default_network("10.88.16.0/20").bytes;
  constexpr std::string_view kVersion = R"("cniVersion":"1.0.0")";
  ASSERT_NE(bytes.find(kVersion), std::string::npos);
  bytes.replace(bytes.find(kVersion), kVersion.size(), R"("cniVersion":"0.3.1")");
  const auto list = parse_network_list(bytes);
  ASSERT_TRUE(list);
  const Netns netns;
  const Attachment refused = attachment(*list, netns);
  const auto attached = attach(*list, refused);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().reason(), "CNI_VERSION_REFUSED");
  EXPECT_EQ(attached.error().message().find("undo"), std::string::npos)
      << attached.error().message();
  expect_no_trace(*list, refused.container);
}

TEST_F(NetworkTest, ChoosesAroundWhatTheHostHas) {
  tool({"ip", "link", "add", "blue", "type", "bridge"});
  tool({"ip", "addr", "add", "10.88.0.9/24", "dev", "blue"});
  tool({"ip", "link", "set", "blue", "up"});
  tool({"ip", "route", "add", "10.88.16.0/24", "dev", "blue", "table", "77"});
  const auto prefixes = host_prefixes();
  ASSERT_TRUE(prefixes) << prefixes.error().message();
  const auto subnet = choose_subnet({.candidates = default_subnet_candidates()}, *prefixes);
  ASSERT_TRUE(subnet);
  EXPECT_EQ(subnet->str(), "10.88.32.0/20");
}

}  // namespace
}  // namespace skerry::cni::test
