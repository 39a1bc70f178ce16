#include "os/cgroup/signal.h"

#include "os/pidfd.h"

namespace skerry::os {

Result<> signal_processes(const Cgroup& group, int signal) {
  TRY_ASSIGN(const auto processes, group.processes());
  for (const pid_t pid : processes) {
    // By pidfd, and only while the group still names it: a pid may be somebody else's by now.
    auto process = open_process(pid);
    if (process) static_cast<void>(send_signal(process->pidfd.get(), signal));
  }
  return {};
}

}  // namespace skerry::os
