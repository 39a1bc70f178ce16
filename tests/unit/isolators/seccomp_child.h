// Seccomp programs loaded for real.
#pragma once

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <variant>
#include <vector>

#include "fixtures.h"
#include "isolators/seccomp/seccomp.h"

namespace skerry::isolators::test {

/// Loads the program in a child under no_new_privs and runs `body` there; its result, 1000 and the
/// signal that killed it, or -1.
inline int in_filtered_child(std::vector<std::uint8_t> bytes, const std::function<int()>& body) {
  const pid_t child = ::fork();  // NOLINT(skerry-banned)
  if (child == 0) {
    sock_fprog program{
        .len = static_cast<unsigned short>(bytes.size() / sizeof(sock_filter)),
        .filter = reinterpret_cast<sock_filter*>(bytes.data()),
    };
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(101);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(102);
    ::_exit(body());
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  if (WIFSIGNALED(status)) return 1000 + WTERMSIG(status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What the isolator plans for the config.
inline std::vector<std::uint8_t> planned_program(const ContainerConfig& config) {
  Prepared prepared;
  const auto isolator = make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value();
  EXPECT_TRUE(prepared.run(*isolator, config));
  const auto operations = prepared.builder.build().plan.operations;
  return std::get<plan::Seccomp>(operations.at(0)).program;
}

}  // namespace skerry::isolators::test
