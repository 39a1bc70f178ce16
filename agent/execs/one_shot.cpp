#include "agent/execs/one_shot.h"

#include <utility>

namespace skerry::agent {

std::shared_ptr<OneShot> OneShot::start(ExecManager& execs,
                                        runtime::Reactor& reactor,
                                        OneShotRequest request,
                                        Done done) {
  auto run = std::make_shared<OneShot>(execs, reactor, std::move(request), std::move(done));
  run->begin();
  return run;
}

void OneShot::begin() {
  request_.checked.spec.set_stdin(!request_.input.empty());
  if (request_.timeout.count() > 0) {
    timer_ = reactor_.after(request_.timeout, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->timed_out();
    });
  }
  execs_.start(
      {.container = request_.container, .id = {}, .checked = request_.checked, .one_shot = true},
      [self = shared_from_this()](const Result<ExecViewPtr>& result) { self->started(result); });
}

void OneShot::started(const Result<ExecViewPtr>& result) {
  if (!result) return finish(result.error());
  auto uid = Uid::parse((*result)->exec.uid());
  if (!uid) return finish(std::move(uid).error());
  uid_ = std::move(*uid);
  // The manager holds us from here to detach(), by what it wakes.
  auto attached = execs_.attach(uid_, [self = shared_from_this()] { self->collect(); });
  if (!attached) return finish(std::move(attached).error());
  if (ended_ || late_) execs_.kill_all(uid_);
  if (!request_.input.empty()) {
    execs_.open_stdin(uid_, [weak = weak_from_this()](Result<UniqueFd> fd) {
      if (const auto self = weak.lock()) self->feed(std::move(fd));
    });
  }
  collect();
}

// A process that does not read its input to the end is no failure.
void OneShot::feed(Result<UniqueFd> fd) {
  if (!fd || ended_) return;
  auto pipe = InputPipe::open(reactor_, std::move(*fd));
  if (!pipe) return;
  input_ = std::move(*pipe);
  input_->write(std::move(request_.input), [this](const Result<>&) {
    reactor_.post([weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->input_.reset();
      self->execs_.close_stdin(self->uid_);
    });
  });
}

void OneShot::keep(const OutputPiece& piece) {
  const bool error = piece.source == OutputSource::kStderr;
  std::string& kept = error ? *response_.mutable_stderr() : *response_.mutable_stdout();
  const std::size_t room = request_.max_output - kept.size();
  const std::size_t taken = std::min(room, piece.bytes.size());
  kept.append(piece.bytes, 0, taken);
  const std::uint64_t missed = piece.bytes.size() - taken + piece.missed;
  if (error) {
    response_.set_stderr_missed(response_.stderr_missed() + missed);
  } else {
    response_.set_stdout_missed(response_.stdout_missed() + missed);
  }
}

void OneShot::collect() {
  if (uid_.empty()) return;
  Exec* exec = execs_.find(uid_);
  if (exec == nullptr) return finish(Error(Code::kAborted, "the exec is gone"));
  while (const auto piece = exec->output.take()) keep(*piece);
  if (!exec->exited() || !exec->output.done()) return;
  *response_.mutable_exit() = exec->api().exit();
  if (late_) {
    return finish(Error(Code::kDeadlineExceeded,
                        "the command did not end within " +
                            std::to_string(request_.timeout.count()) + " ms and was killed")
                      .with_reason("EXEC_TIMEOUT"));
  }
  finish(std::move(response_));
}

void OneShot::timed_out() {
  late_ = true;
  if (!uid_.empty()) execs_.kill_all(uid_);
}

void OneShot::abandon() {
  ended_ = true;
  if (uid_.empty()) return;
  execs_.kill_all(uid_);
  finish(Error(Code::kCancelled, "the caller has hung up"));
}

void OneShot::finish(Result<skerry::v1::RunExecResponse> result) {
  const auto self = shared_from_this();
  const Done done = std::exchange(done_, {});
  ended_ = true;
  timer_.reset();
  input_.reset();
  if (!uid_.empty()) execs_.detach(std::exchange(uid_, {}), Leaving::kDetached);
  if (done) done(std::move(result));
}

}  // namespace skerry::agent
