#include "unpack/entry_name.h"

#include <gtest/gtest.h>

namespace skerry::unpack {
namespace {

EntryName parsed(std::string_view raw) {
  auto name = parse_entry_name(raw);
  EXPECT_TRUE(name.has_value()) << raw;
  return name ? *name : EntryName{"?", "?"};
}

std::string reason_of(std::string_view raw) {
  const auto name = parse_entry_name(raw);
  return name ? "accepted" : name.error().reason();
}

TEST(EntryName, SplitsParentAndLastComponent) {
  EXPECT_EQ(parsed("a"), (EntryName{"", "a"}));
  EXPECT_EQ(parsed("a/b/c"), (EntryName{"a/b", "c"}));
  EXPECT_EQ(parsed("a/b/c").path(), "a/b/c");
}

TEST(EntryName, CleansSlashesAndDots) {
  EXPECT_EQ(parsed("//./a//b/./"), (EntryName{"a", "b"}));
  EXPECT_EQ(parsed("/etc/passwd"), (EntryName{"etc", "passwd"}));
}

TEST(EntryName, KnowsTheRoot) {
  for (const auto* raw : {"", "/", ".", "./", "//."}) EXPECT_TRUE(parsed(raw).is_root()) << raw;
}

TEST(EntryName, RefusesDotDotAnywhere) {
  for (const auto* raw : {"..", "../x", "a/..", "a/../b", "/..", "./.."})
    EXPECT_EQ(reason_of(raw), "ENTRY_ESCAPES") << raw;
}

TEST(EntryName, LeavesDotsInsideNamesAlone) {
  EXPECT_EQ(parsed("...").name, "...");
  EXPECT_EQ(parsed("..a/b..").parent, "..a");
}

TEST(EntryName, RefusesWhatNoFileSystemTakes) {
  EXPECT_EQ(reason_of(std::string(255, 'n')), "accepted");
  EXPECT_EQ(reason_of(std::string(256, 'n')), "ENTRY_NAME_INVALID");
  std::string deep;
  while (deep.size() < 4094) deep += "d/";
  EXPECT_EQ(reason_of(deep), "accepted");
  EXPECT_EQ(reason_of(deep + "/d/d"), "ENTRY_NAME_INVALID");
}

TEST(EntryName, PrintsNoControlCharacters) {
  EXPECT_EQ(printable_name("a\nb\x1b[0m\x7f"), "a?b?[0m?");
  EXPECT_LT(printable_name(std::string(5000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace skerry::unpack
