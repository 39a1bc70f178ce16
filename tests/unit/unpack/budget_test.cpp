#include "unpack/budget.h"

#include <gtest/gtest.h>

namespace skerry::unpack {
namespace {

constexpr std::uint64_t kMebi = 1024ULL * 1024;

std::string reason_of(const Result<>& result) { return result ? "" : result.error().reason(); }

TEST(Budget, CountsEntriesAndImpliedDirectoriesTogether) {
  Budget budget({.max_bytes = Bytes(1), .max_entries = 3});
  EXPECT_TRUE(budget.charge_entry());
  EXPECT_TRUE(budget.charge_implied(2));
  EXPECT_EQ(reason_of(budget.charge_entry()), "ARCHIVE_TOO_MANY_ENTRIES");
  EXPECT_EQ(budget.entries(), 2U);
}

TEST(Budget, RefusesContentBeyondTheLimitWhateverTheSize) {
  Budget budget({.max_bytes = Bytes(10)});
  EXPECT_TRUE(budget.charge_content(10));
  EXPECT_EQ(reason_of(budget.charge_content(1)), "ARCHIVE_TOO_LARGE");
  EXPECT_EQ(reason_of(budget.charge_content(~0ULL)), "ARCHIVE_TOO_LARGE");
  EXPECT_EQ(budget.bytes(), 10U);
}

TEST(Budget, JudgesTheRatioOnlyOfLargeStreams) {
  const Budget budget({.max_bytes = Bytes(1024 * kMebi), .max_ratio = 100});
  EXPECT_TRUE(budget.check_stream(64 * kMebi, 1));
  EXPECT_EQ(reason_of(budget.check_stream(100 * kMebi, kMebi)), "ARCHIVE_RATIO");
  EXPECT_TRUE(budget.check_stream(99 * kMebi, kMebi));
}

TEST(Budget, LimitsTheStreamEvenWithoutFiles) {
  const Budget budget({.max_bytes = Bytes(kMebi), .max_ratio = 1000});
  EXPECT_TRUE(budget.check_stream(100 * kMebi, 100 * kMebi));
  EXPECT_EQ(reason_of(budget.check_stream(131 * kMebi, 131 * kMebi)), "ARCHIVE_TOO_LARGE");
}

}  // namespace
}  // namespace skerry::unpack
