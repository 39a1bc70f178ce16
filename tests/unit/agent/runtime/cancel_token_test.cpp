#include "agent/runtime/cancel_token.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <thread>

#include <gtest/gtest.h>

namespace skerry::runtime {
namespace {

Error stop_asked() { return Error(Code::kCancelled, "stop was asked for").with_reason("STOPPED"); }

TEST(CancelToken, KeepsTheFirstReason) {
  CancelToken token;
  EXPECT_TRUE(token.check().has_value());
  token.cancel(stop_asked());
  token.cancel(Error(Code::kInternal, "later"));
  EXPECT_TRUE(token.cancelled());
  EXPECT_EQ(token.check().error().reason(), "STOPPED");
}

TEST(CancelToken, WakesAWaiter) {
  CancelToken token;
  std::thread other([&] { token.cancel(stop_asked()); });
  const Result<short> waited = token.wait_for(-1, 0, SteadyTime::max());
  other.join();
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().reason(), "STOPPED");
}

TEST(CancelToken, CancelBeforeTheFirstWaitCounts) {
  CancelToken token;
  token.cancel(stop_asked());
  EXPECT_FALSE(token.wait_for(-1, 0, SteadyTime::max()).has_value());
}

TEST(CancelToken, ReportsTheDescriptor) {
  CancelToken token;
  const UniqueFd fd(::eventfd(1, EFD_CLOEXEC));
  EXPECT_EQ(*token.wait_for(fd.get(), POLLIN, SteadyTime::max()), POLLIN);
}

TEST(CancelToken, CancelWinsOverTheDescriptor) {
  CancelToken token;
  const UniqueFd fd(::eventfd(1, EFD_CLOEXEC));
  token.cancel(stop_asked());
  EXPECT_FALSE(token.wait_for(fd.get(), POLLIN, SteadyTime::max()).has_value());
}

TEST(CancelToken, EndsAtTheDeadline) {
  CancelToken token;
  const Result<short> waited = token.wait_for(-1, 0, std::chrono::steady_clock::now());
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().code(), Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace skerry::runtime
