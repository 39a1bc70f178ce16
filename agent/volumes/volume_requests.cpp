// What clients ask of volumes: made, removed, and asked of the drivers.

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "agent/volumes/driver_error.h"
#include "agent/volumes/stop_fd.h"
#include "agent/volumes/volume_desk.h"
#include "agent/volumes/volume_users.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using volumes::CallLimits;
using volumes::Lane;
using volumes::VolumeDriver;
using volumes::VolumeInfo;
using volumes::VolumeKey;

constexpr auto kScopePatience = 2s;
constexpr auto kAskPatience = 3s;

Error unknown(const VolumeId& id) {
  return Error(Code::kNotFound, fmt::format("volume \"{}\" does not exist", id.name))
      .with_reason("VOLUME_NOT_FOUND")
      .with_object("volume " + id.name);
}

Error named(Error error, const VolumeId& id) {
  return to_client_error(std::move(error)).with_object("volume " + id.name);
}

}  // namespace

// --- create ---------------------------------------------------------------------------------

Result<VolumeEntry> VolumeDesk::create(VolumeWish wish) {
  if (wish.driver.empty()) wish.driver = "local";
  TRY(check_volume_id(wish.id));
  TRY(volumes::check_options(wish.options.value_or(volumes::VolumeOptions())));
  TRY_ASSIGN(const VolumeRecord expected, book_->match(wish));
  if (!expected.exists) {
    auto made = create_missing(wish, key_of(expected));
    if (!made) return named(std::move(made).error(), wish.id);
  }
  auto entry = book_->entry(wish.id);
  // Removed again by somebody else.
  if (!entry) return unknown(wish.id);
  return std::move(*entry);
}

Result<> VolumeDesk::create_missing(const VolumeWish& wish, const VolumeKey& key) {
  TRY_ASSIGN(VolumeDriver* const driver, drivers_->find(key.driver));
  TRY_ASSIGN(const auto stop, StopFd::make({}, closing_.get_token()));
  const CallLimits limits = CallLimits::within(mount_deadline_, stop->get());
  TRY_ASSIGN(const Lane lane, lanes_.enter(key, limits));
  TRY(running_->failpoints.hit("volume.admit"));
  TRY_ASSIGN(const VolumeRecord record, door_->run([&] { return book_->intend(wish, key); }));
  if (record.exists) return {};
  auto made = make_one(record, *driver, limits);
  if (made || is_uncertain(made.error())) return made;
  // Nothing came of it.
  TRY(door_->run([&] { return book_->drop_unmade(record.id); }));
  return made;
}

Result<> VolumeDesk::make_one(const VolumeRecord& record,
                              VolumeDriver& driver,
                              const CallLimits& limits) {
  if (is_foreign_driver(record.driver)) TRY(door_->durable());
  TRY(running_->failpoints.hit("volume.create"));
  const auto made = driver.create(volume_of(record), limits);
  book_->note(key_of(record), made);
  TRY(made);
  TRY(running_->failpoints.hit("volume.created"));
  TRY(door_->run([&] { return book_->made(record.id); }));
  ask_scope(driver);
  return {};
}

// Once in the daemon's life, of a driver that has just answered.
void VolumeDesk::ask_scope(VolumeDriver& driver) {
  const std::string name(driver.name());
  {
    const runtime::MutexLock lock(mutex_);
    if (!scopes_.try_emplace(name).second) return;
  }
  const auto can = driver.capabilities(CallLimits::within(kScopePatience));
  if (!can) return;
  const runtime::MutexLock lock(mutex_);
  scopes_[name] = can->scope == volumes::Scope::kGlobal ? "global" : "local";
}

// --- remove ---------------------------------------------------------------------------------

Result<> VolumeDesk::remove(const VolumeId& id) {
  const auto record = book_->find(id);
  if (!record) return unknown(id);
  // Said at once, whoever has the lane; and once more inside.
  TRY(check_free(*record));
  TRY_ASSIGN(VolumeDriver* const driver, drivers_->recall(record->driver));
  TRY_ASSIGN(const auto stop, StopFd::make({}, closing_.get_token()));
  const CallLimits limits = CallLimits::within(unmount_deadline_, stop->get());
  auto lane = lanes_.enter(key_of(*record), limits);
  if (!lane) return named(std::move(lane).error(), id);
  return remove_in_lane(*record, *driver, limits);
}

