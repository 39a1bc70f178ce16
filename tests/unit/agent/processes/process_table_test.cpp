#include "agent/processes/process_table.h"

#include <unistd.h>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

constexpr KernelUnits kUnits{.ticks_per_second = 100, .page_bytes = 4096};

ProcessFiles plain() {
  return {.stat =
              "4711 (sh) S 4700 4711 4711 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 "
              "1000000 25 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n",
          .status = "Name:\tsh\nUid:\t1000\t1001\t1000\t1000\nNSpid:\t4711\t7\nThreads:\t3\n",
          .command_line = std::string("sh\0-c\0true\0", 11),
          .cgroup = "0::/skerry/aabb/x-0123456789abcdef0123456789abcdef\n"};
}

TEST(ProcessTable, ReadsTheKernelsFields) {
  const auto entry = parse_process(plain(), kUnits);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->pid, 4711U);
  EXPECT_EQ(entry->parent_pid, 4700U);
  EXPECT_EQ(entry->inner_pid, 7U);
  EXPECT_EQ(entry->user_id, 1001U);
  EXPECT_EQ(entry->state, 'S');
  EXPECT_EQ(entry->threads, 3U);
  EXPECT_EQ(entry->cpu, std::chrono::seconds(2));
  EXPECT_EQ(entry->resident_bytes, 25U * 4096);
  EXPECT_EQ(entry->since_boot, std::chrono::milliseconds(123'450));
  EXPECT_EQ(entry->command_line, "sh -c true");
  EXPECT_EQ(entry->exec_uid, "0123456789abcdef0123456789abcdef");
}

TEST(ProcessTable, ANameMayHoldAnything) {
  ProcessFiles files = plain();
  files.stat.replace(files.stat.find("(sh)"), 4, "(a) R 1 (b)");
  files.command_line.clear();
  const auto entry = parse_process(files, kUnits);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->parent_pid, 4700U);
  EXPECT_EQ(entry->command_line, "[a) R 1 (b]");
}

TEST(ProcessTable, CommandLinesAreText) {
  ProcessFiles files = plain();
  files.command_line = std::string("a\x1b[31m\xff\0b\n\0", 11);
  const auto entry = parse_process(files, kUnits);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->command_line, "a?[31m? b?");
}

TEST(ProcessTable, KnowsWhatItIsNotTold) {
  ProcessFiles files = plain();
  files.status = "Name:\tsh\nNSpid:\t4711\n";
  files.cgroup = "0::/skerry/aabb/main\n";
  const auto entry = parse_process(files, kUnits);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->inner_pid, 0U);
  EXPECT_EQ(entry->user_id, 0U);
  EXPECT_EQ(entry->exec_uid, "");
  files.stat = "nonsense";
  EXPECT_FALSE(parse_process(files, kUnits));
}

TEST(ProcessTable, LeavesOutWhoIsInNoGroupOfThatName) {
  EXPECT_TRUE(read_processes({::getpid()}, "no-such-group").empty());
  const auto found = read_processes({::getpid()}, "/");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].parent_pid, static_cast<std::uint32_t>(::getppid()));
}

}  // namespace
}  // namespace skerry::agent
