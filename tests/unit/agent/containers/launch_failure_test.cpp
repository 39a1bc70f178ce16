#include "agent/containers/launch_failure.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

plan::LaunchPlan plan_of(const std::string& program) {
  plan::LaunchPlan plan;
  plan.operations.emplace_back(plan::Hostname{.name = "box"});
  plan.exec.arguments = {program};
  return plan;
}

launcher::ShimPacket failed(int operation, int sys_errno) {
  launcher::ShimPacket packet;
  packet.type = launcher::ShimMessage::kFailed;
  packet.operation = operation;
  packet.sys_errno = sys_errno;
  return packet;
}

TEST(LaunchFailure, MissingProgramIsNotFound) {
  const Error error = launch_failure(plan_of("/bin/foo"), failed(launcher::kFailedExec, ENOENT));
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_EQ(error.reason(), "COMMAND_NOT_FOUND");
  EXPECT_EQ(error.message(), "exec \"/bin/foo\": no such file or directory");
}

TEST(LaunchFailure, UnusableProgramIsPermissionDenied) {
  for (const int sys_errno : {EACCES, ENOEXEC, EISDIR}) {
    const Error error = launch_failure(plan_of("x"), failed(launcher::kFailedExec, sys_errno));
    EXPECT_EQ(error.code(), Code::kPermissionDenied);
    EXPECT_EQ(error.reason(), "COMMAND_NOT_EXECUTABLE");
  }
}

TEST(LaunchFailure, NamesTheOperationOfThePlan) {
  const Error error = launch_failure(plan_of("x"), failed(0, EPERM));
  EXPECT_NE(error.message().find("box"), std::string::npos) << error.message();
  EXPECT_EQ(error.sys_errno(), EPERM);
}

TEST(LaunchFailure, BelievesNoNumberFromOutside) {
  for (const int operation : {1, 1 << 30, -99}) {
    const Error error = launch_failure(plan_of("x"), failed(operation, EPERM));
    EXPECT_NE(error.message().find(std::to_string(operation)), std::string::npos);
  }
}

}  // namespace
}  // namespace skerry::agent
