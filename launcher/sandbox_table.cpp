#include "launcher/sandbox_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "os/memfd.h"
#include "os/socket.h"

namespace skerry::launcher {
namespace {

std::string_view as_bytes(const SandboxPacket& packet) {
  return {reinterpret_cast<const char*>(&packet), sizeof packet};
}

// A skerryd that is gone, or does not read, asks again.
void answer(int peer, const SandboxPacket& packet, std::span<const int> fds = {}) {
  static_cast<void>(os::send_message(peer, as_bytes(packet), fds));
}

void refuse(int peer, SandboxPacket packet, int sys_errno) {
  packet.type = LauncherMessage::kSandboxRefused;
  packet.numbers = {-1, -1, -1};
  packet.sys_errno = sys_errno;
  answer(peer, packet);
}

SandboxPacket describe(const Sandbox& sandbox, std::uint64_t request) {
  SandboxPacket packet;
  packet.type = LauncherMessage::kSandbox;
  packet.request = request;
  packet.uid = sandbox.uid;
  for (std::size_t kind = 0; kind < kSandboxKinds; ++kind)
    packet.numbers.at(kind) = sandbox.namespaces.at(kind).get();
  return packet;
}

void answer_sandbox(int peer, const Sandbox& sandbox, std::uint64_t request) {
  std::array<int, kSandboxKinds> fds{};
  std::size_t count = 0;
  for (const auto& fd : sandbox.namespaces) {
    if (fd) fds.at(count++) = fd.get();
  }
  answer(peer, describe(sandbox, request), std::span(fds).first(count));
}

// `fds` are the namespaces, in the order of kinds.
void keep(SandboxTable& table, int peer, const SandboxPacket& packet, std::span<UniqueFd> fds) {
  if (const auto* known = table.find(packet.uid))
    return answer_sandbox(peer, *known, packet.request);
  Sandbox sandbox{.uid = packet.uid, .namespaces = {}};
  const auto wanted = std::ranges::count_if(packet.numbers, [](int number) { return number >= 0; });
  if (wanted == 0 || static_cast<std::size_t>(wanted) != fds.size())
    return refuse(peer, packet, EINVAL);
  for (std::size_t kind = 0; kind < kSandboxKinds; ++kind) {
    if (packet.numbers.at(kind) < 0) continue;
    sandbox.namespaces.at(kind) = std::move(fds.front());
    fds = fds.subspan(1);
  }
  const auto* kept = table.keep(std::move(sandbox));
  if (kept == nullptr) return refuse(peer, packet, ENOSPC);
  answer_sandbox(peer, *kept, packet.request);
}

void list(const SandboxTable& table, int peer, const SandboxPacket& request) {
  std::string bytes;
  for (const auto& sandbox : table.all()) bytes += as_bytes(describe(sandbox, request.request));
  const auto memfd = os::make_sealed_memfd("skerry-sandboxes", bytes);
  if (!memfd) return refuse(peer, request, memfd.error().sys_errno());
  SandboxPacket packet;
  packet.type = LauncherMessage::kSandboxes;
  packet.request = request.request;
  packet.count = static_cast<std::uint32_t>(table.all().size());
  const int fd = memfd->get();
  answer(peer, packet, std::span(&fd, 1));
}

}  // namespace

const Sandbox* SandboxTable::find(const SandboxUid& uid) const {
  const auto found = std::ranges::find(sandboxes_, uid, &Sandbox::uid);
  return found == sandboxes_.end() ? nullptr : &*found;
}

const Sandbox* SandboxTable::keep(Sandbox sandbox) {
  if (sandboxes_.size() >= capacity_) return nullptr;
  return &sandboxes_.emplace_back(std::move(sandbox));
}

void SandboxTable::drop(const SandboxUid& uid) {
  std::erase_if(sandboxes_, [&uid](const Sandbox& sandbox) { return sandbox.uid == uid; });
}

void serve_sandbox_request(SandboxTable& table, int channel) {
  auto message = os::receive_message(channel, sizeof(SandboxPacket), 1 + kSandboxKinds);
  if (!message || message->bytes.size() != sizeof(SandboxPacket) || message->fds.empty()) return;
  SandboxPacket packet;
  std::memcpy(&packet, message->bytes.data(), sizeof packet);
  const int peer = message->fds.front().get();
  switch (packet.type) {
    case LauncherMessage::kKeepSandbox:
      return keep(table, peer, packet, std::span(message->fds).subspan(1));
    case LauncherMessage::kGetSandbox:
      if (const auto* known = table.find(packet.uid))
        return answer_sandbox(peer, *known, packet.request);
      return refuse(peer, packet, ENOENT);
    case LauncherMessage::kDropSandbox:
      table.drop(packet.uid);
      packet.type = LauncherMessage::kSandboxDropped;
      return answer(peer, packet);
    case LauncherMessage::kListSandboxes:
      return list(table, peer, packet);
    default:
      return refuse(peer, packet, EOPNOTSUPP);
  }
}

}  // namespace skerry::launcher
