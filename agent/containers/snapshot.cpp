#include "agent/containers/snapshot.h"

#include <algorithm>

namespace skerry::agent {
namespace {

// Uids are random hex: their first byte spreads them evenly.
std::size_t bucket_of(std::string_view uid) {
  const auto digit = [](char c) {
    return static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  return uid.size() < 2 ? 0 : (digit(uid[0]) * 16 + digit(uid[1])) % 256;
}

}  // namespace

std::size_t Snapshot::size() const {
  std::size_t count = 0;
  for (const auto& bucket : buckets_) count += bucket ? bucket->size() : 0;
  return count;
}

std::vector<ViewPtr> Snapshot::all() const {
  std::vector<ViewPtr> views;
  views.reserve(size());
  for (const auto& bucket : buckets_) {
    if (bucket) views.insert(views.end(), bucket->begin(), bucket->end());
  }
  std::ranges::sort(views, {}, [](const ViewPtr& view) { return view->ordinal; });
  return views;
}

ViewPtr Snapshot::find(const std::string& uid) const {
  const auto& bucket = buckets_.at(bucket_of(uid));
  if (!bucket) return nullptr;
  const auto found =
      std::ranges::find(*bucket, uid, [](const ViewPtr& view) { return view->container.uid(); });
  return found == bucket->end() ? nullptr : *found;
}

SnapshotBoard::SnapshotBoard() : current_(std::make_shared<const Snapshot>()) {}

std::shared_ptr<const Snapshot> SnapshotBoard::current() const {
  const runtime::MutexLock lock(mutex_);
  return current_;
}

void SnapshotBoard::change(const Uid& uid, ViewPtr view) {
  changes_.emplace_back(uid.str(), std::move(view));
}

void SnapshotBoard::publish(const events::Cursor& cursor) {
  const std::shared_ptr<const Snapshot> old = current();
  if (changes_.empty() && old->cursor == cursor) return;
  auto next = std::make_shared<Snapshot>(*old);
  next->cursor = cursor;
  for (auto& [uid, view] : changes_) {
    auto& slot = next->buckets_.at(bucket_of(uid));
    auto bucket =
        slot ? std::make_shared<Snapshot::Bucket>(*slot) : std::make_shared<Snapshot::Bucket>();
    // The analyzer takes a reference to an element of the vector for one to nothing.
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    std::erase_if(*bucket, [&uid](const ViewPtr& v) { return v->container.uid() == uid; });
    if (view) bucket->push_back(std::move(view));
    slot = std::move(bucket);
  }
  changes_.clear();
  const runtime::MutexLock lock(mutex_);
  current_ = std::move(next);
}

}  // namespace skerry::agent
