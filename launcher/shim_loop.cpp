#include "launcher/shim_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "logs/exit_record.h"
#include "os/pidfd.h"
#include "os/pty.h"
#include "os/socket.h"

namespace skerry::launcher {
namespace {

using namespace std::chrono_literals;

// Somebody outside the container may hold its pipe open for ever.
constexpr auto kDrainTime = 2s;
constexpr auto kLogRetryInterval = 200ms;
// How long the container an exec was in may take to end after the exec was killed.
constexpr auto kEnteredPatience = 500ms;
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
  enum Source : std::uint8_t {
    kSync,
    kChild,
    kConnection,
    kListener,
    kOutput,
    kErrors,
    kAttached,
    kSources
  };
  std::array<pollfd, kSources> fds{};
  fds[kSync].fd = parts_.child.sync.get();
  fds[kChild].fd = state_ == ShimState::kExited ? -1 : parts_.child.pidfd.get();
  fds[kConnection].fd = parts_.control.connection();
  fds[kListener].fd = parts_.control.listener();
  fds[kOutput].fd = parts_.output.descriptor(logs::Stream::kStdout);
  fds[kErrors].fd = parts_.output.descriptor(logs::Stream::kStderr);
  for (auto& entry : fds) entry.events = POLLIN;
  // It only ends, or has room again.
  fds[kAttached] = {.fd = parts_.output.attached().descriptor(),
                    .events = static_cast<short>(parts_.output.wants_room() ? POLLOUT : 0),
                    .revents = 0};

