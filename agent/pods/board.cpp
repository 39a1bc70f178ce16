#include "agent/pods/board.h"

#include <algorithm>

namespace skerry::agent {

std::shared_ptr<const PodSnapshot> PodBoard::current() const {
  const runtime::MutexLock lock(mutex_);
  return current_;
}

void PodBoard::change(const Uid& uid, PodViewPtr view) {
  changes_.emplace_back(uid.str(), std::move(view));
}

void PodBoard::publish(const events::Cursor& cursor) {
  const std::shared_ptr<const PodSnapshot> old = current();
  if (changes_.empty() && old->cursor == cursor) return;
  auto next = std::make_shared<PodSnapshot>(*old);
  next->cursor = cursor;
  for (auto& [uid, view] : changes_) {
    std::erase_if(next->pods, [&uid](const PodViewPtr& v) { return v->pod.uid() == uid; });
    if (view) next->pods.push_back(std::move(view));
  }
  if (!changes_.empty()) {
    std::ranges::sort(next->pods, {}, [](const PodViewPtr& v) { return v->ordinal; });
  }
  changes_.clear();
  const runtime::MutexLock lock(mutex_);
  current_ = std::move(next);
}

}  // namespace skerry::agent
