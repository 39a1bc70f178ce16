#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/render/human.h"
#include "cli/render/json.h"
#include "cli/render/table.h"
#include "cli/render/timing.h"
#include "skerry/v1/container.pb.h"
#include "skerry/v1/resources.pb.h"

namespace skerry::cli {
namespace {

using namespace std::chrono_literals;

TEST(HumanDuration, UsesOneUnit) {
  EXPECT_EQ(human_duration(-5s), "0 seconds");
  EXPECT_EQ(human_duration(1s), "1 second");
  EXPECT_EQ(human_duration(119s), "119 seconds");
  EXPECT_EQ(human_duration(120s), "2 minutes");
  EXPECT_EQ(human_duration(47h), "47 hours");
  EXPECT_EQ(human_duration(48h), "2 days");
  EXPECT_EQ(human_duration(24h * 30), "4 weeks");
}

TEST(HumanBytes, KeepsThreeDigits) {
  EXPECT_EQ(human_bytes(0), "0B");
  EXPECT_EQ(human_bytes(1023), "1023B");
  EXPECT_EQ(human_bytes(64U << 20), "64MiB");
  EXPECT_EQ(human_bytes(1300000), "1.24MiB");
  EXPECT_EQ(human_bytes(100U << 20), "100MiB");
  EXPECT_EQ(human_bytes(18446744073709551615ULL), "16384PiB");
}

TEST(HumanStatus, SaysCodeAndCause) {
  v1::Container container;
  container.set_state(v1::CONTAINER_STATE_RUNNING);
  container.mutable_started_at()->set_seconds(1000);
  const WallTime now(1300s);
  EXPECT_EQ(human_status(container, now), "Up 5 minutes");
  container.set_state(v1::CONTAINER_STATE_EXITED);
  container.mutable_exit()->mutable_time()->set_seconds(1000);
  container.mutable_exit()->set_code(7);
  EXPECT_EQ(human_status(container, now), "Exited (7) 5 minutes ago");
  container.mutable_exit()->clear_code();
  container.mutable_exit()->set_signal(9);
  container.mutable_exit()->set_cause(v1::EXIT_CAUSE_OOM);
  EXPECT_EQ(human_status(container, now), "Exited (137, OOM) 5 minutes ago");
  container.mutable_exit()->clear_signal();
  container.mutable_exit()->set_cause(v1::EXIT_CAUSE_SHIM_LOST);
  EXPECT_EQ(human_status(container, now), "Exited (?, shim lost) 5 minutes ago");
}

TEST(TimingTable, IndentsPartsAndEndsWithTheTotal) {
  v1::LaunchTiming timing;
  auto& phase = *timing.add_phases();
  phase.set_name("launch.shim");
  phase.set_took_ns(1'500'000);
  auto& part = *phase.add_parts();
  part.set_name("shim");
  part.set_took_ns(90'400);
  timing.set_total_ns(2'000'000);
  EXPECT_EQ(timing_table(timing),
            "PHASE               µs       %\n"
            "launch.shim       1500    75.0\n"
            "  shim              90     4.5\n"
            "total             2000   100.0\n");
  EXPECT_EQ(timing_table(v1::LaunchTiming()),
            "PHASE         µs       %\n"
            "total          0     0.0\n");
}

TEST(Table, AlignsByCharactersAndDisarmsControlBytes) {
  Table table({"NAME", "X"});
  table.add({"käse", "1"});
  table.add({"a\x1b[31m", ""});
  EXPECT_EQ(table.str(), "NAME     X\nkäse     1\na?[31m\n");
}

TEST(Cut, CountsCharacters) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("äöü!", 3), "äö…");
  EXPECT_EQ(cut("", 3), "");
}

TEST(Json, KeepsNumbersNumbersAndLeavesOutTheAbsent) {
  v1::Container container;
  container.set_revision(9007199254740993ULL);
  container.set_state(v1::CONTAINER_STATE_RUNNING);
  container.mutable_created_at()->set_seconds(1'769'853'600);
  (*container.mutable_labels())["b"] = "2";
  (*container.mutable_labels())["a"] = "1";
  const auto json = to_json(container);
  EXPECT_EQ(json["revision"].dump(), "9007199254740993");
  EXPECT_EQ(json["state"], "running");
  EXPECT_EQ(json["created_at"], "2026-01-31T10:00:00.000000000Z");
  EXPECT_EQ(json["labels"].dump(), R"({"a":"1","b":"2"})");
  EXPECT_EQ(json["name"], "");
  EXPECT_FALSE(json.contains("exit"));
  EXPECT_FALSE(json.contains("spec"));
}

TEST(Json, KeepsZeroThatWasSetApartFromAbsent) {
  v1::ExitInfo exit;
  EXPECT_FALSE(to_json(exit).contains("code"));
  exit.set_code(0);
  EXPECT_EQ(to_json(exit)["code"], 0);
}

TEST(Json, WritesLimitsByTheirKind) {
  v1::ResourceLimits limits;
  limits.mutable_cpu()->set_millicpu(500);
  limits.mutable_memory()->mutable_unlimited();
  EXPECT_EQ(to_json(limits).dump(), R"({"cpu":{"millicpu":500},"memory":{"unlimited":{}}})");
}

TEST(Json, WritesDurations) {
  v1::ContainerSpec spec;
  spec.mutable_stop_grace()->set_seconds(10);
  EXPECT_EQ(to_json(spec)["stop_grace"], "10s");
  spec.mutable_stop_grace()->set_nanos(250'000'000);
  EXPECT_EQ(to_json(spec)["stop_grace"], "10.250s");
}

}  // namespace
}  // namespace skerry::cli
