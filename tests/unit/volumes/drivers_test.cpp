#include "volumes/drivers.h"

#include <gtest/gtest.h>

#include "tests/unit/os/temp_dir.h"
#include "volumes/local/local_driver.h"

namespace skerry::volumes {
namespace {

using os::test::TempDir;

class DriversTest : public testing::Test {
 protected:
  DriversTest() { temp_.dir("etc"); }
  Drivers make() {
    std::vector<std::unique_ptr<VolumeDriver>> own;
    own.push_back(
        std::make_unique<LocalDriver>(LocalDriver::open(temp_.fd(), temp_.path()).value()));
    return Drivers(std::move(own), {.dirs = {.sockets = {}, .specs = {temp_.at("etc")}}}, paths_);
  }

  TempDir temp_;
  os::ForeignPaths paths_;
};

TEST_F(DriversTest, OwnDriversHidePluginsOfTheirName) {
  temp_.file("etc/local.spec", "unix:///x");
  temp_.file("etc/rexray.spec", "unix:///x");
  auto drivers = make();
  EXPECT_EQ(drivers.list(), (std::vector<std::string>{"local", "rexray"}));
  EXPECT_NE(dynamic_cast<LocalDriver*>(drivers.find("local").value()), nullptr);
}

TEST_F(DriversTest, PluginIsFoundWhenItIsThere) {
  auto drivers = make();
  EXPECT_EQ(drivers.find("rexray").error().reason(), "VOLUME_DRIVER_NOT_FOUND");
  temp_.file("etc/rexray.spec", "unix:///x");
  VolumeDriver* found = drivers.find("rexray").value();
  EXPECT_EQ(found->name(), "rexray");
  EXPECT_EQ(drivers.find("rexray").value(), found);
  EXPECT_EQ(drivers.find("../x").error().reason(), "VOLUME_DRIVER_NAME_INVALID");
}

}  // namespace
}  // namespace skerry::volumes
