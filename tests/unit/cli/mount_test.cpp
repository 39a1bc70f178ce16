#include "cli/parse/mount.h"

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

TEST(ParseVolume, TakesPathsOfTheHost) {
  const auto mount = parse_volume("/srv/www:/www:ro", "/home/me");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->bind().source(), "/srv/www");
  EXPECT_EQ(mount->target(), "/www");
  EXPECT_TRUE(mount->read_only());
  EXPECT_FALSE(parse_volume("/a:/b", "/")->read_only());
}

TEST(ParseVolume, TakesDotPathsFromTheWorkingDirectory) {
  EXPECT_EQ(parse_volume("./data:/data", "/home/me")->bind().source(), "/home/me/data");
  EXPECT_EQ(parse_volume("../data:/data", "/home/me")->bind().source(), "/home/data");
  EXPECT_EQ(parse_volume(".:/data", "/home/me")->bind().source(), "/home/me/");
}

TEST(ParseVolume, TakesNames) {
  const auto mount = parse_volume("data_1.x:/data:ro", "/");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->volume().name(), "data_1.x");
  EXPECT_TRUE(mount->read_only());
}

TEST(ParseVolume, RefusesHalvesAndWhatIsNeitherPathNorName) {
  for (const char* text :
       {"", "/a", "/a:", ":/b", "a/b:/b", "-a:/b", "/a:b", "/a:/b:rx", "/a:/b:ro:z"}) {
    EXPECT_FALSE(parse_volume(text, "/")) << text;
  }
}

TEST(ParseMount, TakesVolumes) {
  const auto mount = parse_mount(
      "type=volume,source=data,target=/d,readonly,volume-driver=rclone,volume-opt=remote=:local:/x",
      "/");
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(mount->volume().name(), "data");
  EXPECT_EQ(mount->volume().driver(), "rclone");
  EXPECT_EQ(mount->volume().options().at("remote"), ":local:/x");
  EXPECT_TRUE(mount->read_only());
  for (const char* text : {"type=volume,target=/d",
                           "type=volume,source=d,target=/d,tmpfs-size=1m",
                           "type=volume,source=d,target=/d,volume-opt=x",
                           "type=bind,source=/d,target=/d,volume-driver=x"}) {
    EXPECT_FALSE(parse_mount(text, "/")) << text;
  }
}

TEST(ParseTmpfs, TakesOptions) {
  const auto mount = parse_tmpfs("/run:size=64m,mode=0755,ro,exec,nosuid,nodev");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->target(), "/run");
  EXPECT_EQ(mount->tmpfs().size_bytes(), 64U << 20);
  EXPECT_EQ(mount->tmpfs().mode(), 0755U);
  EXPECT_TRUE(mount->tmpfs().exec());
  EXPECT_TRUE(mount->read_only());
  const auto plain = parse_tmpfs("/tmp");
  EXPECT_TRUE(plain->has_tmpfs());
  EXPECT_FALSE(plain->tmpfs().has_size_bytes());
}

TEST(ParseTmpfs, RefusesEverythingElse) {
  for (const char* text : {"",
                           "run",
                           "/run:size=",
                           "/run:size=x",
                           "/run:mode=9",
                           "/run:mode=10000",
                           "/run:suid",
                           "/run:uid=5"}) {
    EXPECT_FALSE(parse_tmpfs(text)) << text;
  }
}

TEST(ParseMount, TakesBinds) {
  const auto mount = parse_mount("type=bind,source=/a,target=/b,readonly,bind-nonrecursive", "/");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->bind().source(), "/a");
  EXPECT_TRUE(mount->bind().has_recursive());
  EXPECT_FALSE(mount->bind().recursive());
  EXPECT_TRUE(mount->read_only());
  EXPECT_FALSE(parse_mount("type=bind,src=/a,dst=/b,ro=false", "/")->read_only());
}

TEST(ParseMount, TakesTmpfs) {
  const auto mount = parse_mount("type=tmpfs,destination=/b,tmpfs-size=1m,tmpfs-mode=700", "/");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->tmpfs().size_bytes(), 1U << 20);
  EXPECT_EQ(mount->tmpfs().mode(), 0700U);
}

TEST(ParseMount, RefusesEverythingElse) {
  for (const char* text : {"",
                           "type=bind,target=/b",
                           "type=bind,source=/a",
                           "type=npipe,source=a,target=/b",
                           "source=/a,target=/b",
                           "type=bind,source=a,target=/b",
                           "type=bind,source=/a,target=b",
                           "type=bind,source=/a,target=/b,tmpfs-size=1m",
                           "type=tmpfs,source=/a,target=/b",
                           "type=tmpfs,target=/b,tmpfs-size=",
                           "type=bind,source=/a,target=/b,readonly=maybe",
                           "type=bind,source=/a,target=/b,frob=1"}) {
    EXPECT_FALSE(parse_mount(text, "/")) << text;
  }
}

}  // namespace
}  // namespace skerry::cli
