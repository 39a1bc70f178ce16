#include "cli/terminal/session.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/unique_fd.h"
#include "cli/command.h"
#include "cli/terminal/detach_keys.h"
#include "cli/terminal/raw_mode.h"

namespace skerry::cli {
namespace {

constexpr std::array kSignals = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGTSTP, SIGCONT};

sigset_t session_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : kSignals) ::sigaddset(&set, signal);
  return set;
}

/// What goes from here to there, on a thread of its own.
class Input final {
 public:
  Input(SessionStream& stream, const SessionOptions& options)
      : stream_(stream),
        options_(options),
        keys_(options.terminal ? options.detach_keys : std::string()),
        stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const sigset_t set = session_signals();
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    CHECK(stop_ && signals_);
    thread_ = std::thread([this] { loop(); });
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }

  bool detached() const { return detached_.load(); }
  /// 0: none.
  int ended_by() const { return ended_by_.load(); }

 private:
  void loop();
  void take_signal();
  bool take_input();
  void stop_like_a_job();
  void follow_size() {
    if (!options_.terminal) return;
    if (const auto size = terminal_size(STDIN_FILENO)) stream_.send(*size);
  }

  SessionStream& stream_;
  const SessionOptions& options_;
  DetachKeys keys_;
  UniqueFd stop_;
  UniqueFd signals_;
  std::atomic<bool> detached_ = false;
  std::atomic<int> ended_by_ = 0;
  std::thread thread_;
};

void Input::loop() {
  // The size may have changed since it was last said.
  follow_size();
  bool reading = options_.input;
  for (;;) {
    std::array<pollfd, 3> polled = {pollfd{stop_.get(), POLLIN, 0},
                                    pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{reading ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0 || detached()) return;
    if (polled[1].revents != 0) take_signal();
    if (polled[2].revents != 0) reading = take_input();
  }
}

void Input::take_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  const auto signal = static_cast<int>(info.ssi_signo);
  if (signal == SIGWINCH) {
    follow_size();
  } else if (signal == SIGCONT) {
    RawMode::resume();
    follow_size();
  } else if (signal == SIGTSTP) {
    stop_like_a_job();
  } else if (options_.signal) {
    options_.signal(signal);
  } else {
    ended_by_.store(signal);
    stream_.cancel();
  }
}

/// The shell gets its terminal as it knows it, and gives it back with SIGCONT.
void Input::stop_like_a_job() {
  RawMode::suspend();
  ::kill(::getpid(), SIGSTOP);
}

/// False: there will be no more.
bool Input::take_input() {
  constexpr std::size_t kChunk = 65536;
  std::array<char, kChunk> buffer{};
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) {
    stream_.send(v1::CloseStdin());
    return false;
  }
  const auto seen = keys_.feed({buffer.data(), static_cast<std::size_t>(count)});
  if (!seen.data.empty() && !stream_.send(seen.data)) return false;
  if (!seen.detached) return true;
  detached_.store(true);
  stream_.send(v1::Detach());
  return false;
}

void write_to(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      // Somebody else made our output non-blocking; a full pipe is still worth waiting for.
      pollfd polled{fd, POLLOUT, 0};
      ::poll(&polled, 1, -1);
      continue;
    }
    if (written <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

void show(const SessionStream::Part& part, bool terminal) {
  if (part.data != nullptr) {
    const bool to_error = part.data->stream() == v1::OUTPUT_STREAM_STDERR;
    write_to(to_error ? STDERR_FILENO : STDOUT_FILENO, part.data->data());
  }
  if (part.missed != nullptr) {
    print_error(
        fmt::format("{0}skerry: {1} bytes of output are missing here: they were not read "
                    "fast enough{0}",
                    terminal ? "\r\n" : "\n",
                    part.missed->bytes()));
  }
}

/// Reads the stream to its end.
std::optional<v1::ExitInfo> pump_output(SessionStream& stream, bool terminal) {
  std::optional<v1::ExitInfo> exit;
  while (const auto part = stream.read()) {
    show(*part, terminal);
    if (part->exit != nullptr) exit = *part->exit;
  }
  return exit;
}

}  // namespace

void block_session_signals() {
  const sigset_t set = session_signals();
  CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
}

Result<SessionEnd> run_session(SessionStream& stream, const SessionOptions& options) {
  std::optional<RawMode> raw;
  if (options.terminal && options.input) {
    auto entered = RawMode::enter(STDIN_FILENO);
    if (!entered) {
      stream.cancel();
      [[maybe_unused]] const auto ended = stream.finish();
      return std::move(entered).error();
    }
    raw.emplace(std::move(*entered));
  }
  SessionEnd end;
  bool detached = false;
  {
    const Input input(stream, options);
    end.exit = pump_output(stream, options.terminal);
    detached = input.detached();
    if (input.ended_by() != 0) end.signal = input.ended_by();
  }
  const auto finished = stream.finish();
  raw.reset();
  if (end.exit || end.signal) return end;
  if (detached) {
    print_error("\n");
    return end;
  }
  if (!finished) return finished.error();
  return Error(Code::kUnavailable, "the daemon ended the session");
}

}  // namespace skerry::cli
