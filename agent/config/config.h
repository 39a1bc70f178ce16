// The daemon's configuration: built-in defaults, then the file, then the command line. Read once at
// start, never changed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/trace.h"
#include "base/result.h"
#include "base/units.h"

namespace skerry::config {

enum class LogMode : std::uint8_t {
  kBlock,  ///< a full disk makes the container wait
  kDrop,   ///< output is dropped and counted
};

/// [log]: what a container gets that does not say.
struct LogDefaults {
  Bytes max_size{10ULL * 1024 * 1024};  ///< of one file, before it is rotated
  std::uint32_t max_files = 5;          ///< the one being written included
  LogMode mode = LogMode::kBlock;
  bool operator==(const LogDefaults&) const = default;
};

/// [events]: see events::Retention.
struct EventRetention {
  std::chrono::seconds age = std::chrono::days(7);
  std::uint64_t count = 100'000;
  Bytes bytes{256ULL * 1024 * 1024};
  bool operator==(const EventRetention&) const = default;
};

/// [workers]
struct Workers {
  std::uint32_t threads = 8;          ///< for the kernel's blocking work
  std::uint32_t plugin_threads = 32;  ///< for plugins, at most; made when needed
  std::uint32_t queue = 4096;         ///< tasks that may wait, in either pool
  bool operator==(const Workers&) const = default;
};

/// [defaults]: limits of a container that does not set them. Absent: unlimited, and 4096 pids.
struct DefaultLimits {
  std::optional<MilliCpu> cpus;  ///< in the file as a number of processors: 0.5
  std::optional<Bytes> memory;
  std::optional<std::uint64_t> pids;
  bool operator==(const DefaultLimits&) const = default;
};

/// [network]
struct NetworkOptions {
  /// What a container gets that names no network: a network, or "none" or "host". The network
  /// "skerry" is made by the daemon itself, unless a file in config_dir bears that name.
  std::string default_network = "skerry";
  /// Network lists of the operator's, as other CNI runtimes read them. It need not exist.
  std::filesystem::path config_dir = "/etc/cni/net.d";
  /// Where plugins are, in order.
  std::vector<std::filesystem::path> plugin_dirs = {"/usr/lib/cni", "/opt/cni/bin"};
  /// IPv4 ranges the network "skerry" takes its subnet from, in order; empty: the built-in ones.
  std::vector<std::string> subnets;
  std::uint32_t subnet_length = 20;  ///< of that subnet
  /// Resolvers of containers, instead of the host's. Empty: the host's.
  std::vector<std::string> dns_servers;
  std::chrono::seconds attach_deadline{60};  ///< all plugins of one network together
  std::chrono::seconds detach_deadline{30};
  std::uint32_t concurrency = 4;  ///< containers that one network's plugins work on at once
  bool operator==(const NetworkOptions&) const = default;
};

/// [volumes]
struct VolumeOptions {
  /// Real paths of the host at and below which volumes of the driver "host" may be. Absent: as
  /// mounts.bind_sources.
  std::optional<std::vector<std::filesystem::path>> host_paths;
  /// Where Docker volume plugins have their sockets (NAME.sock), and the files that name sockets
  /// elsewhere (NAME.spec, NAME.json); in order.
  std::vector<std::filesystem::path> plugin_socket_dirs = {"/run/docker/plugins"};
  std::vector<std::filesystem::path> plugin_spec_dirs = {"/etc/docker/plugins",
                                                         "/usr/lib/docker/plugins"};
  std::chrono::seconds mount_deadline{60};    ///< for making and mounting one volume
  std::chrono::seconds unmount_deadline{30};  ///< for unmounting or removing one
  bool operator==(const VolumeOptions&) const = default;
};

/// Who set a key: "flag" or the name of the file. What is not in here is a default.
struct Origins {
  std::map<std::string, std::string, std::less<>> by_key;
  /// Two configurations are equal when they say the same, whoever said it.
  bool operator==(const Origins&) const { return true; }
};

struct Config {
  std::filesystem::path root = "/var/lib/skerry";  ///< state that outlives the boot
  std::filesystem::path run = "/run/skerry";       ///< sockets and launch records
  std::string name = "skerry";                     ///< prefix of what this daemon makes on the host
  std::filesystem::path file;           ///< where the file was read; empty: there was none
  std::string socket_group = "skerry";  ///< group of RUN/skerryd.sock, if the host has it
  runtime::TraceLevel trace_level = runtime::TraceLevel::kInfo;
  /// Below which cgroup containers live, relative to the cgroup roots; empty: our own scope.
  std::string cgroup_parent;
  /// Directories below which a container's log may be put, besides our own.
  std::vector<std::filesystem::path> log_directories;
  /// Host paths at and below which containers may bind mount, or have their root, and images be
  /// imported from. All by default: whoever may use the API socket is root on this host, as with
  /// Docker's.
  std::vector<std::filesystem::path> bind_sources = {"/"};
  LogDefaults log;
  EventRetention events;
  Workers workers;
  DefaultLimits defaults;
  NetworkOptions network;
  /// Processes of each kind of namespaces that are kept ready for launches; 0: none.
  std::uint32_t standby_processes = 4;
  VolumeOptions volumes;
  std::vector<std::string> failpoints;  ///< "NAME=ACTION", see operations/failpoint.h
  Origins origins;
  bool operator==(const Config&) const = default;
};

/// The whole configuration as the text of a file that would give the same; for GetConfig.
std::string to_string(const Config& config);

/// Reads `text` (TOML) over `config`. `origin` names it in messages.
/// Errors: INVALID_ARGUMENT, reason CONFIG_INVALID: not TOML, an unknown key, a value of the wrong
/// kind or out of range; the message says "ORIGIN:LINE" and the key.
Result<> apply_toml(std::string_view text, std::string_view origin, Config& config);

/// Checks what belongs together: absolute paths, a usable name, a run directory short enough for
/// socket addresses (unix(7)). Errors: INVALID_ARGUMENT, reason CONFIG_INVALID.
Result<> check(const Config& config);

/// Where the file is when the command line does not say; it need not exist then.
constexpr const char* kDefaultFile = "/etc/skerry/skerryd.toml";

}  // namespace skerry::config
