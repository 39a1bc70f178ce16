#include "images/image_name.h"

#include <gtest/gtest.h>

namespace skerry::images {
namespace {

std::string parsed(std::string_view text) {
  const auto name = parse_image_name(text);
  return name ? name->str() : name.error().reason();
}

TEST(ImageName, TakesRepositoriesAndTags) {
  EXPECT_EQ(parsed("busybox"), "busybox:latest");
  EXPECT_EQ(parsed("busybox:1.36"), "busybox:1.36");
  EXPECT_EQ(parsed("team/my_app-x.y:Release_1"), "team/my_app-x.y:Release_1");
  EXPECT_EQ(parsed("registry.example:5000/team/app"), "registry.example:5000/team/app:latest");
  EXPECT_EQ(parsed("localhost:5000/app:v1"), "localhost:5000/app:v1");
}

TEST(ImageName, RefusesWhatIsNoName) {
  const std::string invalid = "IMAGE_NAME_INVALID";
  for (const auto* bad : {"",          ":",           ":tag",   "name:",       "/name",
                          "name/",     "a//b",        "Name",   "-name",       "name-",
                          "a/.b",      "..",          "a/../b", "na me",       "name:ta g",
                          "name:.tag", "name:-tag",   "a:b:c",  "host:port/a", "host:123456/a",
                          "host:/a",   "a/host:80/b", "naïve",  "name\n"})
    EXPECT_EQ(parsed(bad), invalid) << bad;
  EXPECT_EQ(parsed(std::string("a\0b", 3)), invalid);
}

TEST(ImageName, LimitsLengths) {
  EXPECT_EQ(parsed(std::string(255, 'a')), std::string(255, 'a') + ":latest");
  EXPECT_EQ(parsed(std::string(256, 'a')), "IMAGE_NAME_INVALID");
  EXPECT_EQ(parsed("a:" + std::string(128, 't')), "a:" + std::string(128, 't'));
  EXPECT_EQ(parsed("a:" + std::string(129, 't')), "IMAGE_NAME_INVALID");
}

TEST(ImageName, IsNeverAContentId) {
  EXPECT_EQ(parsed("sha256:" + std::string(64, 'a')), "IMAGE_NAME_INVALID");
  EXPECT_EQ(parsed("sha256"), "IMAGE_NAME_INVALID");
  EXPECT_EQ(parsed(std::string(64, 'a')), "IMAGE_NAME_INVALID");
  EXPECT_EQ(parsed("deadbeef"), "deadbeef:latest");
}

}  // namespace
}  // namespace skerry::images
