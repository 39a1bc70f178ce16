// What stands around volumes in the daemon: a reactor on a thread of its own, a store, events and
// debts; and a driver that does what it is told to.
#pragma once

#include <fcntl.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "agent/volumes/volume_mounter.h"
#include "fixtures.h"

namespace skerry::tests {

/// The driver "fake", foreign code. `calls` are "stage data", in order; `answer` may refuse one.
class FakeDriver final : public volumes::VolumeDriver {
 public:
  using Answer = std::function<Result<>(const std::string& call)>;

  std::string_view name() const override { return "fake"; }
  Result<volumes::Capabilities> capabilities(const volumes::CallLimits&) override {
    return volumes::Capabilities{.scope = volumes::Scope::kGlobal};
  }
  Result<> create(const volumes::Volume& volume, const volumes::CallLimits&) override {
    return called("create " + volume.name);
  }
  Result<> remove(const volumes::Volume& volume, const volumes::CallLimits&) override {
    return called("remove " + volume.name);
  }
  Result<volumes::VolumeInfo> get(const volumes::Volume& volume,
                                  const volumes::CallLimits&) override {
    return volumes::VolumeInfo{.name = volume.name, .mountpoint = {}, .created_at = {}};
  }
  Result<std::vector<volumes::VolumeInfo>> list(const volumes::CallLimits&) override {
    return std::vector<volumes::VolumeInfo>();
  }
  Result<volumes::Staged> stage(const volumes::Volume& volume,
                                const volumes::CallLimits&) override {
    TRY(called("stage " + volume.name));
    return volumes::Staged{.mountpoint = "/mnt/" + volume.name, .is_mount = true};
  }
  Result<volumes::Published> publish(const volumes::Volume& volume,
                                     const volumes::Staged& staged,
                                     const volumes::PublishRequest& request,
                                     const volumes::CallLimits&) override {
    const bool read_only = request.access == volumes::Access::kReadOnly;
    TRY(called("publish " + volume.name + (read_only ? " ro" : "")));
    return volumes::Published{.detached_mount = UniqueFd(::open("/", O_PATH | O_CLOEXEC)),
                              .staged = staged};
  }
  Result<> unstage(const volumes::Volume& volume,
                   const std::optional<volumes::Staged>& staged,
                   const volumes::CallLimits&) override {
    return called("unstage " + volume.name + (staged ? " " + staged->mountpoint : ""));
  }

  /// Refuses every call that begins so.
  void refuse(std::string beginning, Error error) {
    const std::lock_guard lock(mutex_);
    refused_.insert_or_assign(std::move(beginning), std::move(error));
  }
  void refuse_nothing() {
    const std::lock_guard lock(mutex_);
    refused_.clear();
  }
  /// Called before each call is answered.
  void on_call(std::function<void(const std::string&)> look) { look_ = std::move(look); }
  /// Since the last time.
  std::vector<std::string> calls() {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  Result<> called(const std::string& call) {
    if (look_) look_(call);
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    for (const auto& [beginning, error] : refused_) {
      if (call.starts_with(beginning)) return error;
    }
    return {};
  }

  std::mutex mutex_;
  std::vector<std::string> calls_;
  std::map<std::string, Error> refused_;
  std::function<void(const std::string&)> look_;
};

inline Error refusal(std::string message = "no") {
  return Error(Code::kUnknown, std::move(message)).with_reason("PLUGIN_ERROR");
}
inline Error timeout() {
  return Error(Code::kDeadlineExceeded, "does not answer").with_reason("PLUGIN_TIMEOUT");
}

/// One life of the daemon; several may follow each other in one directory.
class VolumesLife {
 public:
  explicit VolumesLife(const TempDir& dir,
                       const std::string& boot_id = "boot",
                       const std::vector<std::string>& armed = {})
      : failpoints_(armed_points(armed)) {
    store =
        *store::Store::open({.root = dir.path(), .on_damage = {}}, *reactor, trace.get(), clock);
    events = *events::EventLog::open(*store, trace.get(), clock, {});
    debts.emplace(operations::DebtKeeper::Parts{*reactor, workers, *store, trace.get(), clock});
    book.emplace(agent::VolumeBook::Parts{*store, *events, trace.get(), clock, boot_id});
    EXPECT_TRUE(book->load());
    auto owned = std::make_unique<FakeDriver>();
    driver = owned.get();
    std::vector<std::unique_ptr<volumes::VolumeDriver>> own;
    own.push_back(std::move(owned));
    drivers.emplace(std::move(own), volumes::PluginSettings{.host_id = "test"}, paths);
    door.emplace(*reactor, *store);
    tools.emplace(agent::VolumeTools{.drivers = *drivers,
                                     .lanes = lanes,
                                     .book = *book,
                                     .door = *door,
                                     .debts = *debts,
                                     .store = *store,
                                     .failpoints = failpoints_,
                                     .trace = trace.get(),
                                     .mount_deadline = std::chrono::seconds(20),
                                     .unmount_deadline = std::chrono::seconds(20),
                                     .closing = closing.get_token()});
    mounter.open(*tools);
    thread_ = std::thread([this] { reactor->run(); });
  }
  VolumesLife(const VolumesLife&) = delete;
  VolumesLife& operator=(const VolumesLife&) = delete;
  /// As a crash: nothing is said to the store.
  ~VolumesLife() {
    reactor->stop();
    thread_.join();
    closing.request_stop();
    door->close();
    workers.shutdown();
  }

  /// On the reactor.
  template <class Work>
  void on_reactor(Work work) {
    EXPECT_TRUE(door->run([&]() -> Result<> {
      work();
      return {};
    }));
  }
  std::vector<store::DebtRow> owed() {
    // Published at the end of the turn after.
    on_reactor([] {});
    on_reactor([] {});
    return *debts->list();
  }

  KeptTrace trace;
  SystemClock clock;
  std::unique_ptr<runtime::Reactor> reactor = *runtime::Reactor::create(clock, trace.get());
  runtime::WorkerPool workers{"worker", 2, 16, trace.get()};
  os::ForeignPaths paths;
  volumes::Lanes lanes;
  std::stop_source closing;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<events::EventLog> events;
  std::optional<operations::DebtKeeper> debts;
  std::optional<agent::VolumeBook> book;
  std::optional<volumes::Drivers> drivers;
  FakeDriver* driver = nullptr;
  std::optional<agent::ReactorDoor> door;
  std::optional<agent::VolumeTools> tools;
  agent::VolumeMounter mounter;

 private:
  static operations::FailpointRegistry armed_points(const std::vector<std::string>& armed) {
    operations::FailpointRegistry points;
    agent::VolumeMounter::declare_failpoints(points);
    for (const std::string& each : armed) EXPECT_TRUE(points.arm(each));
    return points;
  }
  operations::FailpointRegistry failpoints_;
  std::thread thread_;
};

}  // namespace skerry::tests
