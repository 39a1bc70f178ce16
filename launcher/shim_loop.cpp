#include "launcher/shim_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "logs/exit_record.h"
#include "os/pidfd.h"

namespace skerry::launcher {
namespace {

using namespace std::chrono_literals;

// Somebody outside the container may hold its pipe open for ever.
constexpr auto kDrainTime = 2s;
constexpr auto kLogRetryInterval = 200ms;
// After this long without output its memory is given back.
constexpr auto kIdleTime = 1s;

std::uint64_t wall_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

void ShimLoop::run() {
  send_hello();
  while (!done()) poll_once();
}

void ShimLoop::poll_once() {
  enum Source : std::uint8_t { kSync, kChild, kConnection, kListener, kOutput, kErrors, kSources };
  std::array<pollfd, kSources> fds{};
  fds[kSync].fd = parts_.child.sync.get();
  fds[kChild].fd = state_ == ShimState::kExited ? -1 : parts_.child.pidfd.get();
  fds[kConnection].fd = parts_.control.connection();
  fds[kListener].fd = parts_.control.listener();
  fds[kOutput].fd = parts_.output.descriptor(logs::Stream::kStdout);
  fds[kErrors].fd = parts_.output.descriptor(logs::Stream::kStderr);
  for (auto& entry : fds) entry.events = POLLIN;

  const int ready = ::poll(fds.data(), fds.size(), timeout());
  if (ready == 0) on_timeout();
  if (drain_is_over()) parts_.output.give_up();
  if (ready <= 0) return;
  // What the child said comes before its death, its death before its last output: the exit is told
  // without waiting for the log.
  if (fds[kSync].revents != 0) static_cast<void>(on_sync());
  if (fds[kChild].revents != 0) on_child_ended();
  if (fds[kConnection].revents != 0) {
    if (const auto packet = parts_.control.receive()) on_message(*packet);
  }
  if (fds[kListener].revents != 0 && parts_.control.accept()) {
    send_hello();
    if (state_ == ShimState::kExited) send_exited();
  }
  if (fds[kOutput].revents != 0) parts_.output.pump(logs::Stream::kStdout);
  if (fds[kErrors].revents != 0 && !parts_.output.blocked())
    parts_.output.pump(logs::Stream::kStderr);
}

int ShimLoop::timeout() const {
  if (parts_.output.blocked()) return static_cast<int>(kLogRetryInterval / 1ms);
  if (state_ == ShimState::kExited) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(drain_deadline_ - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }
  return parts_.output.holds_memory() ? static_cast<int>(kIdleTime / 1ms) : -1;
}

void ShimLoop::on_timeout() {
  if (parts_.output.blocked()) {
    parts_.output.retry();
    // The time it stood still for lack of room is not the pipe holder's.
    drain_deadline_ = Clock::now() + kDrainTime;
  } else if (state_ != ShimState::kExited) {
    parts_.output.release_memory();
  }
}

// Asked every time around, as whoever holds the pipe may also write to it without a pause.
bool ShimLoop::drain_is_over() const {
  return state_ == ShimState::kExited && !parts_.output.blocked() &&
         Clock::now() >= drain_deadline_;
}

void ShimLoop::on_message(const ShimPacket& packet) {
  ShimPacket reply;
  switch (packet.type) {
    case ShimMessage::kStart:
      start_wanted_ = true;
      return start();
    case ShimMessage::kOpenStdin:
      reply.type = ShimMessage::kStdin;
      return parts_.control.send(reply, parts_.child.input.get());
    case ShimMessage::kCloseStdin:
      return parts_.child.input.reset();
    case ShimMessage::kAbort:
      if (state_ == ShimState::kExited) return parts_.output.give_up();
      return static_cast<void>(os::send_signal(parts_.child.pidfd.get(), SIGKILL));
    default:
      reply.type = ShimMessage::kUnknown;
      return parts_.control.send(reply);
  }
}

// Takes one message, or the end. False when there was nothing.
bool ShimLoop::on_sync() {
  SyncPacket packet;
  const ssize_t got = ::recv(parts_.child.sync.get(), &packet, sizeof packet, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got == static_cast<ssize_t>(sizeof packet)) {
    if (packet.kind == SyncKind::kReady) {
      on_ready();
    } else {
      failure_ = packet;
    }
    return true;
  }
  // Closed: by exec, or by the end of the child, of which its pidfd tells.
  parts_.child.sync.reset();
  if (go_given_ && !failure_) on_exec();
  return true;
}

void ShimLoop::on_ready() {
  child_ready_ = true;
  if (parts_.hold) {
    state_ = ShimState::kCreated;
    ShimPacket created;
    created.type = ShimMessage::kCreated;
    parts_.control.send(created);
  }
  start();
}

void ShimLoop::start() {
  const bool wanted = start_wanted_ || !parts_.hold;
  if (!wanted || !child_ready_ || go_given_) return;
  go_given_ = true;
  constexpr char kGo = 1;
  ::send(parts_.child.sync.get(), &kGo, 1, MSG_NOSIGNAL);
}

// A child that was killed between go and exec is seen as one that ran: nobody can tell the two
// apart, and its end is told next.
void ShimLoop::on_exec() {
  state_ = ShimState::kRunning;
  ShimPacket running;
  running.type = ShimMessage::kRunning;
  running.time_ns = wall_ns();
  parts_.control.send(running);
}

void ShimLoop::on_child_ended() {
  while (parts_.child.sync && on_sync()) {
  }
  int status = 0;
  // By pid: it is ours until we reap it, and the plain status is what the record holds.
  if (::waitpid(parts_.child.pid, &status, __WALL) != parts_.child.pid) return;
  if (state_ == ShimState::kRunning) return on_exited(status);
  ShimPacket packet;
  packet.type = ShimMessage::kFailed;
  packet.operation = failure_ ? failure_->operation : kFailedKilled;
  packet.sys_errno = failure_ ? failure_->sys_errno : 0;
  packet.status = status;
  parts_.control.send(packet);
  failed_ = true;
}

void ShimLoop::on_exited(int status) {
  status_ = status;
  exit_time_ns_ = wall_ns();
  state_ = ShimState::kExited;
  drain_deadline_ = Clock::now() + kDrainTime;
  parts_.child.input.reset();
  // First the daemon, which has work to do meanwhile.
  send_exited();
  write_record();
}

void ShimLoop::send_hello() {
  ShimPacket hello;
  hello.type = ShimMessage::kHello;
  hello.state = state_;
  hello.pid = parts_.child.pid;
  hello.shim_pid = ::getpid();
  hello.start_ticks = parts_.start_ticks;
  parts_.control.send(hello, parts_.child.pidfd.get());
}

void ShimLoop::send_exited() {
  ShimPacket exited;
  exited.type = ShimMessage::kExited;
  exited.status = status_;
  exited.time_ns = exit_time_ns_;
  parts_.control.send(exited);
}

// A failure leaves the record empty, which reads as "unknown": there is nobody here to tell.
void ShimLoop::write_record() {
  if (!parts_.exit_record) return;
  recorded_drops_ = parts_.output.dropped();
  static_cast<void>(logs::write_exit_record(parts_.exit_record.get(),
                                            {.uid = parts_.uid,
                                             .status = status_,
                                             .time_ns = exit_time_ns_,
                                             .log_dropped = recorded_drops_}));
}

bool ShimLoop::done() {
  if (failed_) return true;
  if (state_ != ShimState::kExited || !parts_.output.finished()) return false;
  if (parts_.output.dropped() != recorded_drops_) write_record();
  ShimPacket complete;
  complete.type = ShimMessage::kLogComplete;
  complete.log_dropped = parts_.output.dropped();
  parts_.control.send(complete);
  return true;
}

}  // namespace skerry::launcher
