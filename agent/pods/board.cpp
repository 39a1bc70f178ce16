#include "agent/pods/board.h"

#include <algorithm>

namespace skerry::agent {

PodSnapshot PodBoard::current() const {
  const runtime::MutexLock lock(mutex_);
  return current_;
}

void PodBoard::change(const Uid& uid, PodViewPtr view) {
  changes_.emplace_back(uid.str(), std::move(view));
}

void PodBoard::publish(const events::Cursor& cursor) {
  PodSnapshot next = current();
  if (changes_.empty() && next.cursor == cursor) return;
  next.cursor = cursor;
  if (!changes_.empty()) {
    auto views = std::make_shared<PodViews>(next.all());
    for (auto& [uid, view] : changes_) {
      std::erase_if(*views, [&uid](const PodViewPtr& v) { return v->pod.uid() == uid; });
      if (view) views->push_back(std::move(view));
    }
    changes_.clear();
    std::ranges::sort(*views, {}, [](const PodViewPtr& v) { return v->ordinal; });
    next.views = std::move(views);
  }
  const runtime::MutexLock lock(mutex_);
  current_ = std::move(next);
}

}  // namespace skerry::agent
