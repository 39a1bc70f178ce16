#include "agent/containers/launch_failure.h"

#include <sys/wait.h>

#include <cerrno>
#include <string>

namespace skerry::agent {
namespace {

std::string program(const plan::LaunchPlan& plan) {
  return plan.exec.arguments.empty() ? std::string() : plan.exec.arguments.front();
}

Error exec_failure(const plan::LaunchPlan& plan, int sys_errno) {
  Error error = Error::from_errno(sys_errno, "exec \"" + program(plan) + "\"");
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return std::move(error).with_code(Code::kNotFound).with_reason("COMMAND_NOT_FOUND");
    case EACCES:
    case EPERM:
    case ENOEXEC:
    case EISDIR:
    case ELIBBAD:
    case ETXTBSY:
      return std::move(error)
          .with_code(Code::kPermissionDenied)
          .with_reason("COMMAND_NOT_EXECUTABLE");
    case E2BIG:
      return std::move(error).with_code(Code::kInvalidArgument).with_reason("ARGUMENTS_TOO_LARGE");
    default:
      return std::move(error).with_reason("EXEC_FAILED");
  }
}

Error killed_before_exec(int status) {
  const std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "status " + std::to_string(WEXITSTATUS(status));
  return Error(Code::kAborted, "the container's process ended before exec, by " + how)
      .with_reason("KILLED_BEFORE_EXEC");
}

}  // namespace

Error launch_failure(const plan::LaunchPlan& plan, const launcher::ShimPacket& packet) {
  switch (packet.operation) {
    case launcher::kFailedExec:
      return exec_failure(plan, packet.sys_errno).with_step("exec");
    case launcher::kFailedClone:
      return Error::from_errno(packet.sys_errno, "clone the container's process")
          .with_reason("CLONE_FAILED");
    case launcher::kFailedCgroup:
      return Error::from_errno(packet.sys_errno, "join the cgroups").with_reason("CGROUP_JOIN");
    case launcher::kFailedPlan:
      return Error(Code::kInternal, "the launcher could not read the plan")
          .with_reason("PLAN_MALFORMED");
    case launcher::kFailedStdio:
      return Error::from_errno(packet.sys_errno, "set up the container's output")
          .with_reason("STDIO");
    case launcher::kFailedKilled:
      return killed_before_exec(packet.status);
    case launcher::kFailedEnter:
      if (packet.sys_errno == ESRCH) {
        return Error(Code::kFailedPrecondition, "the container has ended").with_reason("STATE");
      }
      return Error::from_errno(packet.sys_errno, "join the container's namespaces")
          .with_reason("NAMESPACE_JOIN");
    case launcher::kFailedTerminal:
      return Error::from_errno(packet.sys_errno, "make the terminal").with_reason("TERMINAL");
    default:
      break;
  }
  const auto index = static_cast<std::size_t>(packet.operation);
  const std::string what = packet.operation >= 0 && index < plan.operations.size()
                               ? plan::describe(plan.operations[index])
                               : "operation " + std::to_string(packet.operation);
  return Error::from_errno(packet.sys_errno, what).with_reason("LAUNCH_OPERATION");
}

}  // namespace skerry::agent
