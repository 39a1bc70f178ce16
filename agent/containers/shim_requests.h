// Questions to a shim that are answered one by one: GetDevpts by Devpts, Attach by Attached, either
// by Refused. A shim answers in the order it was asked in.
#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "agent/containers/shim_link.h"
#include "logs/entry.h"

namespace skerry::agent {

/// Output from a place in the log on: what is in the log before it, and what comes by the socket,
/// have no gap between them and no repeat.
struct AttachedOutput {
  UniqueFd socket;
  logs::LogPosition position;
};

/// Thread: reactor.
class ShimRequests final {
 public:
  /// For the plan of an exec with a terminal. Errors: FAILED_PRECONDITION when the container has no
  /// devpts; UNAVAILABLE when the shim is gone before it answers.
  void get_devpts(ShimLink* link, std::function<void(Result<UniqueFd>)> done);
  /// Ends what was attached before. Errors: UNAVAILABLE.
  void attach(ShimLink* link, std::function<void(Result<AttachedOutput>)> done);

  /// True when the report was the answer to a question.
  bool take(ShimReport& report);
  /// The shim is gone: nobody answers any more.
  void fail_all();

 private:
  using Answer = std::function<void(Result<ShimReport*>)>;
  std::deque<Answer> waiting_;
};

}  // namespace skerry::agent
