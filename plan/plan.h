// LaunchPlan: everything the launcher's side does for one container, as data.
//
// skerryd decides; the plan says; launcher, shim and the container's first process do, in this
// order:
//
//   launcher   forks a shim                                                (launcher/zygote)
//   shim       takes the descriptors it owns (log, exit record, sockets), joins the pid namespace
//              of `join_pid_namespace` or `enter`, then clone3() with `namespaces`, into
//              `join.clone_into`
//   child      writes "0" to each of `join.tasks`, unshares the cgroup namespace, enters the
//              namespaces of `enter`, runs `operations` from first to last with the terminal made
//              on the way (Terminal says where), waits at the barrier if `hold`, and runs `exec` or
//              becomes a pod's init
//
// So there are three kinds of plan: a container (`exec`), a pod's init (`init`), and an exec in a
// container (`enter` and `exec`). A pod's namespaces have a plan of their own, SandboxPlan.
//
// A plan holds no pointers and no policy: it can be printed, compared and stored. Descriptors are
// named by FdIndex: their position in the SCM_RIGHTS array that travels with the plan.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry::plan {

/// Position of a descriptor in the array sent beside the plan; kNoFd is none.
using FdIndex = std::int32_t;
constexpr FdIndex kNoFd = -1;

/// Enters an existing namespace (setns(2)); `kind` is its CLONE_NEW* flag. Not for pid namespaces,
/// which hold for later children only: LaunchPlan::join_pid_namespace.
struct JoinNamespace {
  FdIndex fd = kNoFd;
  std::uint64_t kind = 0;
  bool operator==(const JoinNamespace&) const = default;
};

/// Makes the detached mount `fd` (overlay, or a cloned tree) the root directory of the mount
/// namespace, by move_mount onto "/", and the place relative paths below start from. Everything
/// later resolves inside it. First of the mount operations.
struct SetRoot {
  FdIndex fd = kNoFd;
  bool operator==(const SetRoot&) const = default;
};

/// What to make where a mount's target does not exist.
enum class TargetKind : std::uint8_t { kMustExist, kDirectory, kFile };

/// Attaches a detached mount at `target`, resolved inside the root with RESOLVE_IN_ROOT: links of a
/// hostile image cannot lead out.
struct AttachMount {
  FdIndex fd = kNoFd;
  std::string target;
  TargetKind create = TargetKind::kDirectory;
  bool operator==(const AttachMount&) const = default;
};

/// Mounts a file system that binds the namespaces of whoever makes it, from inside: proc, sysfs,
/// mqueue, devpts, cgroup, cgroup2, tmpfs. mount(2) semantics of flags and data; target as above.
struct MountPseudo {
  std::string type;
  std::string target;
  std::uint64_t flags = 0;
  std::string data;
  bool operator==(const MountPseudo&) const = default;
};

/// Hides a path: a file under /dev/null, a directory under an empty read-only tmpfs. A missing path
/// is hidden already.
struct MaskPath {
  std::string path;
  bool operator==(const MaskPath&) const = default;
};

/// Binds a path onto itself read-only. A missing path is skipped.
struct ReadOnlyPath {
  std::string path;
  bool operator==(const ReadOnlyPath&) const = default;
};

struct MakeDir {
  std::string path;
  std::uint32_t mode = 0755;
  bool operator==(const MakeDir&) const = default;
};

/// An existing entry of that name is left as it is.
struct Symlink {
  std::string target;
  std::string path;
  bool operator==(const Symlink&) const = default;
};

/// Makes the root mount read-only; after everything that creates mount points.
struct RootReadOnly {
  bool operator==(const RootReadOnly&) const = default;
};

/// fchdir to the root and chroot("."): the path walk of the process ends there from now on. Last of
/// the mount operations.
struct EnterRoot {
  bool operator==(const EnterRoot&) const = default;
};

struct Hostname {
  std::string name;
  bool operator==(const Hostname&) const = default;
};

