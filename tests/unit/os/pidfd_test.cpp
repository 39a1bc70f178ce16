#include "os/pidfd.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/syscalls.h"

namespace skerry::os {
namespace {

using std::chrono::milliseconds;

/// A child that waits for a signal, killed at the end of the test.
class SleepingChild final {
 public:
  SleepingChild() {
    int pidfd = -1;
    sys::CloneArgs args;
    args.flags = CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    pid_ = sys::clone3(args);
    if (pid_ == 0) {
      while (true) ::pause();
    }
    pidfd_.reset(pidfd);
  }
  ~SleepingChild() {
    (void)send_signal(pidfd_.get(), SIGKILL);
    (void)wait_and_reap(pidfd_.get());
  }
  SleepingChild(const SleepingChild&) = delete;
  SleepingChild& operator=(const SleepingChild&) = delete;
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

TEST(OpenProcess, KnowsItself) {
  const auto self = open_process(::getpid());
  ASSERT_TRUE(self) << self.error().message();
  EXPECT_GT(self->start_ticks, 0U);
  EXPECT_TRUE(*is_alive(self->pidfd.get()));
  EXPECT_TRUE(open_process(::getpid(), self->start_ticks));
}

TEST(OpenProcess, RefusesAnotherStart) {
  const auto self = open_process(::getpid());
  ASSERT_TRUE(self);
  const auto other = open_process(::getpid(), self->start_ticks + 1);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Code::kNotFound);
}

TEST(OpenProcess, SaysNotFound) {
  // Above the largest pid the kernel gives out.
  EXPECT_EQ(open_process(0x7FFFFFF0).error().code(), Code::kNotFound);
}

TEST(Pidfd, SeesTheEndOfAKilledChild) {
  const SleepingChild child;
  EXPECT_TRUE(*is_alive(child.pidfd()));
  EXPECT_FALSE(reap(child.pidfd())->has_value());
  EXPECT_EQ(wait_for_end(child.pidfd(), milliseconds(1)).error().code(), Code::kDeadlineExceeded);
  ASSERT_TRUE(send_signal(child.pidfd(), SIGTERM));
  ASSERT_TRUE(wait_for_end(child.pidfd(), milliseconds(10'000)));
  EXPECT_FALSE(*is_alive(child.pidfd()));
  EXPECT_EQ(*wait_and_reap(child.pidfd()), (ExitStatus{.code = 0, .signal = SIGTERM}));
  EXPECT_TRUE(send_signal(child.pidfd(), SIGTERM)) << "a signal to what is gone is fine";
  EXPECT_EQ(reap(child.pidfd()).error().code(), Code::kFailedPrecondition);
}

TEST(Pidfd, ReadsTheStatusOfAReapedProcessWhereTheKernelKeepsIt) {
  const SleepingChild child;
  EXPECT_FALSE(exit_status_of_reaped(child.pidfd())->has_value());
  ASSERT_TRUE(send_signal(child.pidfd(), SIGKILL));
  ASSERT_TRUE(wait_and_reap(child.pidfd()));
  const auto status = exit_status_of_reaped(child.pidfd());
  ASSERT_TRUE(status) << status.error().message();
  if (*status) {
    EXPECT_EQ((*status)->signal, SIGKILL);
  }
}

TEST(DecodeWaitStatus, TellsCodeFromSignal) {
  EXPECT_EQ(decode_wait_status(3 << 8), (ExitStatus{.code = 3}));
  EXPECT_EQ(decode_wait_status(SIGSEGV | 0x80),
            (ExitStatus{.code = 0, .signal = SIGSEGV, .core_dumped = true}));
}

}  // namespace
}  // namespace skerry::os
