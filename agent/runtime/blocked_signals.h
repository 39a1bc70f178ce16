// Signals stay with the thread that waits for them.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace skerry::runtime {

/// Blocks every signal for its life: threads that are made meanwhile inherit that. Thread: the one
/// that made it.
class BlockedSignals final {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &old_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

 private:
  sigset_t old_{};
};

}  // namespace skerry::runtime
