#include "agent/volumes/volume_desk.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include <gtest/gtest.h>

#include "volumes_fixture.h"

namespace skerry::agent {
namespace {

namespace fs = std::filesystem;
using tests::TempDir;

config::Config config_in(const TempDir& dir) {
  config::Config config;
  config.root = dir.path();
  config.volumes.plugin_socket_dirs = {dir.path() / "plugins"};
  config.volumes.plugin_spec_dirs = {};
  return config;
}

/// One life of the desk. The reactor stands still until turn().
class DeskLife {
 public:
  explicit DeskLife(const config::Config& config, const std::string& boot_id = "boot") {
    operations::FailpointRegistry& points = failpoints_;
    VolumeDesk::declare_failpoints(points);
    store =
        *store::Store::open({.root = config.root, .on_damage = {}}, *reactor, trace.get(), clock);
    events = *events::EventLog::open(*store, trace.get(), clock, {});
    debts.emplace(operations::DebtKeeper::Parts{*reactor, workers, *store, trace.get(), clock});
    desk = *VolumeDesk::make(config);
    const auto opened = desk->open({*reactor,
                                    workers,
                                    foreign,
                                    trace.get(),
                                    clock,
                                    *store,
                                    *events,
                                    table,
                                    *debts,
                                    failpoints_,
                                    board,
                                    boot_id});
    EXPECT_TRUE(opened) << opened.error().message();
  }
  DeskLife(const DeskLife&) = delete;
  DeskLife& operator=(const DeskLife&) = delete;
  ~DeskLife() {
    reactor->stop();
    if (thread.joinable()) thread.join();
    desk->close();
    foreign.shutdown();
    workers.shutdown();
  }
  void turn() {
    thread = std::thread([this] { reactor->run(); });
  }

  tests::KeptTrace trace;
  SystemClock clock;
  std::unique_ptr<runtime::Reactor> reactor = *runtime::Reactor::create(clock, trace.get());
  runtime::WorkerPool workers{"worker", 2, 16, trace.get()};
  runtime::LanedPool foreign{{.name = "plugin"}, trace.get()};
  operations::OperationTable table{clock};
  SnapshotBoard board;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<events::EventLog> events;
  std::optional<operations::DebtKeeper> debts;
  std::unique_ptr<VolumeDesk> desk;
  std::thread thread;

 private:
  operations::FailpointRegistry failpoints_;
};

const VolumeId kData{"default", "data"};
const volumes::VolumeKey kKey{.driver = "local", .name = "data"};

TEST(VolumeDesk, RefusesAPrefixThatCannotBe) {
  const TempDir dir;
  config::Config config = config_in(dir);
  config.volumes.host_paths = {"srv"};
  EXPECT_EQ(VolumeDesk::make(config).error().reason(), "CONFIG_INVALID");
}

TEST(VolumeDesk, KeepsItsHostIdAndAdoptsLocalVolumesOverALostState) {
  const TempDir dir;
  const config::Config config = config_in(dir);
  std::string id;
  {
    const DeskLife life(config);
    std::ifstream(dir.path() / "volumes" / ".host-id") >> id;
    EXPECT_EQ(id.size(), 16U);
  }
  fs::remove(dir.path() / "state.db");
  fs::create_directories(dir.path() / "volumes" / "data" / "data");
  fs::create_directories(dir.path() / "volumes" / "4.blue.logs" / "data");
  fs::create_directories(dir.path() / "volumes" / "half");
  fs::create_directories(dir.path() / "volumes" / ".gone-x" / "data");
  const DeskLife life(config);
  std::string again;
  std::ifstream(dir.path() / "volumes" / ".host-id") >> again;
  EXPECT_EQ(again, id);
  const auto all = life.desk->book().list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].record.id, (VolumeId{"blue", "logs"}));
  EXPECT_EQ(all[1].record.id, kData);
  EXPECT_TRUE(all[1].record.exists);
  EXPECT_FALSE(fs::exists(dir.path() / "volumes" / ".gone-x"));
}

TEST(VolumeDesk, RemovesAVolumeThatNobodyUses) {
  const TempDir dir;
  const config::Config config = config_in(dir);
  fs::create_directories(dir.path() / "volumes" / "data" / "data" / "deep");
  DeskLife life(config);
  life.turn();
  const auto removed = life.desk->remove(kData);
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(fs::exists(dir.path() / "volumes" / "data"));
  EXPECT_EQ(life.desk->remove(kData).error().reason(), "VOLUME_NOT_FOUND");
  EXPECT_TRUE(life.desk->book().list().empty());
}

TEST(VolumeDesk, GivesBackWhatTheGoneHeldAndOwesWhatIsMountedForNobody) {
  const TempDir dir;
  const config::Config config = config_in(dir);
  fs::create_directories(dir.path() / "volumes" / "data" / "data");
  DeskLife life(config);
  const Uid gone = Uid::make();
  const Uid held = Uid::make();
  const isolators::VolumeMount mount{
      .name = "data", .driver = {}, .options = {}, .target = "/data"};
  const isolators::VolumeMount other{
      .name = "plug", .driver = "rclone", .options = {}, .target = "/plug"};
  life.desk->adopt(gone, "default", {&mount, &other});
  life.desk->adopt(held, "default", {&mount});
  const auto is_holder = [&](const std::string& uid) { return uid == held.str(); };
  const auto never = [](const std::string&) { return false; };
  EXPECT_EQ(life.desk->orphans(is_holder, never).size(), 2U);
  life.desk->sweep(is_holder);
  EXPECT_EQ(life.desk->book().references(kKey)->consumers, std::set{held.str()});
  const auto left = life.desk->orphans(is_holder, never);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].key.str(), "rclone/plug");
  EXPECT_EQ(left[0].uid, "");
  const auto rows = life.store->debts();
  ASSERT_EQ(rows->rows.size(), 1U);
  EXPECT_EQ(rows->rows[0].key, "rclone/plug");
  EXPECT_EQ(rows->rows[0].object, gone.str());
  EXPECT_TRUE(
      life.desk->orphans(is_holder, [](const std::string& key) { return key == "rclone/plug"; })
          .empty());
}

TEST(VolumeDesk, SaysWhatOnlyDriversKnowAndWhoIsSilent) {
  const TempDir dir;
  const config::Config config = config_in(dir);
  fs::create_directories(dir.path() / "volumes" / "data" / "data");
  fs::create_directories(dir.path() / "plugins");
  DeskLife life(config);
  // A name nobody answers to: the file says so.
  std::ofstream(dir.path() / "plugins" / "x.sock") << "no socket";
  life.turn();
  std::promise<VolumeDesk::Found> promise;
  life.desk->ask_drivers([&](VolumeDesk::Found found) { promise.set_value(std::move(found)); });
  const VolumeDesk::Found found = promise.get_future().get();
  ASSERT_EQ(found.volumes.size(), 1U);
  EXPECT_EQ(found.volumes[0].first, "local");
  EXPECT_EQ(found.volumes[0].second.name, "data");
  EXPECT_EQ(found.silent, std::vector<std::string>{"x"});
}

TEST(VolumeDesk, TellsNobodyToWaitOnceItIsClosed) {
  const TempDir dir;
  const config::Config config = config_in(dir);
  fs::create_directories(dir.path() / "volumes" / "data" / "data");
  DeskLife life(config);
  life.desk->close();
  EXPECT_EQ(life.desk->remove(kData).error().reason(), "DAEMON_STOPPING");
  EXPECT_EQ(life.desk->create({.id = {"default", "new"}}).error().reason(), "DAEMON_STOPPING");
}

}  // namespace
}  // namespace skerry::agent
