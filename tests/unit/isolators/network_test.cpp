// The files in /etc, the checkpoint, and when the attacher is asked for what.
#include "isolators/network/network.h"

#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/unit/isolators/fixtures.h"

namespace skerry::isolators {
namespace {

cni::IpAddress address(const char* text) { return *cni::IpAddress::parse(text); }

TEST(EtcHosts, NamesThePodAndItsAliases) {
  EtcContent content{.hostname = "web",
                     .addresses = {address("10.0.0.2"), address("fd00::2")},
                     .aliases = {{.ip = address("192.0.2.9"), .names = {"db", "db.example.org"}}},
                     .dns = {}};
  EXPECT_EQ(compose_hosts(content),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            "10.0.0.2\tweb\nfd00::2\tweb\n192.0.2.9\tdb db.example.org\n");
  content.hostname.clear();
  EXPECT_EQ(compose_hosts(content).find("10.0.0.2"), std::string::npos);
}

TEST(ResolvConf, LeavesOutWhoCannotBeReached) {
  const std::string host =
      "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\n"
      "nameserver fe80::1\nnameserver 0.0.0.0\nnameserver\t192.0.2.1\nnameserver 2001:db8::1\n"
      "search old.example\nsearch example.org example.com\noptions ndots:2 edns0\nnonsense\n";
  const DnsWish v4 = usable_dns(host, {address("10.0.0.2")});
  EXPECT_EQ(v4.servers, std::vector{address("192.0.2.1")});
  EXPECT_EQ(v4.searches, (std::vector<std::string>{"example.org", "example.com"}));
  EXPECT_EQ(v4.options, (std::vector<std::string>{"ndots:2", "edns0"}));
  const DnsWish both = usable_dns(host, {address("10.0.0.2"), address("fd00::2")});
  EXPECT_EQ(both.servers, (std::vector{address("192.0.2.1"), address("2001:db8::1")}));
  EXPECT_EQ(compose_resolv_conf(v4),
            "nameserver 192.0.2.1\nsearch example.org example.com\noptions ndots:2 edns0\n");
}

TEST(ResolvConf, SaysWhenNobodyIsKnown) {
  EXPECT_EQ(compose_resolv_conf(usable_dns("nameserver 127.0.0.1\n", {})),
            "# no name server that could be reached from here is known\n");
}

TEST(ResolvConf, TakesThreeServersAndTheFirstWord) {
  const DnsWish dns = usable_dns(
      "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
      {});
  EXPECT_EQ(dns.servers.size(), 3U);
  DnsWish first;
  first.servers = {address("198.51.100.1")};
  DnsWish second = dns;
  second.searches = {"example.org"};
  const DnsWish merged = merge_dns(first, second);
  EXPECT_EQ(merged.servers, std::vector{address("198.51.100.1")});
  EXPECT_EQ(merged.searches, std::vector<std::string>{"example.org"});
}

NetworkRecord sample_record() {
  return {.attempt = "0011223344556677",
          .networks = {{.network = "blue",
                        .interface = "eth0",
                        .host_interface = "veth1",
                        .mac = "02:00:00:00:00:01",
                        .addresses = {"10.0.0.2/24", "fd00::2/64"},
                        .gateways = {"10.0.0.1"}}},
          .ports = {{.host_port = 80, .container_port = 8080},
                    {.host_port = 53,
                     .container_port = 53,
                     .protocol = cni::Protocol::kUdp,
                     .host_ip = address("192.0.2.1")}}};
}

TEST(NetworkRecord, SurvivesItsBytes) {
  const auto decoded = decode_network_record(encode_network_record(sample_record()));
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(*decoded, sample_record());
  EXPECT_EQ(decode_network_record(encode_network_record({})).value(), NetworkRecord{});
}

TEST(NetworkRecord, RefusesWhatIsNone) {
  for (
      const char* bytes :
      {"",
       "[]",
       "{}",
       R"({"attempt":7,"networks":[],"ports":[]})",
       R"({"attempt":"","networks":[{}],"ports":[]})",
       R"({"attempt":"","networks":[],"ports":[{"host":70000,"container":1,"protocol":"tcp"}]})",
       R"({"attempt":"","networks":[],"ports":[{"host":1,"container":1,"protocol":"x"}]})",
       R"({"attempt":"","networks":[],"ports":[{"host":1,"container":1,"protocol":"tcp","ip":"y"}]})"}) {
    const auto decoded = decode_network_record(bytes);
    ASSERT_FALSE(decoded) << bytes;
    EXPECT_EQ(decoded.error().reason(), "CHECKPOINT_DAMAGED");
  }
}

/// Notes what it is asked.
class FakeAttacher final : public NetworkAttacher {
 public:
  Result<> check(const Uid& /*uid*/, const NetworkSettings& settings) const override {
    if (settings.networks.front().network != "red") return {};
    return Error(Code::kNotFound, "no red").with_reason("NETWORK_NOT_FOUND");
  }
  Result<AttachedSandbox> attach(const AttachRequest& /*request*/) override {
    return Error(Code::kDeadlineExceeded, "hung").with_reason("CNI_DEADLINE");
  }
  std::optional<NetworkRecord> owed(const Uid& /*uid*/) const override { return owes; }
  Result<> detach(const Uid& /*uid*/, const NetworkRecord* record) override {
    detached.push_back(record != nullptr ? std::optional(*record) : std::nullopt);
    return {};
  }

