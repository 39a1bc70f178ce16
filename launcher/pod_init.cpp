#include "launcher/pod_init.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace skerry::launcher {
namespace {

sigset_t init_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

// Blocked and not handled: the kernel throws away what the first process of a namespace neither
// blocks nor handles (pid_namespaces(7)).
void hold_init_signals() {
  const sigset_t set = init_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void run_pod_init() {
  ::close_range(0, ~0U, 0);
  const sigset_t set = init_signals();
  for (;;) {
    while (::waitpid(-1, nullptr, WNOHANG | __WALL) > 0) {
    }
    if (::sigwaitinfo(&set, nullptr) == SIGTERM) ::_exit(0);
  }
}

}  // namespace skerry::launcher
