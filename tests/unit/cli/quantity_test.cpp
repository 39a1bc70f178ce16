#include "cli/parse/quantity.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

using namespace std::chrono_literals;

TEST(ParseBytes, TakesUnitsOf1024) {
  EXPECT_EQ(parse_bytes("1048576")->value(), 1048576U);
  EXPECT_EQ(parse_bytes("64m")->value(), 64U << 20);
  EXPECT_EQ(parse_bytes("64M")->value(), 64U << 20);
  EXPECT_EQ(parse_bytes("64MiB")->value(), 64U << 20);
  EXPECT_EQ(parse_bytes("64mb")->value(), 64U << 20);
  EXPECT_EQ(parse_bytes("1g")->value(), 1ULL << 30);
  EXPECT_EQ(parse_bytes("1.5k")->value(), 1536U);
  EXPECT_EQ(parse_bytes("2t")->value(), 2ULL << 40);
  EXPECT_EQ(parse_bytes("0")->value(), 0U);
}

TEST(ParseBytes, RefusesEverythingElse) {
  for (const char* text : {"",
                           "m",
                           "64x",
                           "64mm",
                           "-1",
                           "+1",
                           "1e3",
                           "inf",
                           "nan",
                           "1.2.3",
                           ".",
                           " 64m",
                           "64m ",
                           "64 m",
                           "0x10",
                           "20000000000000000000",
                           "99999999t",
                           "1ib"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(ParseBytes, SaysWhatWasWrong) {
  EXPECT_EQ(parse_bytes("64q").error().message(),
            "\"64q\" is not a size in bytes (such as 64m, 1g, 1048576)");
}

TEST(ParseCpus, CountsThousandths) {
  EXPECT_EQ(parse_cpus("0.5")->value(), 500U);
  EXPECT_EQ(parse_cpus("2")->value(), 2000U);
  EXPECT_EQ(parse_cpus("0.001")->value(), 1U);
  EXPECT_EQ(parse_cpus(".25")->value(), 250U);
  EXPECT_EQ(parse_cpus("1.999")->value(), 1999U);
}

TEST(ParseCpus, RefusesFinerAndEverythingElse) {
  for (const char* text : {"", "0.0005", "-1", "a", "1m", "1,5", "1e9", "1000000000"}) {
    EXPECT_FALSE(parse_cpus(text)) << text;
  }
}

TEST(ParseDuration, TakesUnitsAndPlainSeconds) {
  EXPECT_EQ(*parse_duration("10"), 10s);
  EXPECT_EQ(*parse_duration("90s"), 90s);
  EXPECT_EQ(*parse_duration("1m30s"), 90s);
  EXPECT_EQ(*parse_duration("1.5h"), 90min);
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("2d"), 48h);
  EXPECT_EQ(*parse_duration("0"), 0s);
  EXPECT_EQ(*parse_duration("7us"), 7us);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text :
       {"", "s", "10x", "1m30", "-5s", "1h-2m", "1 h", "99999999999d", "five", "10ss"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

class ParseTime : public ::testing::Test {
 protected:
  WallTime now_ = WallTime(std::chrono::seconds(1'800'000'000));
};

TEST_F(ParseTime, CountsDurationsBackFromNow) {
  EXPECT_EQ(*parse_time("10m", now_), now_ - 10min);
  EXPECT_EQ(*parse_time("0s", now_), now_);
}

TEST_F(ParseTime, TakesSecondsSince1970) {
  EXPECT_EQ(*parse_time("1700000000", now_), WallTime(std::chrono::seconds(1'700'000'000)));
}

TEST_F(ParseTime, TakesRfc3339) {
  const WallTime ten = WallTime(std::chrono::seconds(1'769'853'600));  // 2026-01-31T10:00:00Z
  EXPECT_EQ(*parse_time("2026-01-31T10:00:00Z", now_), ten);
  EXPECT_EQ(*parse_time("2026-01-31T12:00:00+02:00", now_), ten);
  EXPECT_EQ(*parse_time("2026-01-31T05:30:00-04:30", now_), ten);
  EXPECT_EQ(*parse_time("2026-01-31T10:00:00.5Z", now_), ten + 500ms);
  EXPECT_EQ(*parse_time("2026-01-31T10:00:00.123456789Z", now_), ten + 123456789ns);
}

TEST_F(ParseTime, RefusesEverythingElse) {
  for (const char* text : {"",
                           "yesterday",
                           "2026-01-31",
                           "2026-13-31T10:00:00Z",
                           "2026-02-30T10:00:00Z",
                           "2026-01-31T25:00:00Z",
                           "2026-01-31T10:00:00",
                           "2026-01-31T10:00:00.Z",
                           "2026-01-31T10:00:00+2:00",
                           "9999-01-01T00:00:00Z",
                           "2026-01-31T10:00:00Zjunk"}) {
    EXPECT_FALSE(parse_time(text, now_)) << text;
  }
}

TEST(ParseCount, IsAWholeNumberAndNothingElse) {
  EXPECT_EQ(*parse_count("18446744073709551615"), 18446744073709551615U);
  for (const char* text : {"", "-1", "+1", "1.0", "18446744073709551616", "1 ", "one"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

}  // namespace
}  // namespace skerry::cli
