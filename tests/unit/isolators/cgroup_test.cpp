#include "isolators/cgroup/cgroup.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace skerry::isolators {
namespace {

using test::FakeCgroup;
using test::Prepared;
using test::sample_config;
using test::sample_host;
using test::verdict;

ContainerConfig with(const Resources& resources) {
  auto config = sample_config();
  config.resources = resources;
  return config;
}

TEST(CpuIsolator, TakesWhatTheHostHas) {
  const auto cpu = make_cpu_isolator();
  EXPECT_EQ(verdict(*cpu, with({})), "ok");
  EXPECT_EQ(verdict(*cpu, with({.cpu_limit = MilliCpu{10}})), "ok");
  EXPECT_EQ(verdict(*cpu, with({.cpu_limit = MilliCpu{2000}})), "ok");
  EXPECT_EQ(verdict(*cpu, with({.cpu_request = MilliCpu{500}, .cpu_limit = MilliCpu{500}})), "ok");
}

TEST(CpuIsolator, RefusesWhatIsTooLittleOrTooMuch) {
  const auto cpu = make_cpu_isolator();
  EXPECT_EQ(verdict(*cpu, with({.cpu_limit = MilliCpu{9}})), "INVALID_ARGUMENT CPU_TOO_SMALL");
  EXPECT_EQ(verdict(*cpu, with({.cpu_limit = MilliCpu{0}})), "INVALID_ARGUMENT CPU_TOO_SMALL");
  EXPECT_EQ(verdict(*cpu, with({.cpu_request = MilliCpu{0}})), "INVALID_ARGUMENT CPU_TOO_SMALL");
  EXPECT_EQ(verdict(*cpu, with({.cpu_request = MilliCpu{2001}})),
            "INVALID_ARGUMENT CPU_ABOVE_HOST");
  EXPECT_EQ(verdict(*cpu, with({.cpu_request = MilliCpu{501}, .cpu_limit = MilliCpu{500}})),
            "INVALID_ARGUMENT CPU_REQUEST_ABOVE_LIMIT");
}

TEST(CpuIsolator, NamesFieldValueAndRange) {
  const auto refused =
      make_cpu_isolator()->validate(with({.cpu_limit = MilliCpu{3000}}), sample_host());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "resources.limits.cpu is 3000 mCPU, allowed is 10 to 2000 mCPU, what this host has");
  EXPECT_EQ(refused.error().object(), "field resources.limits.cpu");
}