  std::optional<NetworkRecord> owes;
  std::vector<std::optional<NetworkRecord>> detached;
};

struct Subject {
  FakeAttacher attacher;
  std::unique_ptr<Isolator> isolator =
      make_network_isolator({.attacher = attacher, .dns_servers = {}});
  ContainerConfig config = test::sample_config();

  Subject() {
    config.network = NetworkMode::kNetworks;
    for (const char* name : {"blue", "green"}) {
      config.network_settings.networks.emplace_back().network = name;
    }
  }
};

TEST(NetworkIsolator, NamesTheLanesOfItsNetworks) {
  Subject subject;
  const std::vector<std::string> both = {"network/blue", "network/green"};
  EXPECT_EQ(subject.isolator->foreign_code(subject.config), both);
  const Checkpoint checkpoint{
      .isolator = "network", .version = 1, .bytes = encode_network_record(sample_record())};
  EXPECT_EQ(subject.isolator->foreign_code(checkpoint), std::vector<std::string>{"network/blue"});
  // One that cannot be read may call anything.
  EXPECT_EQ(subject.isolator->foreign_code(Checkpoint{}).size(), 1U);
  subject.config.network = NetworkMode::kNone;
  EXPECT_TRUE(subject.isolator->foreign_code(subject.config).empty());
  EXPECT_TRUE(
      subject.isolator->foreign_code(Checkpoint{.isolator = "network", .version = 1, .bytes = {}})
          .empty());
}

TEST(NetworkIsolator, AsksOnlyForWhoHasNetworks) {
  Subject subject;
  subject.config.network_settings.networks.front().network = "red";
  EXPECT_FALSE(subject.isolator->validate(subject.config, test::sample_host()));
  subject.config.network = NetworkMode::kHost;
  EXPECT_TRUE(subject.isolator->validate(subject.config, test::sample_host()));
}

TEST(NetworkIsolator, CleansUpByItsCheckpoint) {
  Subject subject;
  const Uid uid = Uid::make();
  // A container without networks remembers nothing, and owes nothing.
  ASSERT_TRUE(subject.isolator->cleanup(uid, {.isolator = "network", .version = 1, .bytes = {}}));
  EXPECT_TRUE(subject.attacher.detached.empty());
  // One that never got as far may have left something.
  ASSERT_TRUE(subject.isolator->cleanup(uid, {}));
  ASSERT_TRUE(subject.isolator->cleanup(
      uid, {.isolator = "network", .version = 1, .bytes = encode_network_record(sample_record())}));
  ASSERT_EQ(subject.attacher.detached.size(), 2U);
  EXPECT_FALSE(subject.attacher.detached[0]);
  EXPECT_EQ(subject.attacher.detached[1], sample_record());
  EXPECT_EQ(subject.isolator->cleanup(uid, {.isolator = "network", .version = 1, .bytes = "?"})
                .error()
                .code(),
            Code::kDataLoss);
}

}  // namespace
}  // namespace skerry::isolators
