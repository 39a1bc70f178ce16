#include "os/proc_files.h"

#include <gtest/gtest.h>

namespace skerry::os {
namespace {

TEST(MountInfoLine, ReadsAllFields) {
  const auto line = parse_mountinfo_line(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->id, 36U);
  EXPECT_EQ(line->parent, 35U);
  EXPECT_EQ(line->root, "/mnt1");
  EXPECT_EQ(line->mount_point, "/mnt2");
  EXPECT_EQ(line->options, "rw,noatime");
  EXPECT_EQ(line->file_system, "ext3");
  EXPECT_EQ(line->source, "/dev/root");
  EXPECT_EQ(line->super_options, "rw,errors=continue");
}

TEST(MountInfoLine, UndoesOctalEscapes) {
  const auto line = parse_mountinfo_line(R"(1 2 0:1 / /a\040b\134c rw - tmpfs none rw)");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->mount_point, "/a b\\c");
}

TEST(MountInfoLine, RefusesWhatIsNone) {
  EXPECT_FALSE(parse_mountinfo_line(""));
  EXPECT_FALSE(parse_mountinfo_line("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1"));
  EXPECT_FALSE(parse_mountinfo_line("36 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root"));
  EXPECT_FALSE(parse_mountinfo_line("x 35 98:0 / / rw - ext3 /dev/root rw"));
}

TEST(ProcessStat, ReadsANameWithBrackets) {
  const auto stat =
      parse_process_stat("42 (a) R (b) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->name, "a) R (b");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->start_ticks, 987654U);
}

TEST(ProcessStat, RefusesShortText) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("42 (a) S 7"));
  EXPECT_FALSE(parse_process_stat(")42("));
}

TEST(FindKeyedNumber, FindsWholeKeysOnly) {
  constexpr std::string_view kText = "cache 1\ninactive_file 22\ntotal_cache 3\nbad x\n";
  EXPECT_EQ(find_keyed_number(kText, "cache"), 1U);
  EXPECT_EQ(find_keyed_number(kText, "inactive_file"), 22U);
  EXPECT_EQ(find_keyed_number(kText, "inactive"), std::nullopt);
  EXPECT_EQ(find_keyed_number(kText, "bad"), std::nullopt);
  EXPECT_EQ(find_keyed_number("MemTotal:       24684084 kB\n", "MemTotal:"), 24684084U);
}

TEST(ParseNumber, TakesOneWholeNumber) {
  EXPECT_EQ(parse_number(" 12\n"), 12U);
  EXPECT_EQ(parse_number("18446744073709551615"), ~0ULL);
  EXPECT_FALSE(parse_number("18446744073709551616"));
  EXPECT_FALSE(parse_number("1 2"));
  EXPECT_FALSE(parse_number("-1"));
  EXPECT_FALSE(parse_number("max"));
  EXPECT_FALSE(parse_number(""));
}

}  // namespace
}  // namespace skerry::os
