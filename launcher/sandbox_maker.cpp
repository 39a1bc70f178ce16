#include "launcher/sandbox_maker.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "launcher/build.h"
#include "launcher/interpreter.h"
#include "launcher/operations.h"
#include "os/memfd.h"
#include "os/network.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::launcher {
namespace {

struct Kind {
  std::uint64_t flag;
  const char* file;
};
// In the order of SandboxKind.
constexpr std::array<Kind, kSandboxKinds> kKinds = {
    {{CLONE_NEWNET, "self/ns/net"}, {CLONE_NEWIPC, "self/ns/ipc"}, {CLONE_NEWUTS, "self/ns/uts"}}};
constexpr std::uint64_t kPossibleNamespaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

constexpr std::int32_t kNoOperation = -1;

struct Failure {
  std::int32_t operation = kNoOperation;
  int sys_errno = 0;
};

bool send(int socket, const SandboxPacket& packet, std::span<const int> fds = {}) {
  return static_cast<bool>(
      os::send_message(socket, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds));
}

Result<plan::SandboxPlan> read_plan(int fd) {
  TRY_ASSIGN(const auto mapping, os::map_sealed_memfd(fd, plan::kMaxPlanBytes));
  const auto bytes = mapping.bytes();
  return plan::decode_sandbox({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// An operation on something this child shares with the launcher would be one on the host.
bool may_run(const plan::Operation& operation, std::uint64_t namespaces) {
  if (std::holds_alternative<plan::Hostname>(operation)) return (namespaces & CLONE_NEWUTS) != 0;
  if (std::holds_alternative<plan::LoopbackUp>(operation)) return (namespaces & CLONE_NEWNET) != 0;
  const auto* sysctl = std::get_if<plan::Sysctl>(&operation);
  return sysctl != nullptr && is_sysctl_of(sysctl_path(sysctl->key), namespaces);
}

Failure make_namespaces(const plan::SandboxPlan& plan, int proc) {
  if (plan.namespaces == 0 || (plan.namespaces & ~kPossibleNamespaces) != 0)
    return {.sys_errno = EINVAL};
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    if (!may_run(plan.operations[i], plan.namespaces))
      return {.operation = static_cast<std::int32_t>(i), .sys_errno = EINVAL};
  }
  if (::unshare(static_cast<int>(plan.namespaces)) != 0) return {.sys_errno = errno};
  if ((plan.namespaces & CLONE_NEWNET) != 0) {
    const auto up = os::set_interface_up("lo");
    if (!up) return {.sys_errno = up.error().sys_errno()};
  }
  const FdTable none;
  OperationState state{.fds = none, .proc = proc};
  const auto failed = interpret(plan.operations, state);
  if (!failed) return {};
  return {.operation = static_cast<std::int32_t>(failed->operation),
          .sys_errno = failed->sys_errno};
}

// Returns an errno value.
int hand_over(const plan::SandboxPlan& plan, const SandboxOrder& order, const SandboxUid& uid) {
  SandboxPacket packet;
  packet.type = LauncherMessage::kKeepSandbox;
  packet.request = order.request;
  packet.uid = uid;
  std::vector<UniqueFd> namespaces;
  std::vector<int> fds = {order.connection};
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if ((plan.namespaces & kKinds.at(i).flag) == 0) continue;
    namespaces.emplace_back(::openat(order.proc, kKinds.at(i).file, O_RDONLY | O_CLOEXEC));
    if (!namespaces.back()) return errno;
    packet.numbers.at(i) = static_cast<std::int32_t>(fds.size());
    fds.push_back(namespaces.back().get());
  }
  const auto sent =
      os::send_message(order.holder, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds);
  return sent ? 0 : sent.error().sys_errno();
}

Failure make_sandbox(const SandboxOrder& order, SandboxUid& uid) {
  const auto plan = read_plan(order.plan);
  if (!plan || !parse_build(plan->uid, uid)) return {.sys_errno = EINVAL};
  auto failure = make_namespaces(*plan, order.proc);
  if (failure.sys_errno == 0) failure.sys_errno = hand_over(*plan, order, uid);
  return failure;
}

}  // namespace

bool is_sysctl_of(std::string_view path, std::uint64_t namespaces) {
  static constexpr std::array<std::string_view, 9> kIpc = {"kernel/auto_msgmni",
                                                           "kernel/msgmax",
                                                           "kernel/msgmnb",
                                                           "kernel/msgmni",
                                                           "kernel/sem",
                                                           "kernel/shm_rmid_forced",
                                                           "kernel/shmall",
                                                           "kernel/shmmax",
                                                           "kernel/shmmni"};
  static constexpr std::array<std::string_view, 2> kUts = {"kernel/hostname", "kernel/domainname"};
  // Whoever writes "net/../kernel/panic" does not mean the network.
  if (path.find("..") != std::string_view::npos) return false;
  if (path.starts_with("net/")) return (namespaces & CLONE_NEWNET) != 0;
  if (path.starts_with("fs/mqueue/") || std::ranges::find(kIpc, path) != kIpc.end())
    return (namespaces & CLONE_NEWIPC) != 0;
  return std::ranges::find(kUts, path) != kUts.end() && (namespaces & CLONE_NEWUTS) != 0;
}

void run_sandbox_maker(const SandboxOrder& order) {
  ::prctl(PR_SET_NAME, "skerry-sandbox");
  SandboxPacket refused;
  const auto failure = make_sandbox(order, refused.uid);
  if (failure.sys_errno == 0) ::_exit(0);
  refused.type = LauncherMessage::kSandboxRefused;
  refused.request = order.request;
  refused.operation = failure.operation;
  refused.sys_errno = failure.sys_errno;
  static_cast<void>(send(order.connection, refused));
  ::_exit(1);
}

}  // namespace skerry::launcher
