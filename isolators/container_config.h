// ContainerConfig: what a container is to be, after the API's request was checked and every default
// filled in. Values only; made by agent/containers from the public spec, read by the isolators.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "isolators/network/network_settings.h"
#include "plan/plan.h"

namespace skerry::isolators {

/// Requests are what the scheduler reserved, limits what the kernel enforces. An absent limit is
/// unlimited here: the API's default has been applied already.
struct Resources {
  std::optional<MilliCpu> cpu_request{};
  std::optional<MilliCpu> cpu_limit{};
  std::optional<Bytes> memory_request{};
  std::optional<Bytes> memory_limit{};
  /// Swap on top of the memory limit; absent is unlimited.
  std::optional<Bytes> swap_limit{};
  std::optional<std::uint64_t> pids_limit{};
  bool operator==(const Resources&) const = default;
};

struct RootFilesystem {
  /// Host directories of the read-only layers, lowest first; one for an imported tree or a plain
  /// directory. Checked and ours (layers/<digest>/fs), or named by the operator (rootfs directory).
  std::vector<std::string> layers;
  /// The layers were named by the operator and may lie on a file system that hangs: they are opened
  /// with a deadline.
  bool foreign_layers = false;
  /// The container's own directory, with `upper` and `work` below: ROOT/containers/<uid>.
  std::string scratch;
  bool read_only = false;
  /// Keep the writable layer over a crash of the host: overlay without `volatile`.
  bool durable = false;
  bool operator==(const RootFilesystem&) const = default;
};

struct BindMount {
  std::string source;  ///< host path
  std::string target;  ///< absolute path inside the root
  bool read_only = false;
  bool recursive = true;
  bool operator==(const BindMount&) const = default;
};

struct TmpfsMount {
  std::string target;
  std::optional<Bytes> size{};  ///< absent: half of the memory limit, or of the host's memory
  std::uint32_t mode = 01777;
  bool read_only = false;
  bool no_exec = true;
  bool operator==(const TmpfsMount&) const = default;
};

struct VolumeMount {
  std::string name;    ///< in the container's tenant
  std::string driver;  ///< empty: who keeps the volume of that name, or "local" for a new one
  /// For the driver, when the volume is made.
  std::map<std::string, std::string> options;
  std::string target;
  bool read_only = false;
  bool operator==(const VolumeMount&) const = default;
};

/// In the order of the spec: later mounts may lie on earlier ones.
using Mount = std::variant<BindMount, TmpfsMount, VolumeMount>;

enum class NetworkMode : std::uint8_t {
  kNone,      ///< a namespace with loopback only
  kHost,      ///< the host's
  kNetworks,  ///< those of network_settings
  kPod,       ///< that of the pod it joins
};
enum class SeccompMode : std::uint8_t { kDefault, kUnconfined };

struct Process {
  /// Command and arguments, not empty.
  std::vector<std::string> arguments;
  /// NAME=VALUE each; PATH, HOME and HOSTNAME are added where missing.
  std::vector<std::string> environment;
  std::string working_directory = "/";
  /// "user[:group]", names or numbers; looked up inside the root.
  std::string user;
  /// Names or numbers.
  std::vector<std::string> additional_groups;
  bool operator==(const Process&) const = default;
};

struct Rlimit {
  std::int32_t resource = 0;  ///< RLIMIT_*
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool operator==(const Rlimit&) const = default;
};

/// The pod a container joins. What its containers share is joined, and not made.
struct JoinedPod {
  Uid uid;
  /// The pod's own directory, with what its /etc says: ROOT/pods/<uid>.
  std::string scratch;
  /// The pod has networks, and so files in /etc that tell of them.
  bool has_etc = false;
  bool shares_net = true;  ///< false: the pod is on the host's network
  bool shares_ipc = false;
  bool shares_pid = false;
  bool shares_uts = true;
  /// The pod's init; -1: it needs none.
  pid_t init_pid = -1;
  std::uint64_t init_start_ticks = 0;
  bool operator==(const JoinedPod&) const = default;
};

struct ContainerConfig {
  Uid uid;
  /// Whose it is: the names of volumes are the tenant's.
  std::string tenant;
  std::string hostname;
  RootFilesystem root;
  Process process;
  std::vector<Mount> mounts;
  Resources resources;
  NetworkMode network = NetworkMode::kNone;
  NetworkSettings network_settings;
  /// Absent: a pod of one.
  std::optional<JoinedPod> pod{};
  /// Capability names without CAP_, added to and dropped from the default set; "ALL" is all.
  std::vector<std::string> capabilities_add;
  std::vector<std::string> capabilities_drop;
  SeccompMode seccomp = SeccompMode::kDefault;
  /// A profile in Docker's JSON format, instead of `seccomp`; empty: none.
  std::string seccomp_json;
  bool no_new_privs = false;
  /// Leave out the masked and read-only paths of /proc and /sys.
  bool system_paths_unconfined = false;
  std::vector<Rlimit> rlimits;
  std::map<std::string, std::string> sysctls;
  std::int32_t oom_score_adj = 0;
  bool operator==(const ContainerConfig&) const = default;
};

}  // namespace skerry::isolators
