#include "cli/terminal/raw_mode.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>

#include "base/check.h"

namespace skerry::cli {
namespace {

// What ends a process that does nothing about it, and that a session does not pass on: crashes, a
// reader of our output that has gone, limits of the shell.
constexpr std::array kFatal = {
    SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGPIPE, SIGXCPU, SIGXFSZ};

// For signal handlers, which can reach nothing but globals: written before `g_active` is set.
termios g_before{};
termios g_raw{};
int g_fd = -1;
std::atomic<bool> g_active = false;

void put_back() {
  const int saved_errno = errno;
  if (g_active.load()) ::tcsetattr(g_fd, TCSANOW, &g_before);
  errno = saved_errno;
}

extern "C" void on_fatal(int signal) {
  put_back();
  // The handler was for once: this time the signal does what it does.
  ::raise(signal);
}

void on_terminate() {
  put_back();
  std::abort();
}

void handle_fatal_signals() {
  struct sigaction action {};
  action.sa_handler = on_fatal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kFatal) ::sigaction(signal, &action, nullptr);
  std::set_terminate(on_terminate);
}

}  // namespace

Result<RawMode> RawMode::enter(int fd) {
  CHECK(!g_active.load());
  if (::tcgetattr(fd, &g_before) != 0) {
    return Error(Code::kFailedPrecondition, "standard input is no terminal (leave -t out)");
  }
  g_raw = g_before;
  ::cfmakeraw(&g_raw);
  g_fd = fd;
  handle_fatal_signals();
  g_active.store(true);
  // What was typed ahead is meant for the program inside: nothing is flushed.
  if (::tcsetattr(fd, TCSANOW, &g_raw) != 0) {
    const int sys_errno = errno;
    g_active.store(false);
    return Error::from_errno(sys_errno, "set the terminal to raw mode");
  }
  return RawMode();
}

RawMode::RawMode(RawMode&& other) noexcept : active_(other.active_) { other.active_ = false; }

RawMode::~RawMode() {
  if (!active_) return;
  put_back();
  g_active.store(false);
}

void RawMode::suspend() { put_back(); }

void RawMode::resume() {
  if (g_active.load()) ::tcsetattr(g_fd, TCSANOW, &g_raw);
}

std::optional<v1::TerminalSize> terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return std::nullopt;
  }
  v1::TerminalSize result;
  result.set_columns(size.ws_col);
  result.set_rows(size.ws_row);
  return result;
}

}  // namespace skerry::cli
