#include "volumes/host/host_paths.h"

#include <gtest/gtest.h>

#include "tests/unit/os/temp_dir.h"
#include "volumes/host/host_driver.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;
using std::chrono::milliseconds;

CallLimits limits() { return CallLimits::within(milliseconds(10'000)); }

class HostPathsTest : public testing::Test {
 protected:
  HostPathsTest() {
    temp_.dir("allowed/data");
    temp_.dir("allowed2");
    temp_.dir("secret");
    temp_.file("allowed/file");
  }
  HostPaths make(std::vector<std::string> prefixes) {
    return HostPaths::make(foreign_,
                           {.allowed_prefixes = std::move(prefixes), .config_key = "volumes.host"})
        .value();
  }

  TempDir temp_;
  os::ForeignPaths foreign_;
};

TEST_F(HostPathsTest, OpensWhatIsBelowAPrefix) {
  const auto paths = make({temp_.at("allowed") + "/"});
  EXPECT_TRUE(paths.open(temp_.at("allowed"), limits())->is_directory);
  EXPECT_TRUE(paths.open(temp_.at("allowed/data"), limits())->is_directory);
  EXPECT_FALSE(paths.open(temp_.at("allowed/file"), limits())->is_directory);
}

TEST_F(HostPathsTest, RefusalNamesTheKey) {
  const auto paths = make({temp_.at("allowed")});
  for (const char* name : {"secret", "allowed2", "allowed/../secret"}) {
    const auto refused = paths.open(temp_.at(name), limits());
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
    EXPECT_EQ(refused.error().reason(), "HOST_PATH_NOT_ALLOWED");
    EXPECT_NE(refused.error().message().find("volumes.host"), std::string::npos);
  }
}

TEST_F(HostPathsTest, LinksCountByWhereTheyLead) {
  const auto paths = make({temp_.at("allowed")});
  temp_.link("../secret", "allowed/out");
  temp_.link("allowed/data", "in");
  const auto out = paths.open(temp_.at("allowed/out"), limits());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().reason(), "HOST_PATH_NOT_ALLOWED");
  EXPECT_NE(out.error().message().find("secret"), std::string::npos);
  EXPECT_TRUE(paths.open(temp_.at("in"), limits()));
}

TEST_F(HostPathsTest, WithoutPrefixesNothingIsToldApart) {
  const auto paths = make({});
  const auto there = paths.open(temp_.at("secret"), limits());
  const auto missing = paths.open(temp_.at("missing"), limits());
  ASSERT_FALSE(there);
  ASSERT_FALSE(missing);
  EXPECT_EQ(there.error().reason(), "HOST_PATH_NOT_ALLOWED");
  EXPECT_EQ(missing.error().reason(), "HOST_PATH_NOT_ALLOWED");
}

TEST_F(HostPathsTest, RefusesWhatIsNoAbsolutePath) {
  const auto paths = make({"/"});
  for (const std::string& path : {std::string(), std::string("srv"), std::string("/a\0b", 4)})
    EXPECT_EQ(paths.open(path, limits()).error().reason(), "HOST_PATH_INVALID");
  EXPECT_EQ(paths.open(temp_.at("missing"), limits()).error().reason(), "HOST_PATH_NOT_FOUND");
}

TEST_F(HostPathsTest, RulesMustBeAbsolute) {
  for (const char* prefix : {"", "srv", "/srv/../etc", "/srv/./x"}) {
    const auto made =
        HostPaths::make(foreign_, {.allowed_prefixes = {prefix}, .config_key = "volumes.host"});
    ASSERT_FALSE(made) << prefix;
    EXPECT_EQ(made.error().reason(), "HOST_PATH_RULE_INVALID");
  }
}

TEST_F(HostPathsTest, DriverNeedsThePathAndNothingElse) {
  HostDriver driver(make({temp_.at("allowed")}));
  const Volume good{.name = "v", .options = {{"path", temp_.at("allowed/data")}}};
  EXPECT_TRUE(driver.create(good, limits()));
  EXPECT_EQ(driver.create({.name = "v"}, limits()).error().reason(), "VOLUME_OPTION_INVALID");
  EXPECT_EQ(driver.create({.name = "v", .options = {{"path", "/"}, {"o", "ro"}}}, limits())
                .error()
                .reason(),
            "VOLUME_OPTION_UNKNOWN");
  EXPECT_EQ(driver.create({.name = "v", .options = {{"path", temp_.at("secret")}}}, limits())
                .error()
                .code(),
            Code::kPermissionDenied);
  EXPECT_TRUE(driver.remove(good, limits()));
  EXPECT_TRUE(temp_.exists("allowed/data")) << "the operator's directory is never deleted";
}

}  // namespace
}  // namespace skerry::volumes
