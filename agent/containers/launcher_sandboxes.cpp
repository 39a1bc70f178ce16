// The launcher client's calls about pods' namespaces (launcher/launcher_protocol.h).

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "agent/containers/launcher_client.h"
#include "os/memfd.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::agent {

using launcher::LauncherMessage;
using launcher::SandboxPacket;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct LauncherClient::SandboxAnswer {
  SandboxPacket packet;
  std::vector<UniqueFd> fds;
};

namespace {

unsigned nibble(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

launcher::SandboxUid to_bytes(const Uid& uid) {
  launcher::SandboxUid bytes{};
  const std::string& digits = uid.str();
  for (std::size_t i = 0; i < bytes.size() && 2 * i + 1 < digits.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(nibble(digits[2 * i]) * 16U + nibble(digits[2 * i + 1]));
  }
  return bytes;
}

Result<Uid> to_uid(const launcher::SandboxUid& bytes) {
  std::string digits;
  for (const std::uint8_t byte : bytes) digits += fmt::format("{:02x}", byte);
  return Uid::parse(digits);
}

Result<os::Message> receive(int fd, steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready =
        ::poll(&poll_fd, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    const int error = errno;
    if (ready > 0) break;
    if (ready == 0) return Error(Code::kDeadlineExceeded, "the launcher does not answer");
    if (error != EINTR) return Error::from_errno(error, "poll");
  }
  return os::receive_message(fd, sizeof(SandboxPacket), launcher::kSandboxKinds);
}

Error refusal(const SandboxPacket& packet) {
  if (packet.sys_errno == ENOENT) {
    return Error(Code::kNotFound, "the holder keeps no such sandbox")
        .with_reason("SANDBOX_NOT_FOUND");
  }
  auto error = Error::from_errno(packet.sys_errno, "make or find a sandbox");
  if (packet.sys_errno == EOPNOTSUPP) {
    return std::move(error).with_code(Code::kUnimplemented).with_reason("HOLDER_TOO_OLD");
  }
  return error;
}

}  // namespace

Result<LauncherClient::SandboxAnswer> LauncherClient::ask(SandboxPacket request,
                                                          int plan,
                                                          LauncherMessage wanted,
                                                          milliseconds deadline) {
  const auto end = steady_clock::now() + deadline;
  // All of these requests may be repeated: a launcher that dies in between is asked again.
  for (bool again = true;; again = false) {
    TRY_ASSIGN(UniqueFd connection, take(end));
    {
      const std::lock_guard lock(mutex_);
      request.request = next_request_++;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(&request), sizeof request);
    const std::span fds(&plan, plan >= 0 ? 1 : 0);
    const auto sent = os::send_message(connection.get(), bytes, fds);
    Result<os::Message> message =
        sent ? receive(connection.get(), end) : Result<os::Message>(sent.error());
    if (!message && message.error().code() == Code::kUnavailable && again) continue;
    if (!message) return std::move(message).error();
    SandboxAnswer answer{.packet = {}, .fds = std::move(message->fds)};
    if (message->bytes.size() != sizeof answer.packet) {
      return Error(Code::kUnimplemented, "the launcher does not know sandboxes")
          .with_reason("HOLDER_TOO_OLD");
    }
    std::memcpy(&answer.packet, message->bytes.data(), sizeof answer.packet);
    if (answer.packet.request != request.request) {
      return Error(Code::kInternal, "the launcher answered another request");
    }
    give_back(std::move(connection));
    if (answer.packet.type == wanted) return answer;
    if (answer.packet.type == LauncherMessage::kSandboxRefused) return refusal(answer.packet);
    return Error(Code::kInternal, "the launcher sent an answer that is none");
  }
}

Result<Sandbox> LauncherClient::to_sandbox(SandboxAnswer answer) const {
  Sandbox sandbox;
  TRY_ASSIGN(sandbox.uid, to_uid(answer.packet.uid));
  UniqueFd* const kinds[launcher::kSandboxKinds] = {&sandbox.net, &sandbox.ipc, &sandbox.uts};
  auto next = answer.fds.begin();
  for (std::size_t kind = 0; kind < launcher::kSandboxKinds; ++kind) {
    if (answer.packet.numbers.at(kind) < 0) continue;
    if (next == answer.fds.end()) return Error(Code::kInternal, "a sandbox lacks a descriptor");
    *kinds[kind] = std::move(*next++);
  }
  const int net = answer.packet.numbers[launcher::kNetNamespace];
  if (net >= 0) sandbox.net_path = fmt::format("/proc/{}/fd/{}", holder_pid(), net);
  return sandbox;
}

Result<Sandbox> LauncherClient::make_sandbox(const plan::SandboxPlan& plan, milliseconds deadline) {
  TRY_ASSIGN(const std::vector<std::uint8_t> bytes, plan::encode(plan));
  TRY_ASSIGN(const UniqueFd memfd,
             os::make_sealed_memfd("skerry-sandbox-plan",
                                   {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  SandboxPacket request;
  request.type = LauncherMessage::kMakeSandbox;
  auto answer = ask(request, memfd.get(), LauncherMessage::kSandbox, deadline);
  if (!answer) return std::move(answer).error().wrap("sandbox");
  return to_sandbox(std::move(*answer));
}

Result<Sandbox> LauncherClient::get_sandbox(const Uid& uid, milliseconds deadline) {
  SandboxPacket request;
  request.type = LauncherMessage::kGetSandbox;
  request.uid = to_bytes(uid);
  TRY_ASSIGN(SandboxAnswer answer, ask(request, -1, LauncherMessage::kSandbox, deadline));
  return to_sandbox(std::move(answer));
}

Result<> LauncherClient::drop_sandbox(const Uid& uid, milliseconds deadline) {
  SandboxPacket request;
  request.type = LauncherMessage::kDropSandbox;
  request.uid = to_bytes(uid);
  TRY(ask(request, -1, LauncherMessage::kSandboxDropped, deadline));
  return {};
}

Result<std::vector<Uid>> LauncherClient::list_sandboxes(milliseconds deadline) {
  SandboxPacket request;
  request.type = LauncherMessage::kListSandboxes;
  TRY_ASSIGN(SandboxAnswer answer, ask(request, -1, LauncherMessage::kSandboxes, deadline));
  std::vector<Uid> all;
  if (answer.packet.count == 0) return all;
  if (answer.fds.empty() || answer.packet.count > launcher::kMaxSandboxes) {
    return Error(Code::kInternal, "the launcher sent a list of sandboxes that is none");
  }
  TRY_ASSIGN(const os::SealedMapping mapping,
             os::map_sealed_memfd(answer.fds.front().get(),
                                  launcher::kMaxSandboxes * sizeof(SandboxPacket)));
  const std::string_view bytes = mapping.bytes();
  for (std::size_t i = 0; i < answer.packet.count; ++i) {
    SandboxPacket one;
    if ((i + 1) * sizeof one > bytes.size()) break;
    std::memcpy(&one, bytes.data() + i * sizeof one, sizeof one);
    TRY_ASSIGN(Uid uid, to_uid(one.uid));
    all.push_back(std::move(uid));
  }
  return all;
}

}  // namespace skerry::agent
