// Run: a process is started, fed, waited for, and what it wrote is given back. It dies with its
// call, and leaves nothing behind.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "agent/attach/input_pipe.h"
#include "agent/execs/manager.h"

namespace skerry::agent {

struct OneShotRequest {
  skerry::v1::ContainerRef container;
  /// As checked by check_run_spec(); `spec.stdin` is set here where there is input.
  CheckedExec checked;
  std::string input;
  std::chrono::milliseconds timeout{0};  ///< 0: none
  std::size_t max_output = 1UL << 20U;   ///< bytes kept of each stream
};

/// One such run. Thread: reactor. Lives until its answer was given: whoever started it keeps a
/// reference only to abandon it.
class OneShot final : public std::enable_shared_from_this<OneShot> {
 public:
  using Done = std::function<void(Result<skerry::v1::RunExecResponse>)>;
  static std::shared_ptr<OneShot> start(ExecManager& execs,
                                        runtime::Reactor& reactor,
                                        OneShotRequest request,
                                        Done done);
  /// The caller has hung up: it is killed, and `done` not called.
  void abandon();

  OneShot(ExecManager& execs, runtime::Reactor& reactor, OneShotRequest request, Done done)
      : execs_(execs), reactor_(reactor), request_(std::move(request)), done_(std::move(done)) {}

 private:
  void begin();
  void started(const Result<ExecViewPtr>& result);
  void feed(Result<UniqueFd> fd);
  void collect();
  void keep(const OutputPiece& piece);
  void timed_out();
  void finish(Result<skerry::v1::RunExecResponse> result);

  ExecManager& execs_;
  runtime::Reactor& reactor_;
  OneShotRequest request_;
  Done done_;
  Uid uid_;  ///< empty until it was started
  bool ended_ = false;
  bool late_ = false;
  skerry::v1::RunExecResponse response_;
  std::unique_ptr<InputPipe> input_;
  runtime::Timer timer_;
};

}  // namespace skerry::agent
