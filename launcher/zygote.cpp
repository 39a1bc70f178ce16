#include "launcher/zygote.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "launcher/launcher_protocol.h"
#include "launcher/private_root.h"
#include "launcher/sandbox_requests.h"
#include "launcher/shim.h"
#include "os/fs_context.h"
#include "os/path.h"
#include "os/socket.h"
#include "os/syscalls.h"
#include "plan/codec.h"

namespace skerry::launcher {
namespace {

constexpr std::size_t kMaxConnections = 64;
constexpr std::size_t kMaxPacketFds = kMaxPlanFds + 1;
constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

class Zygote final {
 public:
  explicit Zygote(const ZygoteArguments& arguments) : arguments_(arguments) {}
  Result<> prepare();
  void serve();

 private:
  void accept();
  bool handle(int connection);
  bool launch(int connection, const LauncherPacket& request, std::vector<UniqueFd> fds);
  bool replace(int connection, const LauncherPacket& request, const std::vector<UniqueFd>& fds);

  ZygoteArguments arguments_;
  UniqueFd child_signals_;
  UniqueFd proc_;
  bool reset_oom_score_ = false;
  std::vector<UniqueFd> connections_;
};

Result<UniqueFd> watch_children() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  const int blocked = ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (blocked != 0) return Error::from_errno(blocked, "block SIGCHLD");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "signalfd");
  return fd;
}

