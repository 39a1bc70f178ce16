#include "launcher/holder.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "launcher/child.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kLastSignal = 64;
constexpr auto kRespawnInterval = std::chrono::milliseconds(100);

pid_t fork_launcher(const ZygoteArguments& arguments) {
  const pid_t holder = ::getpid();
  os::sys::CloneArgs args;
  args.exit_signal = SIGCHLD;
  const pid_t pid = os::sys::clone3(args);
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Died before the signal was set?
  if (::getppid() != holder) ::_exit(1);
  ::_exit(run_zygote(arguments));
}

// Whoever started us may have left signals ignored, which survives an exec, and would in every
// container. By system call, because signal(2) of the C library refuses 32 and 33, its own.
void reset_dispositions() {
  struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
  } const by_default;
  for (int signal = 1; signal <= kLastSignal; ++signal)
    ::syscall(SYS_rt_sigaction, signal, &by_default, nullptr, sizeof by_default.mask);
}

// Returns when the launcher has ended, or there is none.
void reap_until_gone(pid_t launcher) {
  for (;;) {
    const pid_t pid = ::waitpid(-1, nullptr, __WALL);
    if (pid == launcher || (pid < 0 && errno == ECHILD)) return;
  }
}

}  // namespace

void run_holder(const ZygoteArguments& arguments) {
  ::prctl(PR_SET_NAME, "skerry-holder");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::setsid();
  reset_dispositions();
  for (const int signal : kIgnoredSignals) ::signal(signal, SIG_IGN);
  for (;;) {
    const auto forked = SteadyClock::now();
    const pid_t launcher = fork_launcher(arguments);
    if (launcher > 0) reap_until_gone(launcher);
    std::this_thread::sleep_until(forked + kRespawnInterval);
  }
}

}  // namespace skerry::launcher
