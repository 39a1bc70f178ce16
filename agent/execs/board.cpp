#include "agent/execs/board.h"

#include <algorithm>

namespace skerry::agent {

std::shared_ptr<const ExecViews> ExecBoard::current() const {
  const runtime::MutexLock lock(mutex_);
  return current_;
}

void ExecBoard::change(const Uid& uid, ExecViewPtr view) {
  changes_.emplace_back(uid.str(), std::move(view));
}

void ExecBoard::publish() {
  if (changes_.empty()) return;
  auto next = std::make_shared<ExecViews>(*current());
  for (auto& [uid, view] : changes_) {
    const auto at = std::ranges::find(
        *next, uid, [](const ExecViewPtr& v) -> const std::string& { return v->exec.uid(); });
    if (at == next->end()) {
      if (view) next->push_back(std::move(view));
    } else if (view) {
      *at = std::move(view);
    } else {
      next->erase(at);
    }
  }
  changes_.clear();
  // In order already, but after a restart.
  std::ranges::sort(*next, {}, [](const ExecViewPtr& v) { return v->ordinal; });
  const runtime::MutexLock lock(mutex_);
  current_ = std::move(next);
}

}  // namespace skerry::agent