TEST(CpuIsolator, WeighsByRequestWithinTheKernelsRange) {
  const auto weigh = [](std::optional<MilliCpu> request) {
    Prepared prepared;
    EXPECT_TRUE(prepared.run(*make_cpu_isolator(), with({.cpu_request = request})));
    return prepared.cgroup.calls.at(0);
  };
  EXPECT_EQ(weigh(std::nullopt), "cpu weight=100 limit=-");
  EXPECT_EQ(weigh(MilliCpu{1000}), "cpu weight=100 limit=-");
  EXPECT_EQ(weigh(MilliCpu{250}), "cpu weight=25 limit=-");
  EXPECT_EQ(weigh(MilliCpu{1}), "cpu weight=1 limit=-");
  EXPECT_EQ(weigh(MilliCpu{200'000}), "cpu weight=10000 limit=-");
}

TEST(CpuIsolator, UpdateLiftsWhatIsGone) {
  FakeCgroup group;
  EXPECT_TRUE(make_cpu_isolator()->update(with({.cpu_limit = MilliCpu{100}}), group));
  EXPECT_TRUE(make_cpu_isolator()->update(with({}), group));
  EXPECT_EQ(group.calls,
            (std::vector<std::string>{"cpu weight=100 limit=100", "cpu weight=100 limit=0"}));
}

TEST(MemoryIsolator, RefusesOutOfRange) {
  const auto memory = make_memory_isolator(sample_host());
  const Bytes host = sample_host().memory_total;
  EXPECT_EQ(verdict(*memory, with({.memory_limit = kMinMemoryLimit})), "ok");
  EXPECT_EQ(verdict(*memory, with({.memory_limit = host})), "ok");
  EXPECT_EQ(verdict(*memory, with({.memory_limit = Bytes{kMinMemoryLimit.value() - 1}})),
            "INVALID_ARGUMENT MEMORY_TOO_SMALL");
  EXPECT_EQ(verdict(*memory, with({.memory_limit = host + Bytes{1}})),
            "INVALID_ARGUMENT MEMORY_ABOVE_HOST");
  EXPECT_EQ(verdict(*memory, with({.memory_request = Bytes{0}})),
            "INVALID_ARGUMENT MEMORY_TOO_SMALL");
  EXPECT_EQ(verdict(*memory,
                    with({.memory_request = kMinMemoryLimit + Bytes{1},
                          .memory_limit = kMinMemoryLimit})),
            "INVALID_ARGUMENT MEMORY_REQUEST_ABOVE_LIMIT");
}

TEST(MemoryIsolator, SwapNeedsAccountingOnlyWhereThereIsSwap) {
  auto host = sample_host();
  host.swap_accounting = false;
  const auto config = with({.memory_limit = kMinMemoryLimit, .swap_limit = Bytes{0}});
  const auto memory = make_memory_isolator(host);
  EXPECT_EQ(verdict(*memory, config, host), "FAILED_PRECONDITION NO_SWAP_ACCOUNTING");
  host.swap_total = Bytes{0};
  EXPECT_EQ(verdict(*memory, config, host), "ok");
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*memory, config, host));
  EXPECT_EQ(prepared.cgroup.calls.at(0),
            fmt::format("memory limit={} reservation=- swap=-", kMinMemoryLimit.value()));
}

TEST(MemoryIsolator, SwapOnV1NeedsAMemoryLimit) {
  auto host = sample_host();
  const auto config = with({.swap_limit = Bytes{4096}});
  EXPECT_EQ(verdict(*make_memory_isolator(host), config, host), "ok");
  host.cgroup_mode = os::CgroupMode::kHybrid;
  EXPECT_EQ(verdict(*make_memory_isolator(host), config, host),
            "FAILED_PRECONDITION SWAP_NEEDS_MEMORY_LIMIT");
}

TEST(MemoryIsolator, WritesRequestLimitAndSwap) {
  Prepared prepared;
  const auto memory = make_memory_isolator(sample_host());
  const auto config = with(
      {.memory_request = Bytes{1 << 20}, .memory_limit = Bytes{2 << 20}, .swap_limit = Bytes{0}});
  EXPECT_TRUE(prepared.run(*memory, config));
  EXPECT_TRUE(memory->update(with({}), prepared.cgroup));
  EXPECT_EQ(prepared.cgroup.calls,
            (std::vector<std::string>{"memory limit=2097152 reservation=1048576 swap=0",
                                      "memory limit=0 reservation=0 swap=unlimited"}));
}

TEST(PidsIsolator, RefusesZeroAndMoreThanTheKernelHas) {
  const auto pids = make_pids_isolator();
  EXPECT_EQ(verdict(*pids, with({.pids_limit = 1})), "ok");
  EXPECT_EQ(verdict(*pids, with({.pids_limit = 4'194'304})), "ok");
  EXPECT_EQ(verdict(*pids, with({.pids_limit = 0})), "INVALID_ARGUMENT PIDS_OUT_OF_RANGE");
  EXPECT_EQ(verdict(*pids, with({.pids_limit = 4'194'305})), "INVALID_ARGUMENT PIDS_OUT_OF_RANGE");
}

TEST(PidsIsolator, WritesOnlyALimit) {
  Prepared without;
  EXPECT_TRUE(without.run(*make_pids_isolator(), with({})));
  EXPECT_TRUE(without.cgroup.calls.empty());
  Prepared limited;
  EXPECT_TRUE(limited.run(*make_pids_isolator(), with({.pids_limit = 7})));
  EXPECT_TRUE(make_pids_isolator()->update(with({}), limited.cgroup));
  EXPECT_EQ(limited.cgroup.calls, (std::vector<std::string>{"pids 7", "pids 0"}));
}

TEST(DevicesIsolator, AllowsTheUsualNodesAndMakingAny) {
  Prepared prepared;
  EXPECT_TRUE(prepared.run(*make_devices_isolator(), with({})));
  EXPECT_EQ(prepared.cgroup.calls.at(0),
            "devices c-1:-1m b-1:-1m c1:3rwm c1:5rwm c1:7rwm c1:8rwm c1:9rwm c5:0rwm c5:2rwm "
            "c136:-1rwm");
}

}  // namespace
}  // namespace skerry::isolators
