// What the small isolators refuse, and what they put into the plan.
#include <sys/resource.h>
#include <sys/utsname.h>

#include <gtest/gtest.h>

#include "fixtures.h"
#include "isolators/namespaces/namespaces.h"
#include "isolators/oom_score/oom_score.h"
#include "isolators/rlimits/rlimits.h"
#include "isolators/sysctls/sysctls.h"

namespace skerry::isolators {
namespace {

using test::Prepared;
using test::sample_config;
using test::sample_host;
using test::verdict;

constexpr std::uint64_t kInfinity = RLIM_INFINITY;

std::string hostname_verdict(const std::string& hostname) {
  auto config = sample_config();
  config.hostname = hostname;
  return verdict(*make_namespaces_isolator(), config);
}

TEST(Namespaces, RefusesBadHostnames) {
  EXPECT_EQ(hostname_verdict(""), "ok");
  EXPECT_EQ(hostname_verdict("web-1.example"), "ok");
  EXPECT_EQ(hostname_verdict(std::string(64, 'a')), "ok");
  for (const auto* bad : {"-a", ".a", "a b", "a/b", "a\n"}) {
    EXPECT_EQ(hostname_verdict(bad), "INVALID_ARGUMENT HOSTNAME_INVALID") << bad;
  }
  EXPECT_EQ(hostname_verdict(std::string(65, 'a')), "INVALID_ARGUMENT HOSTNAME_INVALID");
}

TEST(Namespaces, NeedsCgroupNamespaces) {
  auto host = sample_host();
  host.cgroup_namespaces = false;
  EXPECT_EQ(verdict(*make_namespaces_isolator(), sample_config(), host),
            "FAILED_PRECONDITION NO_CGROUP_NAMESPACE");
}

TEST(Namespaces, OwnNetworkHasLoopbackHostNetworkIsLeftAlone) {
  auto config = sample_config();
  Prepared own;
  EXPECT_TRUE(own.run(*make_namespaces_isolator(), config));
  EXPECT_TRUE(own.builder.plan().cgroup_namespace);
  EXPECT_EQ(own.builder.plan().namespaces, 0x6c020000U);
  EXPECT_EQ(own.operations(),
            (std::vector<std::string>{"set hostname \"0123456789ab\"", "bring up loopback"}));
  config.network = NetworkMode::kHost;
  config.hostname = "web";
  Prepared shared;
  EXPECT_TRUE(shared.run(*make_namespaces_isolator(), config));
  EXPECT_EQ(shared.builder.plan().namespaces, 0x2c020000U);
  EXPECT_EQ(shared.operations(), (std::vector<std::string>{"set hostname \"web\""}));
}

TEST(Namespaces, HostNetworkHasTheHostsName) {
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  auto config = sample_config();
  config.hostname.clear();
  config.network = NetworkMode::kHost;
  EXPECT_EQ(hostname_of(config), names.nodename);
  config.network = NetworkMode::kNone;
  EXPECT_EQ(hostname_of(config), config.uid.str().substr(0, 12));
}

TEST(OomScore, RefusesOutOfRangeAndAlwaysSets) {
  auto config = sample_config();
  const auto isolator = make_oom_score_isolator();
  for (const int good : {-1000, 0, 1000}) {
    config.oom_score_adj = good;
    EXPECT_EQ(verdict(*isolator, config), "ok");
  }
  for (const int bad : {-1001, 1001}) {
    config.oom_score_adj = bad;
    EXPECT_EQ(verdict(*isolator, config), "INVALID_ARGUMENT OOM_SCORE_OUT_OF_RANGE");
  }
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*isolator, sample_config()));
  EXPECT_EQ(prepared.operations(), (std::vector<std::string>{"set oom score 0"}));
}

TEST(Rlimits, NamesGoBothWays) {
  EXPECT_EQ(rlimit_number("nofile"), RLIMIT_NOFILE);
  EXPECT_EQ(rlimit_number("RLIMIT_NOFILE"), std::nullopt);
  EXPECT_EQ(rlimit_number("NOFILE"), std::nullopt);
  for (std::int32_t resource = 0; resource < 16; ++resource) {
    ASSERT_TRUE(rlimit_name(resource));
    EXPECT_EQ(rlimit_number(*rlimit_name(resource)), resource);
  }
  EXPECT_EQ(rlimit_name(16), std::nullopt);
}

RlimitCeilings ceilings() {
  RlimitCeilings ceilings;
  ceilings.fill(kInfinity);
  ceilings[RLIMIT_NOFILE] = 1'000'000;
  return ceilings;
}

std::string rlimits_verdict(const std::vector<Rlimit>& limits) {
  auto config = sample_config();
  config.rlimits = limits;
  return verdict(*make_rlimits_isolator(ceilings()), config);
}

TEST(Rlimits, RefusesWhatTheKernelWould) {
  EXPECT_EQ(rlimits_verdict({{RLIMIT_NOFILE, 1'000'000, 1'000'000}}), "ok");
  EXPECT_EQ(rlimits_verdict({{RLIMIT_CORE, 0, 0}, {RLIMIT_AS, kInfinity, kInfinity}}), "ok");
  EXPECT_EQ(rlimits_verdict({{16, 0, 0}}), "INVALID_ARGUMENT RLIMIT_UNKNOWN");
  EXPECT_EQ(rlimits_verdict({{-1, 0, 0}}), "INVALID_ARGUMENT RLIMIT_UNKNOWN");
  EXPECT_EQ(rlimits_verdict({{RLIMIT_CORE, 2, 1}}), "INVALID_ARGUMENT RLIMIT_HARD_BELOW_SOFT");
  EXPECT_EQ(rlimits_verdict({{RLIMIT_CORE, 1, 1}, {RLIMIT_CORE, 1, 1}}),
            "INVALID_ARGUMENT RLIMIT_DUPLICATE");
  EXPECT_EQ(rlimits_verdict({{RLIMIT_NOFILE, 1, 1'000'001}}), "INVALID_ARGUMENT RLIMIT_ABOVE_HOST");
}

