// The time of day jumps while a container writes: times in its log are the clock's, order and
// completeness are not its business.
#include "log_fixture.h"

namespace skerry::logs {
namespace {

using namespace std::chrono_literals;
using LogClockTest = LogTest;

constexpr auto kYear = std::chrono::hours(24 * 365);
constexpr auto kDay = std::chrono::hours(24);

// Small files, so that the jump is followed by rotations.
TEST_F(LogClockTest, JumpsLoseAndReorderNothing) {
  constexpr int kLines = 60;
  auto log = writer(1000, 20);
  std::vector<std::string> expected;
  for (int i = 0; i < kLines; ++i) {
    if (i == kLines / 3) clock_.now += kYear;
    if (i == 2 * kLines / 3) clock_.now -= kYear + kDay;
    clock_.now += 1ms;
    expected.push_back("line " + std::to_string(i));
    log.append(Stream::kStdout, expected.back() + "\n");
  }
  EXPECT_TRUE(std::filesystem::exists(path_ / "log.2")) << "no rotation";
  auto all = options();
  all.max_files = 20;
  auto reader = LogReader::open(std::move(all));
  EXPECT_EQ(texts(reader), expected);
}

TEST_F(LogClockTest, AReaderFollowsOverAJump) {
  auto log = writer(300, 20);
  auto all = options();
  all.max_files = 20;
  auto reader = LogReader::open(std::move(all));
  for (const auto jump :
       {0ns, std::chrono::nanoseconds(kYear), std::chrono::nanoseconds(-kYear - kDay)}) {
    clock_.now += jump;
    std::vector<std::string> expected;
    for (int i = 0; i < 10; ++i) {
      clock_.now += 1ms;
      expected.push_back("after " + std::to_string(jump.count()) + " " + std::to_string(i));
      log.append(Stream::kStdout, expected.back() + "\n");
    }
    const auto entries = read_all(reader);
    ASSERT_EQ(entries.size(), expected.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].text, expected[i]);
      EXPECT_FALSE(entries[i].gap);
    }
  }
}

// Also one that comes back with what it was given.
TEST_F(LogClockTest, ACursorIsGoodOverAJump) {
  auto log = writer(300, 20);
  log.append(Stream::kStdout, "one\n");
  auto reader = LogReader::open(options());
  const LogCursor after = read_all(reader).back().next;
  clock_.now -= kDay;
  for (int i = 0; i < 10; ++i) log.append(Stream::kStdout, "two " + std::to_string(i) + "\n");
  auto all = options();
  all.max_files = 20;
  all.after = after;
  auto second = LogReader::open(std::move(all));
  const auto entries = read_all(second);
  ASSERT_EQ(entries.size(), 10U);
  EXPECT_EQ(entries.front().text, "two 0");
  EXPECT_FALSE(entries.front().gap);
}

}  // namespace
}  // namespace skerry::logs