/// Writes a namespaced sysctl: `key` in dots or slashes ("net.ipv4.ip_forward"), through the
/// container's own /proc/sys before it becomes read-only.
struct Sysctl {
  std::string key;
  std::string value;
  bool operator==(const Sysctl&) const = default;
};

/// Brings `lo` of the current network namespace up.
struct LoopbackUp {
  bool operator==(const LoopbackUp&) const = default;
};

/// setrlimit(2); kRlimitInfinity is RLIM_INFINITY.
struct Rlimit {
  std::int32_t resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool operator==(const Rlimit&) const = default;
};

struct OomScoreAdj {
  std::int32_t value = 0;
  bool operator==(const OomScoreAdj&) const = default;
};

/// Sets the ids and gives the container's stdio pipes to that user.
struct SetIds {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  bool operator==(const SetIds&) const = default;
};

/// chdir(2) inside the root, as the container's user. Fails with EXDEV when the directory turns out
/// to be outside (a link through a descriptor in /proc: CVE-2024-21626).
struct WorkingDirectory {
  std::string path;
  /// Make it first (as root) if it is missing, as Docker does.
  bool create = false;
  bool operator==(const WorkingDirectory&) const = default;
};

/// Capability sets as bit masks (bit = CAP_* number). Applied last but for seccomp; see
/// capabilities(7) for the order that makes ambient ones stick.
struct Capabilities {
  std::uint64_t bounding = 0;
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t ambient = 0;
  bool operator==(const Capabilities&) const = default;
};

struct NoNewPrivs {
  bool operator==(const NoNewPrivs&) const = default;
};

/// Loads a ready classic-BPF program (array of struct sock_filter). Where the process has
/// no_new_privs it comes right before exec; else before the capabilities are dropped.
struct Seccomp {
  std::vector<std::uint8_t> program;
  bool operator==(const Seccomp&) const = default;
};

using Operation = std::variant<JoinNamespace,
                               SetRoot,
                               AttachMount,
                               MountPseudo,
                               MaskPath,
                               ReadOnlyPath,
                               MakeDir,
                               Symlink,
                               RootReadOnly,
                               EnterRoot,
                               Hostname,
                               Sysctl,
                               LoopbackUp,
                               Rlimit,
                               OomScoreAdj,
                               SetIds,
                               WorkingDirectory,
                               Capabilities,
                               NoNewPrivs,
                               Seccomp>;

/// The program. `arguments[0]` without a slash is searched in PATH of `environment`, inside the
/// root.
struct Exec {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  bool operator==(const Exec&) const = default;
};

/// Cgroups of the container's process (os::CgroupJoin, as indexes).
struct Join {
  FdIndex clone_into = kNoFd;
  std::vector<FdIndex> tasks;
  bool operator==(const Join&) const = default;
};

/// What to do when the log cannot be written: the disk is full, or the limit cannot be kept.
enum class LogOverflow : std::uint8_t {
  kBlock,  ///< stop reading the container's output until there is room; the container waits
  kDrop,   ///< throw the entry away and count it
};

/// What happens to output when nobody is attached, or whoever is reads too slowly.
enum class SlowReader : std::uint8_t {
  /// It misses some, and is told how much. The process never waits. For containers.
  kMisses,
  /// The process waits, as on any full pipe, from its first byte on: for an exec whose output is
  /// kept nowhere else. Until a message says that nobody will read (Attach without a stream).
  kIsWaitedFor,
};

/// A terminal of the container's own devpts, as standard streams and controlling terminal. It is
/// made right before EnterRoot, after the plan's devpts mount, and then bound on /dev/console if
/// nothing is there yet; in an exec before the first operation.
struct Terminal {
  bool wanted = false;
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
  /// In an exec: what the container's shim gave for GetDevpts. Else kNoFd: the devpts that this
  /// plan mounts.
  FdIndex devpts = kNoFd;
  bool operator==(const Terminal&) const = default;
};