Result<> VolumeDesk::remove_in_lane(const VolumeRecord& record,
                                    VolumeDriver& driver,
                                    const CallLimits& limits) {
  auto begun = door_->run([&]() -> Result<> {
    const auto now = book_->find(record.id);
    if (!now || now->driver != record.driver) return unknown(record.id);
    TRY(check_free(record));
    return book_->doubt(record.id);
  });
  TRY(std::move(begun));
  if (is_foreign_driver(record.driver)) TRY(door_->durable());
  TRY(running_->failpoints.hit("volume.remove"));
  auto removed = driver.remove(volume_of(record), limits);
  book_->note(key_of(record), removed);
  if (!removed) return named(std::move(removed).error(), record.id);
  TRY(running_->failpoints.hit("volume.removed"));
  return door_->run([&] { return book_->removed(record.id); });
}

Result<> VolumeDesk::check_free(const VolumeRecord& record) const {
  return check_unused(record.id, *running_->board.current(), book_->references(key_of(record)));
}

// --- what drivers know ----------------------------------------------------------------------

struct VolumeDesk::Inquiry {
  runtime::Mutex mutex;
  std::set<std::string> waiting GUARDED_BY(mutex);
  Found found GUARDED_BY(mutex);
  std::function<void(Found)> done GUARDED_BY(mutex);  // empty once called
  runtime::Timer timer;                               // the reactor's

  /// True for the last one.
  bool answered(const std::string& driver, const Result<std::vector<VolumeInfo>>& volumes) {
    bool is_last = false;
    {
      const runtime::MutexLock lock(mutex);
      waiting.erase(driver);
      if (!volumes) found.silent.push_back(driver);
      if (volumes) {
        for (const VolumeInfo& info : *volumes) found.volumes.emplace_back(driver, info);
      }
      is_last = waiting.empty();
    }
    if (is_last) finish();
    return is_last;
  }

  void finish() {
    std::function<void(Found)> call;
    Found all;
    {
      const runtime::MutexLock lock(mutex);
      if (!done) return;
      call = std::exchange(done, {});
      all = std::move(found);
      all.silent.insert(all.silent.end(), waiting.begin(), waiting.end());
    }
    std::ranges::sort(all.silent);
    call(std::move(all));
  }
};

void VolumeDesk::ask_drivers(std::function<void(Found)> done) {
  const auto inquiry = std::make_shared<Inquiry>();
  const std::vector<std::string> names = drivers_->list();
  {
    const runtime::MutexLock lock(inquiry->mutex);
    inquiry->waiting = {names.begin(), names.end()};
    inquiry->done = std::move(done);
  }
  // Weak: whoever still asks holds it.
  running_->reactor.post([&reactor = running_->reactor, inquiry] {
    inquiry->timer = reactor.after(kAskPatience, [weak = std::weak_ptr(inquiry)] {
      const auto late = weak.lock();
      if (!late) return;
      late->timer.reset();
      late->finish();
    });
  });
  for (const std::string& name : names) ask_one(inquiry, name);
}

void VolumeDesk::ask_one(const std::shared_ptr<Inquiry>& inquiry, const std::string& driver) {
  auto task = [this, inquiry, driver] {
    const auto found = drivers_->find(driver);
    const auto limits = CallLimits::within(kAskPatience);
    auto volumes = found ? (*found)->list(limits) : Result<std::vector<VolumeInfo>>(found.error());
    if (inquiry->answered(driver, volumes)) {
      // The timer is the reactor's to end.
      running_->reactor.post([inquiry] { inquiry->timer.reset(); });
    }
    if (volumes) ask_scope(**found);
  };
  auto submitted = submit(driver, std::move(task));
  if (!submitted) static_cast<void>(inquiry->answered(driver, std::move(submitted).error()));
}

}  // namespace skerry::agent
