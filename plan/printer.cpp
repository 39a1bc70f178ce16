#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <array>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/plan.h"

namespace skerry::plan {
namespace {

using FlagName = std::pair<std::uint64_t, std::string_view>;

constexpr std::array<FlagName, 8> kNamespaceNames = {{
    {CLONE_NEWNS, "mount"},
    {CLONE_NEWPID, "pid"},
    {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWUTS, "uts"},
    {CLONE_NEWNET, "net"},
    {CLONE_NEWUSER, "user"},
    {CLONE_NEWCGROUP, "cgroup"},
    {0x80, "time"},
}};

constexpr std::array<FlagName, 7> kMountFlagNames = {{
    {MS_RDONLY, "ro"},
    {MS_NOSUID, "nosuid"},
    {MS_NODEV, "nodev"},
    {MS_NOEXEC, "noexec"},
    {MS_NOATIME, "noatime"},
    {MS_RELATIME, "relatime"},
    {MS_STRICTATIME, "strictatime"},
}};

std::string flags_text(std::uint64_t flags, std::span<const FlagName> names) {
  std::string text;
  for (const auto& [bit, name] : names) {
    if ((flags & bit) == 0) continue;
    flags &= ~bit;
    if (!text.empty()) text += ',';
    text += name;
  }
  if (flags != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : ",", flags);
  return text.empty() ? "none" : text;
}

// Arguments and paths come from users: control characters must not reach a terminal.
std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string_view resource_name(std::int32_t resource) {
  static constexpr std::array<std::string_view, 16> kNames = {"cpu",
                                                              "fsize",
                                                              "data",
                                                              "stack",
                                                              "core",
                                                              "rss",
                                                              "nproc",
                                                              "nofile",
                                                              "memlock",
                                                              "as",
                                                              "locks",
                                                              "sigpending",
                                                              "msgqueue",
                                                              "nice",
                                                              "rtprio",
                                                              "rttime"};
  // The table is in the order of the numbers on x86 and arm.
  static_assert(RLIMIT_NOFILE == 7 && RLIMIT_RTTIME == 15 && RLIMIT_FSIZE == 1);
  if (resource < 0 || static_cast<std::size_t>(resource) >= kNames.size()) return "?";
  return kNames.at(static_cast<std::size_t>(resource));
}

std::string limit_text(std::uint64_t value) {
  return value == RLIM_INFINITY ? "unlimited" : fmt::format("{}", value);
}

// FNV-1a: tells two programs apart in a diff; nothing trusts it.
std::uint64_t digest(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

// The short name of an operation, as errors show it.
struct Describe {
  std::string operator()(const JoinNamespace& op) const {
    return fmt::format("join {} namespace", flags_text(op.kind, kNamespaceNames));
  }
  std::string operator()(const SetRoot&) const { return "set root"; }
  std::string operator()(const AttachMount& op) const { return "attach mount " + quote(op.target); }
  std::string operator()(const MountPseudo& op) const {
    return fmt::format("mount {} {}", op.type, quote(op.target));
  }
  std::string operator()(const MaskPath& op) const { return "mask " + quote(op.path); }
  std::string operator()(const ReadOnlyPath& op) const {
    return "make read-only " + quote(op.path);
  }
  std::string operator()(const MakeDir& op) const { return "make directory " + quote(op.path); }
  std::string operator()(const Symlink& op) const { return "make symlink " + quote(op.path); }
  std::string operator()(const RootReadOnly&) const { return "make root read-only"; }
  std::string operator()(const EnterRoot&) const { return "enter root"; }
  std::string operator()(const Hostname& op) const { return "set hostname " + quote(op.name); }
  std::string operator()(const Sysctl& op) const { return "set sysctl " + quote(op.key); }
  std::string operator()(const LoopbackUp&) const { return "bring up loopback"; }
  std::string operator()(const Rlimit& op) const {
    return fmt::format("set rlimit {}", resource_name(op.resource));
  }
  std::string operator()(const OomScoreAdj& op) const {
    return fmt::format("set oom score {}", op.value);
  }
  std::string operator()(const SetIds& op) const {
    return fmt::format("set user {}:{}", op.uid, op.gid);
  }
  std::string operator()(const WorkingDirectory& op) const {
    return "change to directory " + quote(op.path);
  }
  std::string operator()(const Capabilities&) const { return "set capabilities"; }
  std::string operator()(const NoNewPrivs&) const { return "set no_new_privs"; }
  std::string operator()(const Seccomp&) const { return "load seccomp filter"; }
};

// What the description leaves out.
struct Details {
  std::string operator()(const auto&) const { return {}; }
  std::string operator()(const JoinNamespace& op) const { return fmt::format(" fd={}", op.fd); }
  std::string operator()(const SetRoot& op) const { return fmt::format(" fd={}", op.fd); }
  std::string operator()(const AttachMount& op) const {
    static constexpr std::array<std::string_view, 3> kKinds = {"no", "directory", "file"};
    return fmt::format(" fd={} create={}", op.fd, kKinds.at(std::to_underlying(op.create)));
  }
  std::string operator()(const MountPseudo& op) const {
    return fmt::format(" flags={} data={}", flags_text(op.flags, kMountFlagNames), quote(op.data));
  }
  std::string operator()(const MakeDir& op) const { return fmt::format(" mode={:04o}", op.mode); }
  std::string operator()(const Symlink& op) const { return " to " + quote(op.target); }
  std::string operator()(const Sysctl& op) const { return " = " + quote(op.value); }
  std::string operator()(const Rlimit& op) const {
    return fmt::format(" {}:{}", limit_text(op.soft), limit_text(op.hard));
  }
  std::string operator()(const SetIds& op) const {
    return fmt::format(" groups=[{}]", fmt::join(op.groups, ","));
  }
  std::string operator()(const WorkingDirectory& op) const { return op.create ? " create" : ""; }
  std::string operator()(const Capabilities& op) const {
    return fmt::format(
        " bounding={:#x} effective={:#x} permitted={:#x} inheritable={:#x} "
        "ambient={:#x}",
        op.bounding,
        op.effective,
        op.permitted,
        op.inheritable,
        op.ambient);
  }
  std::string operator()(const Seccomp& op) const {
    return fmt::format(" {} bytes, digest {:016x}", op.program.size(), digest(op.program));
  }
};

void print_log(std::string& out, const Log& log) {
  if (log.directory == kNoFd) {
    out += "log: none\n";
    return;
  }
  fmt::format_to(std::back_inserter(out),
                 "log: fd={} {} max_bytes={} max_files={} overflow={}\n",
                 log.directory,
                 quote(log.name),
                 log.max_bytes,
                 log.max_files,
                 log.overflow == LogOverflow::kBlock ? "block" : "drop");
}

void print_shim(std::string& out, const Shim& shim) {
  auto sink = std::back_inserter(out);
  fmt::format_to(sink,
                 "shim: control={} listener={} exit_record={} stdin={}{}\n",
                 shim.control,
                 shim.listener,
                 shim.exit_record,
                 shim.open_stdin ? "pipe" : "null",
                 shim.slow_reader == SlowReader::kIsWaitedFor ? " waits for its reader" : "");
  print_log(out, shim.log);
  if (!shim.terminal.wanted) return;
  fmt::format_to(sink,
                 "terminal: rows={} columns={} devpts={}\n",
                 shim.terminal.rows,
                 shim.terminal.columns,
                 shim.terminal.devpts);
}

void print_operations(std::string& out, const std::vector<Operation>& operations) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    fmt::format_to(std::back_inserter(out),
                   "{}: {}{}\n",
                   i,
                   describe(operations[i]),
                   std::visit(Details{}, operations[i]));
  }
}

void print_program(std::string& out, const LaunchPlan& plan) {
  if (plan.hold) out += "hold\n";
  if (plan.init) {
    out += "init\n";
    return;
  }
  out += "exec:";
  for (const auto& argument : plan.exec.arguments) out += ' ' + quote(argument);
  out += '\n';
  for (const auto& variable : plan.exec.environment) out += "env: " + quote(variable) + '\n';
}

}  // namespace

