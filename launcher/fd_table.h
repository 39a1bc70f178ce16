// The descriptors that came with a plan, by the index the plan calls them.
#pragma once

#include <cerrno>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "plan/plan.h"

namespace skerry::launcher {

/// Owns them. Thread: one at a time.
class FdTable final {
 public:
  FdTable() = default;
  explicit FdTable(std::vector<UniqueFd> fds) : fds_(std::move(fds)) {}

  /// Borrowed. Errors: EBADF for an index that is none, or taken.
  Result<int> get(plan::FdIndex index) const {
    const auto position = static_cast<std::size_t>(index);
    if (index < 0 || position >= fds_.size() || !fds_[position])
      return Error::from_errno(EBADF, "descriptor of the plan");
    return fds_[position].get();
  }
  /// Gives one away; kNoFd gives none. Errors: as get().
  Result<UniqueFd> take(plan::FdIndex index) {
    if (index == plan::kNoFd) return UniqueFd();
    TRY(get(index));
    return std::move(fds_[static_cast<std::size_t>(index)]);
  }

  /// The numbers of all there are.
  std::vector<int> numbers() const {
    std::vector<int> numbers;
    for (const auto& fd : fds_) {
      if (fd) numbers.push_back(fd.get());
    }
    return numbers;
  }

 private:
  std::vector<UniqueFd> fds_;
};

}  // namespace skerry::launcher
