// A unary call that is answered later, from the reactor: finishes once, whichever comes first of
// the answer and the caller's hanging up.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include <grpcpp/support/server_callback.h>

#include "agent/api/status.h"
#include "base/result.h"

namespace skerry::agent {

/// Shared by gRPC's object and whoever answers: the two end in either order.
class PendingCall final {
 public:
  explicit PendingCall(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  /// Runs `fill` and finishes, unless the call has finished already: the response must not be
  /// touched after that.
  template <class Fill>
  void finish(const grpc::Status& status, Fill fill) {
    if (done_.exchange(true)) return;
    fill();
    reactor_->Finish(status);
  }
  bool done() const { return done_; }

 private:
  grpc::ServerUnaryReactor* reactor_;
  std::atomic<bool> done_ = false;
};

/// gRPC deletes nothing: the object ends itself in OnDone. A caller that hangs up gets CANCELLED at
/// once; what was begun for it goes on.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall() : pending_(std::make_shared<PendingCall>(this)) {}
  const std::shared_ptr<PendingCall>& pending() const { return pending_; }

  // NOLINTBEGIN(readability-identifier-naming)
  void OnCancel() override {
    pending_->finish(grpc::Status::CANCELLED, [] {});
  }
  void OnDone() override { delete this; }
  // NOLINTEND(readability-identifier-naming)

 private:
  std::shared_ptr<PendingCall> pending_;
};

/// A call answered right away.
inline grpc::ServerUnaryReactor* answer_now(grpc::CallbackServerContext* call,
                                            const Result<>& result) {
  auto* reactor = call->DefaultReactor();
  reactor->Finish(result ? grpc::Status::OK : to_status(result.error()));
  return reactor;
}

}  // namespace skerry::agent
