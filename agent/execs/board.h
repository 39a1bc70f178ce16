// What every exec is now, for readers on any thread: as containers/snapshot.h, for fewer objects.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/runtime/mutex.h"
#include "base/ids.h"
#include "skerry/v1/exec_service.pb.h"

namespace skerry::agent {

/// One exec, as the API shows it with its spec.
struct ExecView {
  std::uint64_t ordinal = 0;  ///< order of the start
  skerry::v1::Exec exec;
  bool has_shim = false;
};
using ExecViewPtr = std::shared_ptr<const ExecView>;
/// In the order of their start.
using ExecViews = std::vector<ExecViewPtr>;

class ExecBoard final {
 public:
  ExecBoard() : current_(std::make_shared<const ExecViews>()) {}
  /// Thread: any.
  std::shared_ptr<const ExecViews> current() const;
  /// Notes a change for the next publish(); null removes. Thread: reactor.
  void change(const Uid& uid, ExecViewPtr view);
  /// Publishes what was noted, if anything. Thread: reactor.
  void publish();

 private:
  std::vector<std::pair<std::string, ExecViewPtr>> changes_;
  mutable runtime::Mutex mutex_;
  std::shared_ptr<const ExecViews> current_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
