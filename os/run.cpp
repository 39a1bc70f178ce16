#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "os/spawn.h"

namespace skerry::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a killed process may take to die before it is given up.
constexpr milliseconds kDeathDeadline{2000};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make pipe");
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

Result<> make_nonblocking(int fd) {
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
    return Error::from_errno(errno, "make pipe non-blocking");
  return {};
}

/// One stream of the program's output, kept up to a cap.
class Capture final {
 public:
  Capture(UniqueFd fd, std::size_t cap) : fd_(std::move(fd)), cap_(cap) {}

  /// Takes what is there now. Closes the pipe at its end.
  void drain() {
    std::array<char, 16UL * 1024> buffer;
    while (fd_) {
      const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return fd_.reset();
      const auto room = std::min(cap_ - text_.size(), static_cast<std::size_t>(count));
      text_.append(buffer.data(), room);
      truncated_ = truncated_ || room < static_cast<std::size_t>(count);
      // A writer that never pauses must not keep us from the deadline.
      if (static_cast<std::size_t>(count) < buffer.size()) return;
      if (++rounds_ % kRoundsPerTurn == 0) return;
    }
  }

  int fd() const { return fd_.get(); }
  bool truncated() const { return truncated_; }
  std::string take() { return std::move(text_); }

 private:
  static constexpr int kRoundsPerTurn = 16;

  UniqueFd fd_;
  std::size_t cap_;
  std::string text_;
  bool truncated_ = false;
  int rounds_ = 0;
};

class Feed final {
 public:
  Feed(UniqueFd fd, std::string_view bytes) : fd_(std::move(fd)), bytes_(bytes) {}

  /// Writes what fits. A program that does not read its input to the end is no error.
  void push() {
    while (fd_ && !bytes_.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes_.data(), bytes_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) return fd_.reset();
      bytes_.remove_prefix(static_cast<std::size_t>(count));
    }
    fd_.reset();
  }

  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string_view bytes_;
};

/// Keeps SIGPIPE from this thread while it writes to programs that may be gone.
class SigpipeBlocked final {
 public:
  SigpipeBlocked() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeBlocked() {
    const timespec now{};
    if (::sigismember(&before_, SIGPIPE) == 0) {
      while (::sigtimedwait(&pipe_, nullptr, &now) > 0) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

struct Streams {
  Feed in;
  Capture out;
  Capture error;
};

/// Pumps until the program has ended; false at the deadline.
Result<bool> pump(int pidfd, Streams& streams, steady_clock::time_point end) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 4> entries = {{{.fd = pidfd, .events = POLLIN, .revents = 0},
                                      {.fd = streams.in.fd(), .events = POLLOUT, .revents = 0},
                                      {.fd = streams.out.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = streams.error.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(entries.data(), entries.size(), static_cast<int>(left.count())) < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "poll program");
    }
    if (entries[1].revents != 0) streams.in.push();
    if (entries[2].revents != 0) streams.out.drain();
    if (entries[3].revents != 0) streams.error.drain();
    if (entries[0].revents != 0) return true;
  }
}

// While the leader is not reaped its number, and so the group's, belongs to nobody else.
void kill_group(const ProcessRef& process) {
  ::kill(-process.pid, SIGKILL);
  (void)send_signal(process.pidfd.get(), SIGKILL);
}

/// The end of what it wrote to its standard error, for people: why it hangs is often there.
std::string last_words(Capture& error) {
  constexpr std::size_t kMost = 512;
  error.drain();
  std::string text = error.take();
  if (text.size() > kMost) text.erase(0, text.size() - kMost);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace_if(
      text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text.empty() ? text : "; it said: " + text;
}

Result<ExitStatus> end_program(const ProcessRef& process,
                               const Command& command,
                               bool in_time,
                               Capture& error) {
  kill_group(process);
  auto ended = wait_for_end(process.pidfd.get(), kDeathDeadline);
  if (!ended) {
    return std::move(ended).error().wrap(
        fmt::format("program \"{}\" (pid {}) survives SIGKILL", command.arguments[0], process.pid));
  }
  TRY_ASSIGN(const auto status, wait_and_reap(process.pidfd.get()));
  if (!in_time) {
    return Error(
        Code::kDeadlineExceeded,
        fmt::format(
            "program \"{}\" did not end in time{}", command.arguments[0], last_words(error)));
  }
  return status;
}

}  // namespace

Result<Output> run(const Command& command, milliseconds deadline, const RunOptions& options) {
  const auto end = steady_clock::now() + deadline;
  TRY_ASSIGN(auto in, make_pipe());
  TRY_ASSIGN(auto out, make_pipe());
  TRY_ASSIGN(auto error, make_pipe());
  TRY(make_nonblocking(in.write_end.get()));
  TRY(make_nonblocking(out.read_end.get()));
  TRY(make_nonblocking(error.read_end.get()));
  Command piped = command;
  piped.fds.emplace_back(0, in.read_end.get());
  piped.fds.emplace_back(1, out.write_end.get());
  piped.fds.emplace_back(2, error.write_end.get());
  const SigpipeBlocked no_sigpipe;
  TRY_ASSIGN(const auto process, spawn(piped));
  in.read_end.reset();
  out.write_end.reset();
  error.write_end.reset();

  const auto cap = static_cast<std::size_t>(options.output_cap.value());
  Streams streams{.in = Feed(std::move(in.write_end), options.input),
                  .out = Capture(std::move(out.read_end), cap),
                  .error = Capture(std::move(error.read_end), cap)};
  streams.in.push();
  auto pumped = pump(process.pidfd.get(), streams, end);
  TRY_ASSIGN(const auto status, end_program(process, command, pumped && *pumped, streams.error));
  if (!pumped) return std::move(pumped).error();
  streams.out.drain();
  streams.error.drain();
  Output output{.status = status, .out = {}, .error_text = {}, .truncated = false};
  output.truncated = streams.out.truncated() || streams.error.truncated();
  output.out = streams.out.take();
  output.error_text = streams.error.take();
  return output;
}

}  // namespace skerry::os