std::string describe(const Operation& operation) { return std::visit(Describe{}, operation); }

std::string print(const LaunchPlan& plan) {
  std::string out;
  auto sink = std::back_inserter(out);
  fmt::format_to(
      sink, "{}: {}\n", plan.enter.process == kNoFd ? "container" : "exec", quote(plan.uid));
  print_shim(out, plan.shim);
  fmt::format_to(sink,
                 "namespaces: {}{}\n",
                 flags_text(plan.namespaces, kNamespaceNames),
                 plan.cgroup_namespace ? " + cgroup" : "");
  if (plan.join_pid_namespace != kNoFd)
    fmt::format_to(sink, "join pid namespace: fd={}\n", plan.join_pid_namespace);
  fmt::format_to(sink,
                 "cgroups: clone_into={} tasks=[{}]\n",
                 plan.join.clone_into,
                 fmt::join(plan.join.tasks, ","));
  if (plan.enter.process != kNoFd) {
    fmt::format_to(sink,
                   "enter: process={} namespaces={}\n",
                   plan.enter.process,
                   flags_text(plan.enter.namespaces, kNamespaceNames));
  }
  print_operations(out, plan.operations);
  print_program(out, plan);
  return out;
}

std::string print(const SandboxPlan& plan) {
  std::string out = fmt::format("sandbox: {}\nnamespaces: {}\n",
                                quote(plan.uid),
                                flags_text(plan.namespaces, kNamespaceNames));
  print_operations(out, plan.operations);
  return out;
}

}  // namespace skerry::plan
