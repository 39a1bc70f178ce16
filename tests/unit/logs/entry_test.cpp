#include "logs/entry.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace skerry::logs {
namespace {

using namespace std::chrono;

std::string format(const EntryHeader& header) {
  std::array<char, kHeaderBytes> out{};
  format_header(header, out.data());
  return {out.data(), out.size()};
}

TEST(LogEntryHeader, IsTheCriForm) {
  const WallTime time = sys_days(2026y / November / 21) + 11h + 48min + 34s + 123456789ns;
  EXPECT_EQ(format({.time = time, .stream = Stream::kStdout, .partial = false}),
            "2026-11-21T11:48:34.123456789Z stdout F ");
  EXPECT_EQ(format({.time = time, .stream = Stream::kStderr, .partial = true}),
            "2026-11-21T11:48:34.123456789Z stderr P ");
}

TEST(LogEntryHeader, RoundTrips) {
  for (const WallTime time : {WallTime{},
                              WallTime{1ns},
                              WallTime{sys_days(2024y / February / 29) + 23h + 59min + 59s},
                              WallTime{sys_days(2261y / December / 31)},
                              WallTime{sys_days(1969y / December / 31) + 1ns}}) {
    const EntryHeader header{.time = time, .stream = Stream::kStderr, .partial = true};
    EXPECT_EQ(parse_header(format(header)), header);
  }
}

TEST(LogEntryHeader, RefusesEveryOtherForm) {
  const std::string good = "2026-11-21T11:48:34.123456789Z stdout F ";
  ASSERT_TRUE(parse_header(good));
  for (const std::string_view bad : {"2026-13-21T11:48:34.123456789Z stdout F ",
                                     "2026-02-29T11:48:34.123456789Z stdout F ",
                                     "2026-11-21T24:48:34.123456789Z stdout F ",
                                     "2026-11-21T11:48:60.123456789Z stdout F ",
                                     "2026-11-21T11:48:34,123456789Z stdout F ",
                                     "2026-11-21T11:48:34.12345678xZ stdout F ",
                                     "2026-11-21T11:48:34.123456789Z stdin_ F ",
                                     "2026-11-21T11:48:34.123456789Z stdout X ",
                                     "2026-11-21T11:48:34.123456789Z_stdout F ",
                                     "2026-11-21T11:48:34.123456789Z stdout F_",
                                     "9999-11-21T11:48:34.123456789Z stdout F ",
                                     "2026-11-21T11:48:34.123456789Z stdout F",
                                     ""}) {
    EXPECT_FALSE(parse_header(bad)) << bad;
  }
}

TEST(LogPiece, EndsAtTheNewlineOrTheLimit) {
  const auto check =
      [](const std::string& data, std::size_t text, std::size_t taken, bool partial) {
        const auto piece = first_piece(data);
        EXPECT_EQ(piece.text, text);
        EXPECT_EQ(piece.taken, taken);
        EXPECT_EQ(piece.partial, partial);
      };
  check("\n", 0, 1, false);
  check("a\nb\n", 1, 2, false);
  check("abc", 3, 3, true);
  check(std::string(kMaxLineBytes, 'x') + "\n", kMaxLineBytes, kMaxLineBytes + 1, false);
  check(std::string(kMaxLineBytes + 1, 'x') + "\n", kMaxLineBytes, kMaxLineBytes, true);
}

}  // namespace
}  // namespace skerry::logs
