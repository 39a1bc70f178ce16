#include "agent/containers/standby_shelf.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

// Longer than a launch takes, so that one which runs its course is not disturbed by the next one's.
constexpr auto kPause = 20ms;
constexpr const char* kEnd = "standby.end";

}  // namespace

void StandbyEnder::operator()(Standby* standby) const {
  std::unique_ptr<Standby> owned(standby);
  // One that was used has nothing of its own any more.
  const auto owner = shelf.lock();
  if (owner && owned->control) owner->discard(std::move(owned));
}

StandbyShelf::StandbyShelf(Parts parts, std::size_t size) : parts_(parts), size_(size) {}

void StandbyShelf::declare_failpoints(operations::FailpointRegistry& failpoints) {
  declare_standby_failpoints(failpoints);
  failpoints.declare(kEnd);
}

StandbyPtr StandbyShelf::take(const StandbyWish& wish) {
  StandbyPtr taken(nullptr, StandbyEnder{.shelf = weak_from_this()});
  auto& ready = kinds_[wish.namespaces].ready;
  while (!ready.empty() && !taken) {
    auto best = std::ranges::find_if(
        ready, [&wish](const auto& standby) { return standby->mounts.layers == wish.layers; });
    if (best == ready.end()) best = ready.begin();
    std::unique_ptr<Standby> chosen = std::move(*best);
    ready.erase(best);
    if (is_waiting(*chosen)) {
      taken.reset(chosen.release());
    } else {
      discard(std::move(chosen));
    }
  }
  return taken;
}

void StandbyShelf::expect(StandbyWish wish) {
  const std::uint64_t namespaces = wish.namespaces;
  Kind& kind = kinds_[namespaces];
  kind.wish = std::move(wish);
  kind.pause = parts_.reactor.after(kPause, [this, namespaces] { on_pause(namespaces); });
  refill(namespaces);
}

void StandbyShelf::on_pause(std::uint64_t namespaces) {
  kinds_[namespaces].pause.reset();
  refill(namespaces);
}

void StandbyShelf::put_back(StandbyPtr standby) {
  const std::uint64_t namespaces = standby->namespaces;
  kinds_[namespaces].ready.push_front(std::unique_ptr<Standby>(standby.release()));
}

void StandbyShelf::forget(const Uid& uid) {
  const runtime::MutexLock lock(mutex_);
  uids_.erase(uid.str());
}

std::set<std::string> StandbyShelf::uids() const {
  const runtime::MutexLock lock(mutex_);
  return uids_;
}

// One after the other: a launch that runs meanwhile needs the processors more.
void StandbyShelf::refill(std::uint64_t namespaces) {
  Kind& kind = kinds_[namespaces];
  const std::size_t enough = kind.pause ? size_ / 2 : size_;
  if (closed_ || kind.making || kind.ready.size() >= enough) return;
  const Uid uid = Uid::make();
  {
    const runtime::MutexLock lock(mutex_);
    uids_.insert(uid.str());
  }
  kind.making = true;
  // A worker may be at it when the daemon ends without waiting for it.
  auto work = [self = shared_from_this(), wish = kind.wish, uid] { self->make(wish, uid); };
  if (parts_.workers.submit(std::move(work))) return;
  // As busy as that, launches do without.
  kind.making = false;
  forget(uid);
}

void StandbyShelf::make(const StandbyWish& wish, const Uid& uid) {
  auto standby = make_standby(parts_.host, parts_.failpoints, uid, wish);
  const bool is_made = standby.has_value();
  if (is_made) {
    const runtime::MutexLock lock(mutex_);
    made_.push_back(std::move(*standby));
  } else {
    // The next launch that wants one tries again, and says itself what is wrong with this host.
    parts_.trace.warning("cannot keep a process on standby", {{"why", standby.error().message()}});
    forget(uid);
  }
  parts_.reactor.post(
      [this, namespaces = wish.namespaces, is_made] { collect(namespaces, is_made); });
}

// What another kind's worker has made meanwhile is taken along, but is not its turn.
void StandbyShelf::collect(std::uint64_t namespaces, bool is_made) {
  kinds_[namespaces].making = false;
  std::vector<std::unique_ptr<Standby>> made;
  {
    const runtime::MutexLock lock(mutex_);
    made.swap(made_);
  }
  for (auto& standby : made) kinds_[standby->namespaces].ready.push_back(std::move(standby));
  if (is_made) refill(namespaces);
}

void StandbyShelf::discard(std::unique_ptr<Standby> standby) {
  {
    const runtime::MutexLock lock(mutex_);
    unwanted_.push_back(std::move(standby));
  }
  // With the queue full the next one's task, or close(), ends this one too.
  static_cast<void>(parts_.workers.submit([self = shared_from_this()] { self->end_unwanted(); }));
}

void StandbyShelf::end_unwanted() {
  std::vector<std::unique_ptr<Standby>> unwanted;
  {
    const runtime::MutexLock lock(mutex_);
    unwanted.swap(unwanted_);
  }
  for (auto& standby : unwanted) {
    auto ended = parts_.failpoints.hit(kEnd);
    if (ended) ended = end_standby(parts_.host, *standby);
    if (ended) {
      forget(standby->uid);
      continue;
    }
    parts_.trace.error(
        "cannot end a standby process", ended.error(), {{"cgroup", standby->cgroup_path}});
    // The next one's turn, or close(), tries again; at last the sweep of the next start.
    const runtime::MutexLock lock(mutex_);
    unwanted_.push_back(std::move(standby));
  }
}

void StandbyShelf::close() {
  closed_ = true;
  for (auto& [namespaces, kind] : kinds_) {
    kind.pause.reset();
    const runtime::MutexLock lock(mutex_);
    for (auto& standby : kind.ready) unwanted_.push_back(std::move(standby));
    kind.ready.clear();
  }
  {
    const runtime::MutexLock lock(mutex_);
    for (auto& standby : made_) unwanted_.push_back(std::move(standby));
    made_.clear();
  }
  end_unwanted();
}

}  // namespace skerry::agent
