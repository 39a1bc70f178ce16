#include "launcher/holder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "launcher/child.h"
#include "launcher/holder_protocol.h"
#include "launcher/sandbox_table.h"
#include "os/socket.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kLastSignal = 64;
constexpr auto kRespawnInterval = std::chrono::milliseconds(100);
// Descriptors besides those of sandboxes: our own, and those of messages in hand.
constexpr rlim_t kOwnDescriptors = 32;

// Whoever started us may have left signals ignored, which survives an exec, and would in every
// container. By system call, because signal(2) of the C library refuses 32 and 33, its own.
void reset_dispositions() {
  struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
  } const by_default;
  for (int signal = 1; signal <= kLastSignal; ++signal)
    ::syscall(SYS_rt_sigaction, signal, &by_default, nullptr, sizeof by_default.mask);
}

class Holder final {
 public:
  explicit Holder(const ZygoteArguments& arguments);
  [[noreturn]] void serve();

 private:
  void open_channel();
  void watch_children();
  void fork_launcher();
  void reap();
  int timeout() const;

  ZygoteArguments arguments_;
  rlimit descriptors_{};  ///< As we were given it: what containers are to inherit.
  SandboxTable sandboxes_;
  UniqueFd channel_;
  UniqueFd child_signals_;
  pid_t launcher_ = -1;
  SteadyClock::time_point next_fork_;
};

// As many sandboxes as there can be descriptors: the table is full before they run out.
std::size_t take_descriptors(rlimit& given) {
  if (::getrlimit(RLIMIT_NOFILE, &given) != 0) std::exit(1);
  constexpr rlim_t kWanted = kMaxSandboxes * kSandboxKinds + kOwnDescriptors;
  rlimit raised = given;
  raised.rlim_cur = std::max(given.rlim_cur, std::min(given.rlim_max, kWanted));
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) raised = given;
  const rlim_t room = raised.rlim_cur - std::min(raised.rlim_cur, kOwnDescriptors);
  return std::min<rlim_t>(kMaxSandboxes, room / kSandboxKinds);
}

Holder::Holder(const ZygoteArguments& arguments)
    : arguments_(arguments), sandboxes_(take_descriptors(descriptors_)) {
  open_channel();
  watch_children();
}

// Nobody reads the other end but us, so a full one must not stop who writes.
void Holder::open_channel() {
  auto pair = os::make_socket_pair();
  if (!pair) std::exit(1);
  const UniqueFd theirs(::fcntl(pair->second.get(), F_DUPFD_CLOEXEC, kHolderChannel + 1));
  pair->second.reset();
  channel_.reset(::fcntl(pair->first.get(), F_DUPFD_CLOEXEC, kHolderChannel + 1));
  pair->first.reset();
  if (!theirs || !channel_ || ::dup3(theirs.get(), kHolderChannel, O_CLOEXEC) < 0 ||
      ::fcntl(kHolderChannel, F_SETFL, O_NONBLOCK) != 0)
    std::exit(1);
  arguments_.holder = kHolderChannel;
}

void Holder::watch_children() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) std::exit(1);
  child_signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!child_signals_) std::exit(1);
}

void Holder::fork_launcher() {
  next_fork_ = SteadyClock::now() + kRespawnInterval;
  const pid_t holder = ::getpid();
  os::sys::CloneArgs args;
  args.exit_signal = SIGCHLD;
  launcher_ = os::sys::clone3(args);
  if (launcher_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Died before the signal was set?
  if (::getppid() != holder) ::_exit(1);
  // No pod's namespace may stay alive by a launcher.
  ::close_range(kHolderChannel + 1, ~0U, 0);
  ::setrlimit(RLIMIT_NOFILE, &descriptors_);
  ::_exit(run_zygote(arguments_));
}

void Holder::reap() {
  signalfd_siginfo info{};
  while (::read(child_signals_.get(), &info, sizeof info) > 0) {
  }
  for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, WNOHANG | __WALL)) > 0;) {
    if (pid == launcher_) launcher_ = -1;
  }
}

int Holder::timeout() const {
  if (launcher_ > 0) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_fork_ - SteadyClock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Holder::serve() {
  for (;;) {
    if (launcher_ <= 0 && SteadyClock::now() >= next_fork_) fork_launcher();
    std::array<pollfd, 2> fds = {{{.fd = child_signals_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = channel_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(fds.data(), fds.size(), timeout()) <= 0) continue;
    if (fds[0].revents != 0) reap();
    if (fds[1].revents != 0) serve_sandbox_request(sandboxes_, channel_.get());
  }
}

}  // namespace

void run_holder(const ZygoteArguments& arguments) {
  ::prctl(PR_SET_NAME, "skerry-holder");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::setsid();
  reset_dispositions();
  for (const int signal : kIgnoredSignals) ::signal(signal, SIG_IGN);
  Holder(arguments).serve();
}

}  // namespace skerry::launcher
