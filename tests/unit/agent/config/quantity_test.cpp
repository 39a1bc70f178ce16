#include "agent/config/quantity.h"

#include <gtest/gtest.h>

namespace skerry::config {
namespace {

using namespace std::chrono_literals;

TEST(Quantity, ReadsBytesInUnitsOf1024) {
  EXPECT_EQ(*parse_bytes("0"), Bytes(0));
  EXPECT_EQ(*parse_bytes("4097"), Bytes(4097));
  EXPECT_EQ(*parse_bytes("10MiB"), Bytes(10ULL * 1024 * 1024));
  EXPECT_EQ(*parse_bytes("3TiB"), Bytes(3ULL << 40U));
}

TEST(Quantity, ReadsDurations) {
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("7d"), std::chrono::days(7));
}

TEST(Quantity, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"",
                           "MiB",
                           "10M",
                           "10MB",
                           "1.5GiB",
                           "-1",
                           " 1",
                           "1 ",
                           "10 MiB",
                           "0x10",
                           "9223372036854775808",
                           "8388608TiB",
                           "99999999999999999999"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
  for (const char* text : {"", "7", "7w", "-7d", "1h30m", "106751991167301d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Quantity, WritesWhatItReads) {
  for (const char* text : {"0", "1", "1023", "1KiB", "1025", "10MiB", "2GiB", "1536MiB"}) {
    EXPECT_EQ(format_bytes(*parse_bytes(text)), text);
  }
  for (const char* text : {"0s", "59s", "1m", "90m", "1d", "25h"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
}

}  // namespace
}  // namespace skerry::config