struct Log {
  /// Directory the log lives in; kNoFd means output goes to an attached connection only.
  FdIndex directory = kNoFd;
  /// File name of the newest file; older ones are NAME.1, NAME.2 …
  std::string name;
  std::uint64_t max_bytes = 10ULL << 20U;
  std::uint32_t max_files = 5;
  LogOverflow overflow = LogOverflow::kBlock;
  bool operator==(const Log&) const = default;
};

/// Descriptors and duties of the shim.
struct Shim {
  /// The end of a SOCK_SEQPACKET pair whose other end skerryd keeps (launcher/shim_protocol.h).
  FdIndex control = kNoFd;
  /// Listening SOCK_SEQPACKET socket, bound by skerryd in the run directory, for later daemons.
  FdIndex listener = kNoFd;
  /// Regular file of logs::ExitRecord size for the exit record.
  FdIndex exit_record = kNoFd;
  Log log;
  /// Give the container a stdin pipe; otherwise /dev/null. With a terminal, let the daemon write to
  /// it.
  bool open_stdin = false;
  SlowReader slow_reader = SlowReader::kMisses;
  Terminal terminal;
  bool operator==(const Shim&) const = default;
};

/// The container an exec runs in, by its first process. Cgroups are joined before, as always: the
/// leaf of the exec is in `join`. Operations of such a plan name no descriptors.
struct Enter {
  /// A pidfd; kNoFd makes the plan that of a container.
  FdIndex process = kNoFd;
  /// CLONE_NEW* of those to enter. The root directory becomes that of the mount namespace.
  std::uint64_t namespaces = 0;
  bool operator==(const Enter&) const = default;
};

struct LaunchPlan {
  /// The container's uid, for the exit record and the process title of the shim.
  std::string uid;
  Shim shim;
  /// CLONE_NEW* of the clone3() call, without CLONE_NEWCGROUP.
  std::uint64_t namespaces = 0;
  /// An existing pid namespace, or a pidfd of a process in it, for the process to be born in.
  FdIndex join_pid_namespace = kNoFd;
  /// unshare(CLONE_NEWCGROUP) after the cgroups are joined.
  bool cgroup_namespace = false;
  Join join;
  Enter enter;
  std::vector<Operation> operations;
  /// Wait at the barrier between the last operation and exec until the daemon says start.
  bool hold = true;
  /// Instead of a program: the first process of a pod's shared pid namespace. It reaps orphans,
  /// keeps the mounts of the plan, and exits with 0 on SIGTERM. It has what privileges the
  /// operations leave it; Capabilities without any is right. `exec` is empty then.
  bool init = false;
  /// Instead of operations and a program: the process is cloned, joins its cgroups and waits for
  /// the plan that has them (Fill in launcher/shim_protocol.h). Of this plan only `uid`,
  /// `shim.control`, the namespaces and `join` count, and the other one has to have the same
  /// namespaces. `exec` is empty then.
  bool standby = false;
  Exec exec;
  bool operator==(const LaunchPlan&) const = default;
};

/// The namespaces the containers of a pod share, which the launcher's side makes and the holder
/// keeps (launcher/launcher_protocol.h). Pid namespaces need a process and are not among them.
struct SandboxPlan {
  /// The pod's uid.
  std::string uid;
  /// CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS. `lo` of the network namespace is brought up.
  std::uint64_t namespaces = 0;
  /// Run inside them: Hostname, Sysctl, LoopbackUp.
  std::vector<Operation> operations;
  bool operator==(const SandboxPlan&) const = default;
};

/// Name of an operation as errors and the printer show it: "attach mount \"/data\"", "exec
/// \"/bin/sh\"".
std::string describe(const Operation& operation);

/// The whole plan as text, one operation a line, numbered as errors number them. For
/// `skerry debug plan`, tests and diffs. Program bytes are shown as their length and digest.
std::string print(const LaunchPlan& plan);
std::string print(const SandboxPlan& plan);

}  // namespace skerry::plan
