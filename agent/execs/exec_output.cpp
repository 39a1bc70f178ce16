#include "agent/execs/exec_output.h"

#include <utility>

namespace skerry::agent {

using skerry::v1::EXEC_OUTPUT_DISCARD;
using skerry::v1::EXEC_OUTPUT_DROP;

ExecOutput::ExecOutput(runtime::Reactor& reactor, skerry::v1::ExecOutput policy)
    : reactor_(reactor),
      policy_(policy),
      queue_(kLimit,
             waits() ? OutputQueue::WhenFull::kTakesAll : OutputQueue::WhenFull::kDropOldest) {}

bool ExecOutput::waits() const {
  return policy_ != EXEC_OUTPUT_DROP && policy_ != EXEC_OUTPUT_DISCARD;
}

// What is waited for stays where it is until somebody wants it.
bool ExecOutput::wants_connection() const {
  if (state_ != State::kApart || policy_ == EXEC_OUTPUT_DISCARD) return false;
  return !waits() || has_client();
}

Result<> ExecOutput::connect(UniqueFd socket) {
  TRY_ASSIGN(
      reader_,
      FrameReader::open(reactor_, std::move(socket), [this](std::optional<OutputPiece> piece) {
        on_frame(std::move(piece));
      }));
  state_ = State::kConnected;
  adjust();
  return {};
}

void ExecOutput::end() {
  // What the socket still holds comes first; its end follows by itself.
  if (state_ == State::kConnected && reader_) return;
  state_ = State::kEnded;
  wake_client();
}

void ExecOutput::cut_off() {
  if (reader_) reader_->pause();
  state_ = State::kEnded;
  drop_reader();
  wake_client();
}

// An ended exec is kept for minutes, and its socket is of no use to it. Later: it may be the
// caller.
void ExecOutput::drop_reader() {
  reactor_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) reader_.reset();
  });
}

void ExecOutput::on_frame(std::optional<OutputPiece> piece) {
  if (!piece) {
    state_ = State::kEnded;
    drop_reader();
    return wake_client();
  }
  if (piece->missed > 0) {
    dropped_before_ += piece->missed;
    queue_.push_missed(piece->source, piece->missed);
  } else {
    queue_.push(piece->source, std::move(piece->bytes));
  }
  adjust();
  wake_client();
}

// Reads on, or lets the process wait.
void ExecOutput::adjust() {
  if (!reader_ || state_ != State::kConnected) return;
  const bool wanted = !waits() || (has_client() && !queue_.full());
  if (wanted) {
    reader_->resume();
  } else {
    reader_->pause();
  }
}

void ExecOutput::set_client(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  adjust();
}

void ExecOutput::clear_client() {
  on_ready_ = {};
  adjust();
}

void ExecOutput::wake_client() const {
  // A copy: the client may leave from inside.
  const std::function<void()> on_ready = on_ready_;
  if (on_ready) on_ready();
}

std::optional<OutputPiece> ExecOutput::take() {
  std::optional<OutputPiece> piece = queue_.take();
  adjust();
  return piece;
}

}  // namespace skerry::agent
