#include "agent/execs/exec_spec.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

using skerry::v1::ExecSpec;

ExecSpec plain() {
  ExecSpec spec;
  spec.add_args("true");
  return spec;
}

std::string reason(const ExecSpec& spec) {
  const auto checked = check_exec_spec(spec);
  return checked ? "" : checked.error().reason();
}

bool has(const std::vector<std::string>& list, const std::string& value) {
  return std::ranges::find(list, value) != list.end();
}

isolators::ContainerConfig container() {
  isolators::ContainerConfig config;
  config.process.arguments = {"sleep", "1"};
  config.process.environment = {"A=1", "B=2"};
  config.process.working_directory = "/srv";
  config.process.user = "alice";
  config.capabilities_add = {"NET_ADMIN"};
  config.capabilities_drop = {"CHOWN"};
  return config;
}

TEST(ExecSpec, NeedsACommand) {
  EXPECT_EQ(reason(ExecSpec()), "COMMAND_MISSING");
  ExecSpec empty;
  empty.add_args("");
  EXPECT_EQ(reason(empty), "COMMAND_MISSING");
  EXPECT_EQ(reason(plain()), "");
}

TEST(ExecSpec, RefusesBadValues) {
  ExecSpec spec = plain();
  spec.add_env("NOVALUE");
  EXPECT_EQ(reason(spec), "ENV_INVALID");
  spec = plain();
  spec.add_env("A=1");
  spec.add_env("A=2");
  EXPECT_EQ(reason(spec), "ENV_INVALID");
  spec = plain();
  spec.set_working_dir("relative");
  EXPECT_EQ(reason(spec), "FIELD_INVALID");
  spec = plain();
  spec.set_output(skerry::v1::EXEC_OUTPUT_DISCARD);
  spec.mutable_terminal();
  EXPECT_EQ(reason(spec), "FIELD_INVALID");
  spec = plain();
  spec.mutable_terminal()->mutable_size()->set_columns(70'000);
  EXPECT_EQ(reason(spec), "FIELD_INVALID");
  spec = plain();
  spec.add_args(std::string("a\0b", 3));
  EXPECT_EQ(reason(spec), "FIELD_INVALID");
}

TEST(ExecSpec, RunTakesNoStreams) {
  ExecSpec spec = plain();
  EXPECT_TRUE(check_run_spec(spec));
  spec.set_stdin(true);
  EXPECT_FALSE(check_run_spec(spec));
  spec = plain();
  spec.mutable_terminal();
  EXPECT_FALSE(check_run_spec(spec));
  spec = plain();
  spec.set_output(skerry::v1::EXEC_OUTPUT_DROP);
  EXPECT_FALSE(check_run_spec(spec));
}

TEST(ExecSpec, TakesFromTheContainerWhatItDoesNotSay) {
  const auto config = to_exec_config(container(), {.spec = plain(), .terminal = {}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->process.arguments, std::vector<std::string>{"true"});
  EXPECT_EQ(config->process.user, "alice");
  EXPECT_EQ(config->process.working_directory, "/srv");
  EXPECT_EQ(config->process.environment, (std::vector<std::string>{"A=1", "B=2"}));
}

TEST(ExecSpec, ATerminalHasAName) {
  ExecSpec spec = plain();
  spec.mutable_terminal()->mutable_size()->set_columns(100);
  spec.mutable_terminal()->mutable_size()->set_rows(30);
  const auto checked = check_exec_spec(spec);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->terminal.columns, 100);
  EXPECT_EQ(checked->terminal.rows, 30);
  const auto config = to_exec_config(container(), *checked);
  ASSERT_TRUE(config);
  EXPECT_TRUE(has(config->process.environment, "TERM=xterm"));
  spec.add_env("TERM=vt100");
  const auto named = to_exec_config(container(), *check_exec_spec(spec));
  ASSERT_TRUE(named);
  EXPECT_FALSE(has(named->process.environment, "TERM=xterm"));
}

TEST(ExecSpec, CapabilitiesAreRelativeToTheContainers) {
  ExecSpec spec = plain();
  spec.mutable_capabilities()->add_add("CHOWN");
  spec.mutable_capabilities()->add_drop("NET_ADMIN");
  const auto config = to_exec_config(container(), {.spec = spec, .terminal = {}});
  ASSERT_TRUE(config);
  EXPECT_TRUE(has(config->capabilities_add, "CHOWN"));
  EXPECT_FALSE(has(config->capabilities_drop, "CHOWN"));
  EXPECT_FALSE(has(config->capabilities_add, "NET_ADMIN"));
  EXPECT_TRUE(has(config->capabilities_drop, "NET_ADMIN"));
}

TEST(ExecSpec, DroppingAllLeavesWhatItAdds) {
  ExecSpec spec = plain();
  spec.mutable_capabilities()->add_drop("ALL");
  spec.mutable_capabilities()->add_add("KILL");
  const auto config = to_exec_config(container(), {.spec = spec, .terminal = {}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->capabilities_add, std::vector<std::string>{"KILL"});
  EXPECT_EQ(config->capabilities_drop, std::vector<std::string>{"ALL"});
}

TEST(ExecSpec, NoNewPrivsIsForGood) {
  isolators::ContainerConfig config = container();
  config.no_new_privs = true;
  ExecSpec spec = plain();
  EXPECT_TRUE(to_exec_config(config, {.spec = spec, .terminal = {}})->no_new_privs);
  spec.set_no_new_privs(false);
  const auto refused = to_exec_config(config, {.spec = spec, .terminal = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace skerry::agent