void reap_children(int child_signals) {
  signalfd_siginfo info{};
  while (::read(child_signals, &info, sizeof info) > 0) {
  }
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

// Detached, so that it is in nobody's mount table and in no container's namespace.
Result<UniqueFd> mount_proc() {
  TRY_ASSIGN(auto context, os::FsContext::open("proc"));
  return context.mount({.nosuid = true, .nodev = true, .noexec = true});
}

bool send(int connection, const LauncherPacket& packet, std::span<const int> fds = {}) {
  return static_cast<bool>(
      os::send_message(connection, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds));
}

Result<> Zygote::prepare() {
  ::prctl(PR_SET_NAME, "skerry-launcher");
  TRY(enter_private_root());
  TRY_ASSIGN(child_signals_, watch_children());
  TRY_ASSIGN(proc_, mount_proc());
  const auto score = os::read_file_at(proc_.get(), "self/oom_score_adj", 64);
  reset_oom_score_ = !score || std::string_view(*score) != "0\n";
  return {};
}

void Zygote::serve() {
  for (;;) {
    std::vector<pollfd> fds;
    fds.push_back({.fd = child_signals_.get(), .events = POLLIN, .revents = 0});
    fds.push_back({.fd = arguments_.listener, .events = POLLIN, .revents = 0});
    for (const auto& connection : connections_)
      fds.push_back({.fd = connection.get(), .events = POLLIN, .revents = 0});
    if (::poll(fds.data(), fds.size(), -1) <= 0) continue;

    if (fds[0].revents != 0) reap_children(child_signals_.get());
    for (std::size_t i = 2; i < fds.size(); ++i) {
      if (fds[i].revents != 0 && !handle(fds[i].fd)) connections_[i - 2].reset();
    }
    std::erase_if(connections_, [](const UniqueFd& fd) { return !fd; });
    if (fds[1].revents != 0) accept();
  }
}

void Zygote::accept() {
  auto connection = os::accept_connection(arguments_.listener);
  if (!connection) return;
  const auto peer = os::peer_credentials(connection->get());
  if (!peer || peer->uid != 0 || connections_.size() >= kMaxConnections) return;
  // A peer that does not read its answers must not stop the others.
  if (::fcntl(connection->get(), F_SETFL, O_NONBLOCK) != 0) return;
  LauncherPacket hello;
  hello.type = LauncherMessage::kHello;
  hello.pid = ::getpid();
  hello.holder_pid = ::getppid();
  hello.plan_version = plan::kPlanVersion;
  std::ranges::copy(arguments_.build, std::begin(hello.build));
  if (send(connection->get(), hello)) connections_.push_back(std::move(*connection));
}

template <class Packet>
Packet read(std::string_view bytes) {
  Packet packet;
  std::memcpy(&packet, bytes.data(), sizeof packet);
  return packet;
}

LauncherPacket answer_to(const LauncherPacket& request, LauncherMessage type) {
  LauncherPacket packet;
  packet.type = type;
  packet.request = request.request;
  return packet;
}

// False when the connection is to be closed: the peer is gone, or does not speak our language.
bool Zygote::handle(int connection) {
  auto message = os::receive_message(connection, sizeof(SandboxPacket), kMaxPacketFds);
  if (!message) return message.error().sys_errno() == EAGAIN;
  if (message->bytes.size() == sizeof(SandboxPacket)) {
    const auto packet = read<SandboxPacket>(message->bytes);
    const SandboxRequests sandboxes{.holder = arguments_.holder, .proc = proc_.get()};
    return packet.version == kLauncherProtocol &&
           sandboxes.handle(connection, packet, message->fds);
  }
  if (message->bytes.size() != sizeof(LauncherPacket)) return false;
  const auto packet = read<LauncherPacket>(message->bytes);
  if (packet.version != kLauncherProtocol) return false;
  switch (packet.type) {
    case LauncherMessage::kLaunch:
      return launch(connection, packet, std::move(message->fds));
    case LauncherMessage::kReplace:
      return replace(connection, packet, message->fds);
    default:
      return send(connection, answer_to(packet, LauncherMessage::kUnknown));
  }
}

LauncherPacket refusal(const LauncherPacket& request, int sys_errno) {
  auto packet = answer_to(request, LauncherMessage::kRefused);
  packet.sys_errno = sys_errno;
  return packet;
}

bool Zygote::launch(int connection, const LauncherPacket& request, std::vector<UniqueFd> fds) {
  if (fds.empty()) return false;
  if (request.plan_version != plan::kPlanVersion)
    return send(connection, refusal(request, EPROTONOSUPPORT));
  int pidfd = -1;
  os::sys::CloneArgs args;
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const pid_t pid = os::sys::clone3(args);
  if (pid == 0) {
    run_shim({.fds = std::move(fds),
              .proc = std::move(proc_),
              .reset_oom_score = reset_oom_score_,
              .title = arguments_.title});
  }
  if (pid < 0) return send(connection, refusal(request, errno));
  const UniqueFd shim(pidfd);
  auto launched = answer_to(request, LauncherMessage::kLaunched);
  launched.pid = pid;
  return send(connection, launched, std::span(&pidfd, 1));
}

// The new program takes over this process and its children; all it needs are the listener and the
// channel to the holder, where they are. On success this does not return.
bool Zygote::replace(int connection,
                     const LauncherPacket& request,
                     const std::vector<UniqueFd>& fds) {
  if (fds.size() != 1) return false;
  const int seals = ::fcntl(fds.front().get(), F_GET_SEALS);
  if (seals < 0 || (seals & kAllSeals) != kAllSeals)
    return send(connection, refusal(request, EPERM));
  Build build;
  std::ranges::copy(request.build, build.begin());
  std::string text = format_build(build);
  std::array<std::string, 4> words = {"skerry-launcher", "--launcher", "--build", std::move(text)};
  std::array<char*, 5> arguments{};
  std::ranges::transform(words, arguments.begin(), [](std::string& word) { return word.data(); });
  std::array<char*, 1> environment{};
  ::fcntl(arguments_.listener, F_SETFD, 0);
  if (arguments_.holder >= 0) ::fcntl(arguments_.holder, F_SETFD, 0);
  ::fexecve(fds.front().get(), arguments.data(), environment.data());
  const int sys_errno = errno;
  ::fcntl(arguments_.listener, F_SETFD, FD_CLOEXEC);
  if (arguments_.holder >= 0) ::fcntl(arguments_.holder, F_SETFD, FD_CLOEXEC);
  return send(connection, refusal(request, sys_errno));
}

}  // namespace

int run_zygote(const ZygoteArguments& arguments) {
  Zygote zygote(arguments);
  if (!zygote.prepare()) return 1;
  zygote.serve();
  return 0;
}

}  // namespace skerry::launcher
