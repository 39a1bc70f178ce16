#include "agent/api/agent_answers.h"

#include <gtest/gtest.h>

#include "agent/api/state_entries.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

std::string entry(const v1::GetStateResponse& state,
                  const std::string& section,
                  const std::string& key) {
  for (const v1::StateEntry& each : state.entries()) {
    if (each.section() == section && each.key() == key) return each.value();
  }
  return "(none)";
}

TEST(AgentAnswers, AnOperationIsStuckAfterItsDeadline) {
  operations::OperationInfo info;
  info.object = std::string(32, 'a');
  info.operation = "launch";
  info.step = "launch.plan";
  v1::Operation out;
  fill_operation(info, info.step_since + 60s, out);
  EXPECT_FALSE(out.stuck());
  EXPECT_EQ(out.object(), "container " + std::string(32, 'a'));
  fill_operation(info, info.step_since + 61s, out);
  EXPECT_TRUE(out.stuck());
  info.operation = "import";
  info.step = "import.stage";
  info.object = "image box:latest";
  fill_operation(info, info.step_since + 61s, out);
  EXPECT_FALSE(out.stuck());
  EXPECT_EQ(out.object(), "image box:latest");
}

TEST(AgentAnswers, CountsWhatLiveContainersAskedFor) {
  SnapshotBoard board;
  for (const auto state : {v1::CONTAINER_STATE_RUNNING, v1::CONTAINER_STATE_EXITED}) {
    const Uid uid = Uid::make();
    auto view = std::make_shared<ContainerView>();
    view->container.set_uid(uid.str());
    view->container.set_state(state);
    auto* requests = view->container.mutable_effective_resources()->mutable_requests();
    requests->set_millicpu(250);
    requests->set_memory_bytes(1000);
    board.change(uid, view);
  }
  board.publish({.epoch = 1, .sequence = 1});
  v1::AgentUse use;
  fill_use(*board.current(), use);
  EXPECT_EQ(use.live_containers(), 1U);
  EXPECT_EQ(use.containers(), 2U);
  EXPECT_EQ(use.requested_millicpu(), 250U);
  EXPECT_EQ(use.requested_memory_bytes(), 1000U);
}

TEST(AgentAnswers, FeaturesSayWhatTheHostHas) {
  os::HostFacts facts;
  const auto few = feature_words(facts);
  EXPECT_EQ(std::ranges::count(few, "seccomp"), 0);
  facts.seccomp_filter = true;
  facts.cgroup_controllers = {"cpu", "memory"};
  const auto more = feature_words(facts);
  EXPECT_EQ(std::ranges::count(more, "seccomp"), 1);
  EXPECT_EQ(std::ranges::count(more, "cgroup.memory"), 1);
  EXPECT_TRUE(std::ranges::is_sorted(more));
}

TEST(StateEntries, ShowBytesAsText) {
  Record record;
  record.set_shim_pid(42);
  auto* checkpoint = record.add_checkpoints();
  checkpoint->set_isolator("seccomp");
  checkpoint->set_version(2);
  checkpoint->set_bytes(std::string("a\0\xFF\\", 4));
  v1::GetStateResponse state;
  add_record_entries(record, state);
  EXPECT_EQ(entry(state, "checkpoint", "seccomp"), R"(version 2: a\x00\xff\x5c)");
  EXPECT_EQ(entry(state, "shim", "pid"), "42");
}

TEST(StateEntries, JournalAndDebtsAreOfTheContainerOnly) {
  operations::OperationInfo mine;
  mine.object = "me";
  mine.operation = "launch";
  mine.step = "launch.plan";
  operations::OperationInfo other = mine;
  other.object = "other";
  v1::GetStateResponse state;
  add_journal_entries({other, mine}, "me", state);
  add_debt_entries({{.kind = "cgroup", .key = "/a", .object = "other"}}, "me", state);
  ASSERT_EQ(state.entries_size(), 1);
  EXPECT_EQ(entry(state, "journal", "launch"), "step launch.plan since 1970-01-01T00:00:00Z");
}

TEST(StateEntries, TellWhetherTheExitWasWritten) {
  v1::GetStateResponse state;
  add_exit_entries(std::optional<logs::ExitRecord>(), state);
  EXPECT_EQ(entry(state, "exit record", "written"), "no");
  state.Clear();
  add_exit_entries(std::optional(logs::ExitRecord{.uid = "u", .status = 9, .time_ns = 0}), state);
  EXPECT_EQ(entry(state, "exit record", "status"), "0x0009");
  state.Clear();
  add_exit_entries(Error(Code::kDataLoss, "torn"), state);
  EXPECT_EQ(entry(state, "exit record", "error"), "torn");
}

}  // namespace
}  // namespace skerry::agent
