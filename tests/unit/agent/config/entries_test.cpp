#include "agent/config/entries.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "agent/config/command_line.h"
#include "fixtures.h"

namespace skerry::config {
namespace {

Entry find(const Config& config, std::string_view key) {
  for (const Entry& entry : entries(config)) {
    if (entry.key == key) return entry;
  }
  return {};
}

TEST(ConfigEntries, AreSortedAndTellOfAbsentOnes) {
  const auto all = entries({});
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Entry::key));
  EXPECT_EQ(find({}, "log.max_files"),
            (Entry{.key = "log.max_files", .value = "5", .origin = "default"}));
  EXPECT_EQ(find({}, "defaults.pids"),
            (Entry{.key = "defaults.pids", .value = "", .origin = "default"}));
}

TEST(ConfigEntries, TellWhoSetThem) {
  Config config;
  ASSERT_TRUE(apply_toml("name = \"x = y\"\n[log]\nmax_files = 5\n", "/etc/f.toml", config));
  EXPECT_EQ(find(config, "name"),
            (Entry{.key = "name", .value = "\"x = y\"", .origin = "/etc/f.toml"}));
  // Also where it says what is the default anyway.
  EXPECT_EQ(find(config, "log.max_files").origin, "/etc/f.toml");
  EXPECT_EQ(find(config, "root").origin, "default");
}

TEST(ConfigEntries, FlagsComeLast) {
  const tests::TempDir dir;
  const std::string file = dir.path() / "skerryd.toml";
  {
    std::FILE* out = std::fopen(file.c_str(), "we");
    ASSERT_NE(out, nullptr);
    std::fputs("name = \"a\"\nrun = \"/run/a\"\n", out);
    std::fclose(out);
  }
  const auto invocation = parse_command_line({"--config", file, "--name", "b"}, "1");
  ASSERT_TRUE(invocation) << invocation.error().message();
  EXPECT_EQ(find(invocation->config, "name"),
            (Entry{.key = "name", .value = "\"b\"", .origin = "flag"}));
  EXPECT_EQ(find(invocation->config, "run").origin, file);
}

}  // namespace
}  // namespace skerry::config
