// What isolator.h promises of every isolator, tried on each of the chain.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "isolators/isolator.h"
#include "os/path.h"
#include "tests/conformance/privileged.h"
#include "tests/unit/isolators/fixtures.h"
#include "tests/unit/os/temp_dir.h"

namespace skerry::isolators {
namespace {

using os::test::TempDir;
using test::FakeCgroup;
using test::sample_host;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

std::string mount_table() { return os::read_file("/proc/self/mountinfo", 1UL << 20U).value(); }

/// Others may mount on this host while the test looks for what it left.
bool enter_private_mounts() {
  static const bool kEntered = ::unshare(CLONE_NEWNS) == 0 &&
                               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return kEntered;
}

std::string instance_name(const ::testing::TestParamInfo<std::string>& instance) {
  std::string name = instance.param;
  std::ranges::replace(name, '/', '_');
  return name;
}

class IsolatorContract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    SKERRY_REQUIRE(::geteuid() == 0, "needs root");
    ASSERT_TRUE(enter_private_mounts());
    host_ = os::probe_host();
    layer_.dir("etc");
    config_ = test::sample_config();
    config_.root.layers = {layer_.path()};
    config_.root.scratch = scratch_.path();
    chain_ = make_isolators(host_).value();
    const auto found = std::ranges::find(chain_, GetParam(), &Isolator::name);
    ASSERT_NE(found, chain_.end());
    isolator_ = found->get();
    table_before_ = mount_table();
    descriptors_before_ = open_descriptors();
  }

  /// Prepares what the isolator comes after, then it, on a builder that is then thrown away.
  Result<Checkpoint> prepare(FakeCgroup& cgroup) {
    PlanBuilder builder;
    for (const auto& isolator : chain_) {
      const bool is_ours = isolator.get() == isolator_;
      if (!is_ours && !needed(*isolator)) continue;
      auto result =
          isolator->prepare({.config = config_, .host = host_, .cgroup = cgroup, .plan = builder});
      if (is_ours) return result;
      EXPECT_TRUE(result) << result.error().message();
    }
    return Error(Code::kInternal, "not in the chain");
  }

  void expect_nothing_left() const {
    EXPECT_EQ(mount_table(), table_before_);
    EXPECT_EQ(open_descriptors(), descriptors_before_);
  }

  os::HostFacts host_;
  TempDir layer_;
  TempDir scratch_;
  ContainerConfig config_;
  IsolatorChain chain_;
  Isolator* isolator_ = nullptr;

 private:
  bool needed(const Isolator& other) const {
    const auto after = isolator_->after();
    if (std::ranges::find(after, other.name()) != after.end()) return true;
    // "capabilities" needs "process", which needs "filesystem".
    return !after.empty() && other.name() == "filesystem";
  }

  std::string table_before_;
  std::size_t descriptors_before_ = 0;
};

TEST_P(IsolatorContract, SampleIsValid) {
  EXPECT_EQ(test::verdict(isolator_->validate(config_, host_)), "ok");
}

TEST_P(IsolatorContract, PrepareLeavesNothingBehindThePlan) {
  FakeCgroup cgroup;
  const auto checkpoint = prepare(cgroup);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message();
  EXPECT_EQ(checkpoint->isolator, isolator_->name());
  EXPECT_GT(checkpoint->version, 0U);
  expect_nothing_left();
}

TEST_P(IsolatorContract, PreparesAgainAfterItself) {
  FakeCgroup cgroup;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto checkpoint = prepare(cgroup);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message();
    EXPECT_TRUE(isolator_->cleanup(config_.uid, *checkpoint));
  }
  expect_nothing_left();
}

TEST_P(IsolatorContract, CleanupIsIdempotent) {
  FakeCgroup cgroup;
  const auto checkpoint = prepare(cgroup);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message();
  EXPECT_TRUE(isolator_->cleanup(config_.uid, *checkpoint));
  EXPECT_TRUE(isolator_->cleanup(config_.uid, *checkpoint));
}

TEST_P(IsolatorContract, CleanupOfWhatWasNeverPreparedSucceeds) {
  EXPECT_TRUE(isolator_->cleanup(Uid::make(), Checkpoint{}));
  expect_nothing_left();
}

TEST_P(IsolatorContract, UpdateToTheSameConfigSucceeds) {
  FakeCgroup cgroup;
  EXPECT_TRUE(isolator_->update(config_, cgroup));
  EXPECT_TRUE(isolator_->update(config_, cgroup));
}

INSTANTIATE_TEST_SUITE_P(All,
                         IsolatorContract,
                         ::testing::Values("namespaces",
                                           "cgroup/cpu",
                                           "cgroup/memory",
                                           "cgroup/pids",
                                           "cgroup/devices",
                                           "rlimits",
                                           "sysctls",
                                           "oom_score",
                                           "filesystem",
                                           "process",
                                           "capabilities",
                                           "seccomp"),
                         instance_name);

/// Those that write to the group must say so when it refuses, and be heard when it changes.
class CgroupIsolatorContract : public IsolatorContract {};

TEST_P(CgroupIsolatorContract, PrepareFailsWhenTheGroupDoes) {
  config_.resources = {
      .cpu_limit = MilliCpu{100}, .memory_limit = Bytes{64ULL << 20U}, .pids_limit = 5};
  FakeCgroup cgroup;
  cgroup.fails = true;
  EXPECT_FALSE(prepare(cgroup));
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(
    All,
    CgroupIsolatorContract,
    ::testing::Values("cgroup/cpu", "cgroup/memory", "cgroup/pids", "cgroup/devices"),
    instance_name);

class ResourceIsolatorContract : public IsolatorContract {};

TEST_P(ResourceIsolatorContract, UpdateAppliesWhatPrepareWould) {
  config_.resources = {
      .cpu_limit = MilliCpu{100}, .memory_limit = Bytes{64ULL << 20U}, .pids_limit = 5};
  FakeCgroup cgroup;
  ASSERT_TRUE(isolator_->update(config_, cgroup));
  const auto limited = cgroup.calls;
  config_.resources = {};
  ASSERT_TRUE(isolator_->update(config_, cgroup));
  ASSERT_EQ(cgroup.calls.size(), 2U);
  EXPECT_NE(cgroup.calls[1], limited[0]);
}

INSTANTIATE_TEST_SUITE_P(All,
                         ResourceIsolatorContract,
                         ::testing::Values("cgroup/cpu", "cgroup/memory", "cgroup/pids"),
                         instance_name);

}  // namespace
}  // namespace skerry::isolators