plan::Rlimit planned(const std::vector<Rlimit>& limits, std::int32_t resource) {
  auto config = sample_config();
  config.rlimits = limits;
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*make_rlimits_isolator(ceilings()), config));
  plan::Rlimit found{.resource = -1, .soft = 0, .hard = 0};
  for (const auto& operation : prepared.builder.build().plan.operations) {
    const auto& limit = std::get<plan::Rlimit>(operation);
    if (limit.resource != resource) continue;
    EXPECT_EQ(found.resource, -1) << "set twice";
    found = limit;
  }
  return found;
}

TEST(Rlimits, SetsDefaultsUnlessGiven) {
  EXPECT_EQ(planned({}, RLIMIT_NOFILE), (plan::Rlimit{RLIMIT_NOFILE, 1024, 524'288}));
  EXPECT_EQ(planned({}, RLIMIT_CORE), (plan::Rlimit{RLIMIT_CORE, 0, kInfinity}));
  EXPECT_EQ(planned({{RLIMIT_NOFILE, 5, 6}}, RLIMIT_NOFILE), (plan::Rlimit{RLIMIT_NOFILE, 5, 6}));
  EXPECT_EQ(planned({{RLIMIT_CPU, 5, 6}}, RLIMIT_CPU), (plan::Rlimit{RLIMIT_CPU, 5, 6}));
}

TEST(Rlimits, DefaultsShrinkToWhatTheHostCanGive) {
  auto low = ceilings();
  low[RLIMIT_NOFILE] = 500;
  low[RLIMIT_STACK] = 9ULL << 20U;
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*make_rlimits_isolator(low), sample_config()));
  const auto operations = prepared.builder.build().plan.operations;
  EXPECT_EQ(std::get<plan::Rlimit>(operations.at(1)), (plan::Rlimit{RLIMIT_NOFILE, 500, 500}));
  EXPECT_EQ(std::get<plan::Rlimit>(operations.at(4)),
            (plan::Rlimit{RLIMIT_STACK, 8ULL << 20U, 9ULL << 20U}));
}

std::string sysctl_verdict(const std::string& key,
                           const std::string& value = "1",
                           NetworkMode network = NetworkMode::kNone) {
  auto config = sample_config();
  config.sysctls = {{key, value}};
  config.network = network;
  return verdict(*make_sysctls_isolator(), config);
}

TEST(Sysctls, AllowsOnlyWhatIsNamespaced) {
  for (const auto* good : {"kernel.shmmax",
                           "kernel/sem",
                           "kernel.msgmni",
                           "kernel.domainname",
                           "fs.mqueue.msg_max",
                           "net.ipv4.ip_forward",
                           "net/ipv4/conf/eth0.7/forwarding",
                           "net.ipv4.conf.eth0/7.forwarding"}) {
    EXPECT_EQ(sysctl_verdict(good), "ok") << good;
  }
  for (const auto* bad : {"kernel.core_pattern",
                          "kernel.shmmaxx",
                          "kernel.pid_max",
                          "vm.swappiness",
                          "fs.file-max",
                          "netx.a",
                          "net"}) {
    EXPECT_EQ(sysctl_verdict(bad), "INVALID_ARGUMENT SYSCTL_NOT_NAMESPACED") << bad;
  }
}

TEST(Sysctls, RefusesKeysThatLeadElsewhere) {
  for (const auto* bad : {"",
                          "net/../kernel/core_pattern",
                          "net..kernel",
                          "/net/ipv4",
                          "net/",
                          "net/./x",
                          "net ipv4",
                          "kernel.hostname"}) {
    EXPECT_EQ(sysctl_verdict(bad), "INVALID_ARGUMENT SYSCTL_INVALID") << bad;
  }
}

TEST(Sysctls, RefusesValuesThatAreNoLine) {
  EXPECT_EQ(sysctl_verdict("kernel.sem", "250 32000 32 128"), "ok");
  EXPECT_EQ(sysctl_verdict("kernel.sem", "1\n2"), "INVALID_ARGUMENT SYSCTL_INVALID");
  EXPECT_EQ(sysctl_verdict("kernel.sem", std::string("1\0", 2)), "INVALID_ARGUMENT SYSCTL_INVALID");
  EXPECT_EQ(sysctl_verdict("kernel.sem", std::string(4096, '1')),
            "INVALID_ARGUMENT SYSCTL_INVALID");
}

TEST(Sysctls, NetworkOnesNeedAnOwnNetwork) {
  EXPECT_EQ(sysctl_verdict("net.ipv4.ip_forward", "1", NetworkMode::kHost),
            "INVALID_ARGUMENT SYSCTL_NOT_NAMESPACED");
  EXPECT_EQ(sysctl_verdict("kernel.sem", "1", NetworkMode::kHost), "ok");
}

TEST(Sysctls, PlanHasThePathOfTheKey) {
  auto config = sample_config();
  config.sysctls = {{"net.ipv4.conf.eth0/7.forwarding", "1"}};
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*make_sysctls_isolator(), config));
  EXPECT_EQ(prepared.operations(),
            (std::vector<std::string>{"set sysctl \"net/ipv4/conf/eth0.7/forwarding\""}));
}

}  // namespace
}  // namespace skerry::isolators
