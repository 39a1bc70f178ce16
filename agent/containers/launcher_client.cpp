#include "agent/containers/launcher_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include <openssl/sha.h>

#include "base/ids.h"
#include "os/memfd.h"
#include "os/path.h"
#include "os/poll.h"
#include "os/socket.h"
#include "os/spawn.h"
#include "plan/codec.h"

namespace skerry::agent {
namespace {

using SteadyPoint = std::chrono::steady_clock::time_point;
using launcher::LauncherMessage;
using launcher::LauncherPacket;
using namespace std::chrono_literals;

constexpr std::string_view kSocketName = "launcher.sock";
constexpr std::size_t kMaxProgramBytes = 64ULL << 20U;
// Where a holder that was just started, or is respawning its launcher, is asked again.
constexpr auto kRetryInterval = 5ms;
// A launcher that is being respawned keeps its holder's socket: nobody listens only without a
// holder.
constexpr auto kHolderPatience = 500ms;

std::string_view as_bytes(const LauncherPacket& packet) {
  return {reinterpret_cast<const char*>(&packet), sizeof packet};
}

Result<> await_answer(int fd, SteadyPoint deadline) {
  TRY_ASSIGN(const bool answered, os::wait_readable(fd, deadline));
  if (!answered) return Error(Code::kDeadlineExceeded, "the launcher does not answer");
  return {};
}

struct Received {
  LauncherPacket packet;
  std::vector<UniqueFd> fds;
};

Result<Received> receive_packet(int fd, SteadyPoint deadline) {
  TRY(await_answer(fd, deadline));
  TRY_ASSIGN(os::Message message, os::receive_message(fd, sizeof(LauncherPacket), 1));
  if (message.bytes.size() != sizeof(LauncherPacket)) {
    return Error(Code::kDataLoss, "the launcher sent a message of the wrong size");
  }
  Received received;
  std::memcpy(&received.packet, message.bytes.data(), sizeof received.packet);
  received.fds = std::move(message.fds);
  return received;
}

}  // namespace

Result<UniqueFd> seal_plan(const plan::LaunchPlan& plan) {
  TRY_ASSIGN(const std::vector<std::uint8_t> bytes, plan::encode(plan));
  return os::make_sealed_memfd("skerry-plan",
                               {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<std::unique_ptr<LauncherClient>> LauncherClient::start(Options options,
                                                              std::chrono::milliseconds deadline) {
  std::unique_ptr<LauncherClient> client(new LauncherClient(std::move(options)));
  TRY(client->load_program());
  const auto end = std::chrono::steady_clock::now() + deadline;
  TRY(client->ensure_holder(end));
  return client;
}

// The program is read once and run from sealed memory: what runs as root cannot be changed through
// /proc/PID/exe (CVE-2019-5736), nor by a package upgrade in the middle.
Result<> LauncherClient::load_program() {
  auto bytes = os::read_file(options_.program, kMaxProgramBytes);
  if (!bytes) {
    return std::move(bytes).error().wrap("launcher program").with_reason("LAUNCHER_MISSING");
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes->data()), bytes->size(), digest.data());
  std::copy_n(digest.begin(), build_.size(), build_.begin());
  TRY_ASSIGN(program_, os::make_sealed_program("skerry-launcher", *bytes));
  return {};
}

Result<> LauncherClient::ensure_holder(SteadyPoint deadline) {
  auto probe = os::connect_at(options_.run_dir, std::string(kSocketName));
  const bool nobody = !probe && (probe.error().code() == Code::kNotFound ||
                                 probe.error().code() == Code::kUnavailable);
  if (!probe && !nobody) return std::move(probe).error();
  probe = Result<UniqueFd>(UniqueFd());
  if (nobody) TRY(start_holder());
  TRY_ASSIGN(UniqueFd connection, connect(deadline));
  give_back(std::move(connection));
  return {};
}

Result<> LauncherClient::start_holder() {
  TRY_ASSIGN(const UniqueFd listener,
             os::listen_at(options_.run_dir, std::string(kSocketName), 0600));
  std::string build;
  for (const std::uint8_t byte : build_) {
    constexpr std::string_view kHex = "0123456789abcdef";
    build += kHex[byte >> 4U];
    build += kHex[byte & 0xFU];
  }
  os::Command command;
  command.program_fd = program_.get();
  command.arguments = {"skerry-launcher", "--holder", "--build", build};
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make a pipe");
  const UniqueFd gate(pipe[0]);
  const UniqueFd opener(pipe[1]);
  command.fds = {{3, listener.get()}, {4, gate.get()}};
  command.directory = "/";
  TRY_ASSIGN(const os::ProcessRef holder, os::spawn(command));
  {
    const std::lock_guard lock(mutex_);
    holder_pid_ = holder.pid;
  }
  if (options_.adopt_holder) {
    auto adopted = options_.adopt_holder(holder.pid);
    if (!adopted) {
      static_cast<void>(os::send_signal(holder.pidfd.get(), SIGKILL));
      return std::move(adopted).error().wrap("holder");
    }
  }
  // Only now it may fork: what it forks is born where it lives.
  return os::write_all(opener.get(), "1");
}

Result<UniqueFd> LauncherClient::connect(SteadyPoint deadline) {
  const SteadyPoint patience = std::chrono::steady_clock::now() + kHolderPatience;
  bool revived = false;
  for (;;) {
    auto connection = os::connect_at(options_.run_dir, std::string(kSocketName));
    if (connection) {
      auto hello = receive_packet(connection->get(), deadline);
      if (hello && hello->packet.type == LauncherMessage::kHello) {
        const LauncherPacket& packet = hello->packet;
        {
          const std::lock_guard lock(mutex_);
          holder_pid_ = packet.holder_pid;
        }
        if (packet.version == launcher::kLauncherProtocol &&
            std::ranges::equal(packet.build, build_)) {
          return std::move(*connection);
        }
        LauncherPacket replace;
        replace.type = LauncherMessage::kReplace;
        std::ranges::copy(build_, std::begin(replace.build));
        const std::array fds = {program_.get()};
        TRY(os::send_message(connection->get(), as_bytes(replace), fds));
      }
    } else if (connection.error().code() != Code::kUnavailable &&
               connection.error().code() != Code::kNotFound) {
      return std::move(connection).error();
    }
    if (!connection && !revived && std::chrono::steady_clock::now() >= patience) {
      TRY(revive_holder());
      revived = true;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Code::kDeadlineExceeded, "connect to the launcher: no answer in time")
          .as_retryable();
    }
    std::this_thread::sleep_for(kRetryInterval);
  }
}

// The holder never ends by itself, but somebody may kill it. Containers go on without it; launches
// need a new one.
Result<> LauncherClient::revive_holder() {
  const std::lock_guard lock(reviving_);
  const auto somebody = os::connect_at(options_.run_dir, std::string(kSocketName));
  if (somebody) return {};
  return start_holder();
}

Result<UniqueFd> LauncherClient::take(SteadyPoint deadline) {
  {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty()) {
      UniqueFd connection = std::move(idle_.back());
      idle_.pop_back();
      // A launcher that was respawned has hung up; anything readable is a hang-up, as it only
      // answers.
      pollfd poll_fd{.fd = connection.get(), .events = POLLIN, .revents = 0};
      if (::poll(&poll_fd, 1, 0) == 0) return connection;
    }
  }
  return connect(deadline);
}

void LauncherClient::give_back(UniqueFd connection) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

Result<Launched> LauncherClient::launch(const isolators::BuiltPlan& built,
                                        std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  if (built.fds.size() > launcher::kMaxPlanFds) {
    return Error(Code::kResourceExhausted, "the launch plan needs more than 252 descriptors");
  }
  TRY_ASSIGN(const UniqueFd memfd, seal_plan(built.plan));
  std::vector<int> fds = {memfd.get()};
  for (const UniqueFd& fd : built.fds) fds.push_back(fd.get());

  TRY_ASSIGN(UniqueFd connection, take(end));
  LauncherPacket request;
  request.type = LauncherMessage::kLaunch;
  {
    const std::lock_guard lock(mutex_);
    request.request = next_request_++;
  }
  request.plan_version = plan::kPlanVersion;
  TRY(os::send_message(connection.get(), as_bytes(request), fds));
  TRY_ASSIGN(Received reply, receive_packet(connection.get(), end));
  if (reply.packet.request != request.request) {
    return Error(Code::kInternal, "the launcher answered another request");
  }
  if (reply.packet.type == LauncherMessage::kRefused) {
    give_back(std::move(connection));
    return Error::from_errno(reply.packet.sys_errno, "fork a shim");
  }
  if (reply.packet.type != LauncherMessage::kLaunched || reply.fds.size() != 1) {
    return Error(Code::kInternal, "the launcher sent an answer that is none");
  }
  give_back(std::move(connection));
  return Launched{.shim_pid = reply.packet.pid, .shim_pidfd = std::move(reply.fds.front())};
}

pid_t LauncherClient::holder_pid() const {
  const std::lock_guard lock(mutex_);
  return holder_pid_;
}

}  // namespace skerry::agent