  const int ready = ::poll(fds.data(), fds.size(), timeout());
  if (ready == 0) on_timeout();
  if (drain_is_over()) parts_.output.give_up();
  if (ready <= 0) return;
  // What the child said comes before its death, its death before its last output: the exit is told
  // without waiting for the log.
  if (fds[kSync].revents != 0) static_cast<void>(on_sync());
  if (fds[kChild].revents != 0) on_child_ended();
  if (fds[kAttached].revents != 0) {
    parts_.output.on_attached_event(fds[kAttached].revents);
    drain_deadline_ = Clock::now() + kDrainTime;
  }
  if (fds[kConnection].revents != 0) {
    if (const auto packet = parts_.control.receive()) on_message(*packet);
  }
  if (fds[kListener].revents != 0 && parts_.control.accept()) {
    send_hello();
    if (state_ == ShimState::kExited) send_exited();
  }
  // Looked at again, as what came before may have changed what may be read.
  for (const auto& [source, stream] :
       {std::pair(kOutput, logs::Stream::kStdout), std::pair(kErrors, logs::Stream::kStderr)}) {
    if (fds.at(source).revents != 0 && parts_.output.descriptor(stream) >= 0)
      parts_.output.pump(stream);
  }
}

int ShimLoop::timeout() const {
  if (parts_.output.waits_for_log()) return static_cast<int>(kLogRetryInterval / 1ms);
  if (state_ == ShimState::kExited && !parts_.output.waits_for_reader()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(drain_deadline_ - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }
  return parts_.output.holds_memory() ? static_cast<int>(kIdleTime / 1ms) : -1;
}

void ShimLoop::on_timeout() {
  if (parts_.output.waits_for_log()) {
    parts_.output.retry();
    // The time it stood still for lack of room is not the pipe holder's.
    drain_deadline_ = Clock::now() + kDrainTime;
  } else if (state_ != ShimState::kExited) {
    parts_.output.release_memory();
  }
}

// Asked every time around, as whoever holds the pipe may also write to it without a pause.
bool ShimLoop::drain_is_over() const {
  return state_ == ShimState::kExited && !parts_.output.waits_for_log() &&
         !parts_.output.waits_for_reader() && Clock::now() >= drain_deadline_;
}

void ShimLoop::on_message(const ShimPacket& packet) {
  ShimPacket reply;
  switch (packet.type) {
    case ShimMessage::kStart:
      start_wanted_ = true;
      return start();
    case ShimMessage::kOpenStdin:
    case ShimMessage::kCloseStdin:
      return on_stdin_message(packet.type);
    case ShimMessage::kAttach:
      return on_attach(std::bit_cast<AttachPacket>(packet));
    case ShimMessage::kResize:
      return on_resize(std::bit_cast<ResizePacket>(packet));
    case ShimMessage::kGetDevpts:
      return send_devpts();
    case ShimMessage::kAbort:
      if (state_ == ShimState::kExited) return parts_.output.give_up();
      // Nobody comes for the output of what is given up.
      parts_.output.detach();
      return static_cast<void>(os::send_signal(parts_.child.pidfd.get(), SIGKILL));
    default:
      reply.type = ShimMessage::kUnknown;
      return parts_.control.send(reply);
  }
}

// With a terminal, both ways are one: what is written to the master is input. There is no end of it
// but the one the program understands as such.
void ShimLoop::on_stdin_message(ShimMessage type) {
  const int terminal = parts_.output.terminal();
  if (type == ShimMessage::kCloseStdin) {
    if (terminal >= 0) return refuse(ENOTTY);
    return parts_.child.input.reset();
  }
  ShimPacket reply;
  reply.type = ShimMessage::kStdin;
  const int input = terminal >= 0 && parts_.open_stdin ? terminal : parts_.child.input.get();
  parts_.control.send(reply, input);
}

void ShimLoop::on_attach(const AttachPacket& packet) {
  drain_deadline_ = Clock::now() + kDrainTime;
  AttachedPacket reply;
  if (packet.streams == 0) {
    parts_.output.detach();
    return parts_.control.send(reply);
  }
  auto pair = os::make_socket_pair();
  if (!pair) return refuse(pair.error().sys_errno());
  const auto position =
      parts_.output.attach(AttachedStream(std::move(pair->first), packet.streams));
  reply.log_file_ns = position.file_ns;
  reply.log_offset = position.offset;
  parts_.control.send(reply, pair->second.get());
}

void ShimLoop::on_resize(const ResizePacket& packet) {
  const int terminal = parts_.output.terminal();
  if (terminal < 0) return refuse(ENOTTY);
  const auto resized =
      os::set_window_size(terminal, {.rows = packet.rows, .columns = packet.columns});
  if (!resized) refuse(resized.error().sys_errno());
}

void ShimLoop::send_devpts() {
  if (!devpts_) return refuse(ENOENT);
  ShimPacket reply;
  reply.type = ShimMessage::kDevpts;
  parts_.control.send(reply, devpts_.get());
}

void ShimLoop::refuse(int sys_errno) {
  ShimPacket reply;
  reply.type = ShimMessage::kRefused;
  reply.sys_errno = sys_errno;
  parts_.control.send(reply);
}

void ShimLoop::on_sync_message(const SyncPacket& packet, std::vector<UniqueFd> fds) {
  if (packet.kind == SyncKind::kReady) {
    on_ready();
  } else if (packet.kind == SyncKind::kDevpts && fds.size() == 1) {
    devpts_ = std::move(fds[0]);
  } else if (packet.kind == SyncKind::kTerminal && fds.size() == 2) {
    parts_.output.take_terminal(std::move(fds[0]), std::move(fds[1]));
  } else {
    failure_ = packet;
  }
}

// Takes one message, or the end. False when there was nothing.
bool ShimLoop::on_sync() {
  auto message = os::receive_message(parts_.child.sync.get(), sizeof(SyncPacket), 2);
  if (!message && message.error().sys_errno() == EAGAIN) return false;
  if (message && message->bytes.size() == sizeof(SyncPacket)) {
    SyncPacket packet;
    std::memcpy(&packet, message->bytes.data(), sizeof packet);
    on_sync_message(packet, std::move(message->fds));
    return true;
  }
  // Closed: by exec, or by the end of the child, of which its pidfd tells.
  parts_.child.sync.reset();
  if (child_ready_ && go_given_ && !failure_) on_exec();
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
  if (!start_wanted_ || !child_ready_ || go_given_) return;
  go_given_ = true;
  constexpr char kGo = 1;
  ::send(parts_.child.sync.get(), &kGo, 1, MSG_NOSIGNAL);
}

// A child that was killed between Ready, or go, and exec is seen as one that ran: nobody can tell
// the two apart, and its end is told next.
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
  on_failed(status);
}

void ShimLoop::on_failed(int status) {
  ShimPacket packet;
  packet.type = ShimMessage::kFailed;
  packet.operation = failure_ ? failure_->operation : kFailedKilled;
  packet.sys_errno = failure_ ? failure_->sys_errno : 0;
  packet.status = status;
  // The end of a container's first process is that of ours, and is complete only when we have
  // reaped it.
  const auto patience = packet.operation == kFailedKilled ? kEnteredPatience : 0ms;
  if (parts_.entered && os::wait_for_end(parts_.entered.get(), patience)) {
    packet.operation = kFailedEnter;
    packet.sys_errno = ESRCH;
  }
  parts_.control.send(packet);
  failed_ = true;
  // One that was killed while it waited to be let go had been launched well: that is an end like
  // another, for a daemon that comes later too.
  if (packet.operation != kFailedKilled || state_ != ShimState::kCreated) return;
  status_ = status;
  exit_time_ns_ = wall_ns();
  write_record();
}

void ShimLoop::on_exited(int status) {
  status_ = status;
  exit_time_ns_ = wall_ns();
  state_ = ShimState::kExited;
  drain_deadline_ = Clock::now() + kDrainTime;
  parts_.child.input.reset();
  parts_.output.end_terminal();
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
