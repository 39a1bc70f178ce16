#include "agent/volumes/volume_mounter.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "agent/volumes/driver_error.h"
#include "agent/volumes/stop_fd.h"
#include "agent/volumes/volume_record.h"

namespace skerry::agent {
namespace {

using isolators::AcquiredVolumes;
using isolators::VolumeHolding;
using isolators::VolumeMount;
using isolators::VolumeRequest;
using operations::Debt;
using volumes::CallLimits;
using volumes::Lane;
using volumes::Published;
using volumes::Staged;
using volumes::VolumeDriver;
using volumes::VolumeKey;
using Need = volumes::ReferenceTable::Need;

constexpr std::size_t kAttemptBytes = 8;
constexpr std::string_view kDisconnected = "VOLUME_DISCONNECTED";

VolumeWish wish_of(const std::string& tenant, const VolumeMount& mount) {
  VolumeWish wish{.id = {.tenant = tenant, .name = mount.name}, .driver = mount.driver};
  if (!mount.options.empty()) wish.options = mount.options;
  return wish;
}

Error named(Error error, const VolumeMount& mount) {
  return to_client_error(std::move(error)).with_object("volume " + mount.name);
}

// What was owed of an earlier use need not be tried again to be seen as paid.
Result<> forget_debt(const VolumeTools& tools, const VolumeKey& key) {
  const auto debts = tools.debts.list();
  const auto is_ours = [&](const store::DebtRow& row) {
    return row.kind == kDebtVolume && row.key == key.str();
  };
  if (std::ranges::none_of(*debts, is_ours)) return {};
  return tools.door.run([&] {
    store::Transaction transaction = tools.store.begin();
    tools.debts.forget(transaction, kDebtVolume, key.str());
    return transaction.commit();
  });
}

}  // namespace

/// One volume on its way into one container.
struct VolumeMounter::Visit {
  const VolumeRequest& request;
  Admission admission;
  VolumeKey key;
  VolumeDriver& driver;
  volumes::Volume volume;
  volumes::PublishRequest publish;
  CallLimits limits;
  bool has_staged = false;  ///< the driver was asked to
  enum class Made : std::uint8_t { kNo, kMaybe, kYes } made = Made::kNo;
};

void VolumeMounter::declare_failpoints(operations::FailpointRegistry& failpoints) {
  for (const char* place : {"volume.admit",
                            "volume.create",
                            "volume.stage",
                            "volume.staged",
                            "volume.publish",
                            "volume.leave",
                            "volume.unstage",
                            "volume.unstaged"}) {
    failpoints.declare(place);
  }
}

// --- admission ------------------------------------------------------------------------------

Result<> VolumeMounter::check(const std::string& tenant, const VolumeMount& mount) const {
  const VolumeWish wish = wish_of(tenant, mount);
  TRY(check_volume_id(wish.id));
  TRY(volumes::check_options(mount.options));
  // One that is known needs nothing more: an exec in a container that has it, for example.
  if (tools_->book.find(wish.id)) {
    TRY(tools_->book.match(wish));
    return {};
  }
  if (wish.driver.empty()) return {};
  auto found = tools_->drivers.find(wish.driver);
  if (!found) return to_client_error(std::move(found).error());
  return {};
}

std::optional<std::string> VolumeMounter::foreign_driver(const std::string& tenant,
                                                         const VolumeMount& mount) const {
  const auto record = tools_->book.find({.tenant = tenant, .name = mount.name});
  const std::string driver = record ? record->driver : mount.driver;
  if (driver.empty() || !is_foreign_driver(driver)) return std::nullopt;
  return driver;
}

// --- acquire --------------------------------------------------------------------------------

Result<AcquiredVolumes> VolumeMounter::acquire(const VolumeRequest& request) {
  const operations::AttemptLedger::Turn turn = ledger_.enter(request.uid);
  TRY_ASSIGN(const auto stop, StopFd::make(request.stop, tools_->closing));
  AcquiredVolumes out;
  out.holding.attempt = random_hex(kAttemptBytes);
  // What an earlier attempt is still owed is this one's now.
  ledger_.begin(request.uid, out.holding.attempt);
  for (const VolumeMount* mount : request.mounts) {
    VolumeKey key;
    auto published = use(request, *mount, stop->get(), key);
    if (!published) {
      // A file system that is open somewhere is busy.
      out.mounts.clear();
      // What this cannot give back is still held: see holds().
      static_cast<void>(give_back(request.uid));
      ledger_.end(request.uid);
      return named(std::move(published).error(), *mount);
    }
    out.mounts.push_back(
        {.mount = std::move(published->detached_mount), .is_directory = published->is_directory});
    const isolators::HeldVolume held{.driver = key.driver, .name = key.name};
    if (std::ranges::find(out.holding.volumes, held) == out.holding.volumes.end()) {
      out.holding.volumes.push_back(held);
    }
  }
  return out;
}

Result<Published> VolumeMounter::use(const VolumeRequest& request,
                                     const VolumeMount& mount,
                                     int cancel_fd,
                                     VolumeKey& key) {
  const VolumeWish wish = wish_of(request.tenant, mount);
  TRY_ASSIGN(const VolumeRecord expected, tools_->book.match(wish));
  key = key_of(expected);
  const bool is_foreign = is_foreign_driver(key.driver);
  TRY_ASSIGN(
      VolumeDriver* const driver,
      expected.exists ? tools_->drivers.recall(key.driver) : tools_->drivers.find(key.driver));
  const CallLimits limits = CallLimits::within(tools_->mount_deadline, cancel_fd);
  TRY_ASSIGN(const Lane lane, tools_->lanes.enter(key, limits));
  TRY(tools_->failpoints.hit("volume.admit"));
  TRY_ASSIGN(Admission admission,
             tools_->door.run([&] { return tools_->book.admit(wish, key, request.uid); }));
  Visit visit{.request = request,
              .admission = std::move(admission),
              .key = key,
              .driver = *driver,
              .volume = {},
              .publish = {.access = mount.read_only ? volumes::Access::kReadOnly
                                                    : volumes::Access::kReadWrite},
              .limits = limits};
  visit.volume = volume_of(visit.admission.record);
  Result<> journaled;
  // Of what our own disk holds nothing outlives a crash of the host but the volume itself.
  if (is_foreign && visit.admission.need == Need::kDriverCall) journaled = tools_->door.durable();
  auto published = journaled ? bring(visit) : Result<Published>(journaled.error());
  if (!published) take_back(visit, published.error());
  return published;
}

Result<Published> VolumeMounter::bring(Visit& visit) {
  Staged staged;
  if (visit.admission.need == Need::kDriverCall) {
    TRY_ASSIGN(staged, stage(visit));
  } else {
    staged = *visit.admission.staged;
  }
  auto published = publish(visit, staged);
  if (!published && published.error().reason() == kDisconnected) {
    // Whoever has it has a dead file system: nobody loses anything.
    TRY(mend(visit, staged));
    TRY_ASSIGN(staged, stage(visit));
    published = publish(visit, staged);
  }
  if (!published) return published;
  if (published->staged != staged) {
    TRY(tools_->door.run([&] { return tools_->book.staged(visit.key, published->staged); }));
  }
  return published;
}

Result<Staged> VolumeMounter::stage(Visit& visit) {
  auto staged = stage_once(visit);
  if (staged || visit.admission.is_fresh || !visit.admission.is_alone ||
      is_uncertain(staged.error())) {
    return staged;
  }
  // What an earlier use left may be in the way, such as the dead mount of a plugin that was killed.
  if (!mend(visit, visit.admission.staged)) return staged;
  return stage_once(visit);
}

Result<Staged> VolumeMounter::stage_once(Visit& visit) {
  VolumeBook& book = tools_->book;
  // Plugins forget their volumes when they restart; making one that is there does nothing.
  if (!visit.admission.record.exists || is_foreign_driver(visit.key.driver)) {
    TRY(tools_->failpoints.hit("volume.create"));
    const auto made = visit.driver.create(visit.volume, visit.limits);
    book.note(visit.key, made);
    const bool maybe = !made && is_uncertain(made.error());
    visit.made = made ? Visit::Made::kYes : maybe ? Visit::Made::kMaybe : Visit::Made::kNo;
    TRY(made);
  }
  TRY(tools_->failpoints.hit("volume.stage"));
  visit.has_staged = true;
  auto staged = visit.driver.stage(visit.volume, visit.limits);
  book.note(visit.key, staged ? Result<>() : Result<>(staged.error()));
  if (!staged) return staged;
  TRY(tools_->failpoints.hit("volume.staged"));
  TRY(tools_->door.run([&] { return book.staged(visit.key, *staged); }));
  return staged;
}

Result<Published> VolumeMounter::publish(Visit& visit, const Staged& staged) {
  TRY(tools_->failpoints.hit("volume.publish"));
  auto published = visit.driver.publish(visit.volume, staged, visit.publish, visit.limits);
  tools_->book.note(visit.key, published ? Result<>() : Result<>(published.error()));
  return published;
}

Result<> VolumeMounter::mend(Visit& visit, const std::optional<Staged>& staged) {
  TRY(visit.driver.unstage(visit.volume, staged, visit.limits));
  return tools_->door.run([&] { return tools_->book.unstaged(visit.key); });
}

// In the lane. What cannot be recorded now is found at the next start: the container does not hold
// what the references say.
void VolumeMounter::take_back(const Visit& visit, const Error& error) {
  const auto left =
      tools_->door.run([&] { return tools_->book.leave(visit.key, visit.request.uid); });
  Result<> done;
  if (!left) {
    done = left.error();
  } else if (*left == Need::kDriverCall) {
    if (visit.admission.is_fresh && !visit.has_staged) {
      done = tools_->door.run([&] { return tools_->book.unstaged(visit.key); });
    } else if (is_uncertain(error)) {
      // Once more at once would only hang again.
      done = owe(visit.key, visit.request.uid, error);
    } else {
      const auto stop = StopFd::make({}, tools_->closing);
      const auto limits = CallLimits::within(tools_->unmount_deadline, stop ? (*stop)->get() : -1);
      const auto unstaged = unstage_in_lane(visit.key, limits);
      if (!unstaged) done = owe(visit.key, visit.request.uid, unstaged.error());
    }
  }
  const VolumeId& id = visit.admission.record.id;
  if (done && visit.made == Visit::Made::kYes) {
    done = tools_->door.run([&] { return tools_->book.made(id); });
  } else if (done && visit.made == Visit::Made::kNo) {
    done = tools_->door.run([&] { return tools_->book.drop_unmade(id); });
  }
  if (done) return;
  tools_->trace.error("a volume is not given back",
                      done.error(),
                      {{"volume", visit.key.str()}, {"container", visit.request.uid.str()}});
}

// --- release --------------------------------------------------------------------------------

Result<> VolumeMounter::release(const Uid& uid, const VolumeHolding* holding) {
  const operations::AttemptLedger::Turn turn = ledger_.enter(uid);
  if (ledger_.is_superseded(uid, holding != nullptr ? holding->attempt : std::string())) return {};
  TRY(give_back(uid));
  ledger_.end(uid);
  return {};
}

bool VolumeMounter::holds(const Uid& uid) const { return !tools_->book.volumes_of(uid).empty(); }

Result<> VolumeMounter::give_back(const Uid& uid) {
  Result<> first;
  for (const VolumeKey& key : tools_->book.volumes_of(uid)) {
    {
      const runtime::MutexLock lock(mutex_);
      in_flight_.insert(key);
    }
    auto given = give_back_one(key, uid);
    if (!given && first) first = std::move(given);
    const runtime::MutexLock lock(mutex_);
    in_flight_.erase(in_flight_.find(key));
  }
  return first;
}

Result<> VolumeMounter::give_back_one(const VolumeKey& key, const Uid& uid) {
  TRY(tools_->failpoints.hit("volume.leave"));
  TRY_ASSIGN(const Need need, tools_->door.run([&] { return tools_->book.leave(key, uid); }));
  if (need == Need::kNothing) return {};
  const auto paid = pay(key);
  if (paid) return {};
  return owe(key, uid, paid.error());
}

Result<> VolumeMounter::pay(const VolumeKey& key) {
  TRY_ASSIGN(const auto stop, StopFd::make({}, tools_->closing));
  const CallLimits limits = CallLimits::within(tools_->unmount_deadline, stop->get());
  TRY_ASSIGN(const Lane lane, tools_->lanes.enter(key, limits));
  return unstage_in_lane(key, limits);
}

Result<> VolumeMounter::unstage_in_lane(const VolumeKey& key, const CallLimits& limits) {
  const auto references = tools_->book.references(key);
  // Nothing is mounted, or somebody uses it again.
  if (!references || !references->consumers.empty()) return {};
  TRY(tools_->failpoints.hit("volume.unstage"));
  TRY_ASSIGN(VolumeDriver* const driver, tools_->drivers.recall(key.driver));
  const auto unstaged = driver->unstage(tools_->book.volume(key), references->staged, limits);
  tools_->book.note(key, unstaged);
  TRY(unstaged);
  TRY(tools_->failpoints.hit("volume.unstaged"));
  TRY(tools_->door.run([&] { return tools_->book.unstaged(key); }));
  return forget_debt(*tools_, key);
}

Result<> VolumeMounter::owe(const VolumeKey& key, const Uid& uid, const Error& error) {
  return tools_->door.run([&]() -> Result<> {
    store::Transaction transaction = tools_->store.begin();
    tools_->debts.add(transaction,
                      {.kind = std::string(kDebtVolume),
                       .key = key.str(),
                       .object = uid.str(),
                       .record = encode_volume_key(key),
                       .why = error.message()});
    return transaction.commit();
  });
}

std::set<VolumeKey> VolumeMounter::in_flight() const {
  const runtime::MutexLock lock(mutex_);
  return {in_flight_.begin(), in_flight_.end()};
}

}  // namespace skerry::agent
