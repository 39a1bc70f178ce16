#include "agent/config/config.h"

#include <sys/un.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/config/quantity.h"
#include "base/ids.h"

namespace skerry::config {
namespace {

// The longest that is made below the run directory is a container's socket:
// containers/<uid of 32 digits>/shim.sock.
constexpr std::size_t kLongestSocket = sizeof("/containers/") - 1 + 32 + sizeof("/shim.sock");
constexpr std::size_t kLongestRun = sizeof(sockaddr_un::sun_path) - kLongestSocket;
// A name goes in front of interface names and cgroups.
constexpr std::size_t kLongestName = 32;

Error invalid(const std::string& message) {
  return Error(Code::kInvalidArgument, message).with_reason("CONFIG_INVALID");
}

bool is_clean_absolute(const std::filesystem::path& path) {
  return path.is_absolute() && path == path.lexically_normal() &&
         path.native().find('\0') == std::string::npos;
}

Result<> check_path(std::string_view what, const std::filesystem::path& path) {
  if (is_clean_absolute(path)) return {};
  return invalid(
      fmt::format("{} \"{}\" is not an absolute path without \".\", \"..\" and double slashes",
                  what,
                  path.string()));
}

// A basic string of TOML.
std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <class Texts>
std::string quoted_list(const Texts& texts) {
  std::vector<std::string> all;
  all.reserve(texts.size());
  for (const auto& text : texts) all.push_back(toml_quoted(std::filesystem::path(text).native()));
  return fmt::format("[{}]", fmt::join(all, ", "));
}

std::string defaults_section(const DefaultLimits& defaults) {
  std::string out = "[defaults]\n";
  if (defaults.cpus) {
    const std::uint64_t milli = defaults.cpus->value();
    out += fmt::format("cpus = {}.{:03}\n", milli / 1000, milli % 1000);
  }
  if (defaults.memory) out += fmt::format("memory = \"{}\"\n", format_bytes(*defaults.memory));
  if (defaults.pids) out += fmt::format("pids = {}\n", *defaults.pids);
  return out;
}

std::string network_section(const NetworkOptions& network) {
  return fmt::format(
      "[network]\ndefault = {}\nconfig_dir = {}\nplugin_dirs = {}\nsubnets = {}\n"
      "subnet_length = {}\ndns_servers = {}\nattach_deadline = \"{}\"\n"
      "detach_deadline = \"{}\"\nconcurrency = {}\n",
      toml_quoted(network.default_network),
      toml_quoted(network.config_dir.native()),
      quoted_list(network.plugin_dirs),
      quoted_list(network.subnets),
      network.subnet_length,
      quoted_list(network.dns_servers),
      format_duration(network.attach_deadline),
      format_duration(network.detach_deadline),
      network.concurrency);
}

std::string volumes_section(const VolumeOptions& volumes) {
  std::string out = "[volumes]\n";
  if (volumes.host_paths) out += fmt::format("host_paths = {}\n", quoted_list(*volumes.host_paths));
  return out + fmt::format(
                   "plugin_socket_dirs = {}\nplugin_spec_dirs = {}\nmount_deadline = \"{}\"\n"
                   "unmount_deadline = \"{}\"\n",
                   quoted_list(volumes.plugin_socket_dirs),
                   quoted_list(volumes.plugin_spec_dirs),
                   format_duration(volumes.mount_deadline),
                   format_duration(volumes.unmount_deadline));
}

Result<> check_volumes(const VolumeOptions& volumes) {
  for (const auto& path : volumes.host_paths.value_or(std::vector<std::filesystem::path>())) {
    TRY(check_path("volumes.host_paths", path));
  }
  for (const auto& path : volumes.plugin_socket_dirs) {
    TRY(check_path("volumes.plugin_socket_dirs", path));
  }
  for (const auto& path : volumes.plugin_spec_dirs) {
    TRY(check_path("volumes.plugin_spec_dirs", path));
  }
  if (volumes.mount_deadline.count() < 1 || volumes.unmount_deadline.count() < 1) {
    return invalid("volumes.mount_deadline and volumes.unmount_deadline are at least 1s");
  }
  return {};
}

}  // namespace

std::string to_string(const Config& config) {
  std::string out;
  if (!config.file.empty()) out += fmt::format("# {}\n", toml_quoted(config.file.native()));
  out += fmt::format("root = {}\n", toml_quoted(config.root.native()));
  out += fmt::format("run = {}\n", toml_quoted(config.run.native()));
  out += fmt::format("name = {}\n", toml_quoted(config.name));
  out += fmt::format("socket_group = {}\n", toml_quoted(config.socket_group));
  out += fmt::format("cgroup_parent = {}\n", toml_quoted(config.cgroup_parent));
  out += fmt::format("failpoints = {}\n", quoted_list(config.failpoints));
  out += fmt::format("\n[trace]\nlevel = \"{}\"\n", runtime::trace_level_name(config.trace_level));
  out += fmt::format("\n[mounts]\nbind_sources = {}\n", quoted_list(config.bind_sources));
  out +=
      fmt::format("\n[log]\nmax_size = \"{}\"\nmax_files = {}\nmode = \"{}\"\ndirectories = {}\n",
                  format_bytes(config.log.max_size),
                  config.log.max_files,
                  config.log.mode == LogMode::kBlock ? "block" : "drop",
                  quoted_list(config.log_directories));
  out += fmt::format("\n[events]\nage = \"{}\"\ncount = {}\nbytes = \"{}\"\n",
                     format_duration(config.events.age),
                     config.events.count,
                     format_bytes(config.events.bytes));
  out += fmt::format("\n[workers]\nthreads = {}\nplugin_threads = {}\nqueue = {}\n",
                     config.workers.threads,
                     config.workers.plugin_threads,
                     config.workers.queue);
  out += fmt::format("\n[standby]\nprocesses = {}\n", config.standby_processes);
  out += "\n" + network_section(config.network);
  out += "\n" + volumes_section(config.volumes);
  return out + "\n" + defaults_section(config.defaults);
}

Result<> check(const Config& config) {
  TRY(check_path("root", config.root));
  TRY(check_path("run", config.run));
  if (config.run.native().size() > kLongestRun) {
    return invalid(
        fmt::format("run \"{}\" is longer than {} characters, which leaves no room for "
                    "the names of sockets",
                    config.run.string(),
                    kLongestRun));
  }
  if (config.root == config.run) return invalid("root and run are the same directory");
  if (auto named = check_id("name", config.name); !named) {
    return std::move(named).error().with_reason("CONFIG_INVALID");
  }
  if (config.name.size() > kLongestName) {
    return invalid(fmt::format("name is longer than {} characters", kLongestName));
  }
  for (const auto& path : config.log_directories) TRY(check_path("log.directories", path));
  for (const auto& path : config.bind_sources) TRY(check_path("mounts.bind_sources", path));
  TRY(check_path("network.config_dir", config.network.config_dir));
  if (config.network.attach_deadline.count() < 1 || config.network.detach_deadline.count() < 1) {
    return invalid("network.attach_deadline and network.detach_deadline are at least 1s");
  }
  for (const auto& path : config.network.plugin_dirs) TRY(check_path("network.plugin_dirs", path));
  TRY(check_volumes(config.volumes));
  const std::filesystem::path parent = config.cgroup_parent;
  const bool steps_out = std::ranges::find(parent, "..") != parent.end() ||
                         std::ranges::find(parent, ".") != parent.end();
  if (steps_out) {
    return invalid(fmt::format("cgroup_parent \"{}\" has \".\" or \"..\" in it", parent.string()));
  }
  return {};
}

}  // namespace skerry::config
