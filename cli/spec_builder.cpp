#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "cli/parse/mount.h"
#include "cli/parse/quantity.h"
#include "cli/run_options.h"

namespace skerry::cli {
namespace {

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

/// Gives what went wrong with a value the name of its option.
template <class T>
Result<T> named(std::string_view option, Result<T> result) {
  if (!result) return std::move(result).error().wrap(option);
  return result;
}

/// An option Docker has, and what to do without it.
struct Refused {
  std::string_view option;
  std::string_view instead;
};
constexpr std::array kRefused = {
    Refused{"-P", "name the ports: -p HOST:CONTAINER"},
    Refused{"--publish-all", "name the ports: -p HOST:CONTAINER"},
    Refused{"--privileged", "grant what is needed with --cap-add, --security-opt and -v"},
    Refused{"--restart", "restarting is the scheduler's part"},
    Refused{"-c", "use --cpu-request (1024 shares are 1 CPU)"},
    Refused{"--cpu-shares", "use --cpu-request (1024 shares are 1 CPU)"},
    Refused{"--cpu-quota", "use --cpus"},
    Refused{"--cpu-period", "use --cpus"},
    Refused{"--volumes-from", "name the volumes with -v"},
    Refused{"--link",
            "containers of one network reach each other by address, those of a pod on "
            "localhost"},
    Refused{"--ipc", "containers of a pod share it: skerry pod create --share ipc"},
    Refused{"--pid", "containers of a pod share it: skerry pod create --share pid"},
};

Error unknown_option(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  const auto* known =
      std::ranges::find_if(kRefused, [&](const Refused& r) { return r.option == name; });
  if (known == kRefused.end()) return bad(fmt::format("unknown option \"{}\"", name));
  return bad(fmt::format("unknown option \"{}\": {}", name, known->instead));
}

Result<std::string> read_file(const std::string& path) {
  // Far above any environment the kernel would take.
  constexpr std::size_t kLargest = std::size_t{4} * 1024 * 1024;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", path));
  std::string content;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, fmt::format("read \"{}\"", path));
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > kLargest) return bad(fmt::format("\"{}\" is too large", path));
  }
}

Result<> fill_env(const RunOptions& options, const Lookup& lookup, v1::ContainerSpec& spec) {
  std::vector<std::string> env;
  for (const std::string& path : options.env_files) {
    TRY_ASSIGN(const auto content, named("--env-file", read_file(path)));
    TRY_ASSIGN(auto entries, named("--env-file", parse_env_file(path, content, lookup)));
    for (std::string& entry : entries) merge_env(env, std::move(entry));
  }
  for (const std::string& text : options.env) {
    TRY_ASSIGN(auto entry, named("-e", parse_env(text, lookup)));
    if (entry) merge_env(env, std::move(*entry));
  }
  spec.mutable_env()->Assign(env.begin(), env.end());
  return {};
}

Result<> fill_mounts(const RunOptions& options,
                     const std::string& working_directory,
                     v1::ContainerSpec& spec) {
  bool any_volume = false;
  for (const std::string& text : options.volumes) {
    TRY_ASSIGN(auto mount, parse_volume(text, working_directory));
    any_volume = any_volume || mount.has_volume();
    if (mount.has_volume()) mount.mutable_volume()->set_driver(options.volume_driver);
    *spec.add_mounts() = std::move(mount);
  }
  if (!options.volume_driver.empty() && !any_volume) {
    return bad("--volume-driver is for named volumes: -v NAME:TARGET");
  }
  for (const std::string& text : options.mounts) {
    TRY_ASSIGN(*spec.add_mounts(), parse_mount(text, working_directory));
  }
  for (const std::string& text : options.tmpfs) {
    TRY_ASSIGN(*spec.add_mounts(), parse_tmpfs(text));
  }
  return {};
}

Result<> fill_confinement(const RunOptions& options, v1::ContainerSpec& spec) {
  if (!options.cap_add.empty() || !options.cap_drop.empty()) {
    auto& capabilities = *spec.mutable_security()->mutable_capabilities();
    capabilities.mutable_add()->Assign(options.cap_add.begin(), options.cap_add.end());
    capabilities.mutable_drop()->Assign(options.cap_drop.begin(), options.cap_drop.end());
  }
  for (const std::string& text : options.security) {
    TRY(apply_security_opt(text, *spec.mutable_security()));
  }
  if (spec.security().has_seccomp_json()) {
    // What was parsed is a path as yet.
    const std::string path = spec.security().seccomp_json();
    TRY_ASSIGN(std::string profile, named("--security-opt seccomp", read_file(path)));
    // The daemon says what is wrong with a profile, but the API can only carry UTF-8 there.
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (!std::ranges::all_of(profile, ascii) && !nlohmann::json::accept(profile)) {
      return bad(fmt::format("--security-opt seccomp: \"{}\" is no JSON in UTF-8", path));
    }
    spec.mutable_security()->set_seccomp_json(std::move(profile));
  }
  for (const std::string& text : options.ulimits) {
    TRY_ASSIGN(*spec.add_rlimits(), parse_ulimit(text));
  }
  if (options.oom_score_adj) spec.set_oom_score_adj(*options.oom_score_adj);
  return {};
}

Result<> fill_pod(const RunOptions& options, v1::ContainerSpec& spec) {
  v1::PodSpec pod;
  TRY(fill_pod_spec(options.pod_of_one, pod));
  if (pod.ByteSizeLong() == 0) return {};
  if (!options.pod.empty()) {
    return bad(
        "--pod: what a pod shares (network, ports, DNS, host name, sysctls, cgroup parent) "
        "is said when it is created: skerry pod create");
  }
  *spec.mutable_pod() = std::move(pod);
  return {};
}

Result<> set_duration(std::string_view option,
                      std::string_view text,
                      google::protobuf::Duration& duration) {
  constexpr std::int64_t kNanos = 1'000'000'000;
  TRY_ASSIGN(const auto value, named(option, parse_duration(text)));
  duration.set_seconds(value.count() / kNanos);
  duration.set_nanos(static_cast<std::int32_t>(value.count() % kNanos));
  return {};
}

Result<> fill_end(const RunOptions& options, v1::ContainerSpec& spec) {
  if (!options.stop_signal.empty()) {
    TRY_ASSIGN(const auto signal, named("--stop-signal", parse_signal(options.stop_signal)));
    spec.set_stop_signal(signal);
  }
  if (!options.stop_timeout.empty()) {
    TRY(set_duration("--stop-timeout", options.stop_timeout, *spec.mutable_stop_grace()));
  }
  spec.set_remove_on_exit(options.remove);
  if (options.ttl.empty()) return {};
  if (!options.remove) return bad("--ttl needs --rm");
  return set_duration("--ttl", options.ttl, *spec.mutable_ttl());
}

Result<> fill_root(const RunOptions& options,
                   const std::vector<std::string>& words,
                   v1::ContainerSpec& spec) {
  if (words.empty()) return bad("IMAGE is missing");
  if (words.front().size() > 1 && words.front().starts_with('-')) {
    return unknown_option(words.front());
  }
  auto& root = *spec.mutable_root();
  if (options.rootfs) {
    root.set_directory(words.front());
  } else {
    root.set_image(words.front());
  }
  root.set_read_only(options.read_only);
  root.set_durable(options.durable);
  if (options.entrypoint && !options.entrypoint->empty()) spec.add_command(*options.entrypoint);
  spec.mutable_args()->Assign(words.begin() + 1, words.end());
  return {};
}

/// Docker's --memory-swap counts memory and swap together; the API counts swap alone.
Result<> fill_swap(const RunOptions& options, v1::ResourceLimits& limits) {
  if (options.memory_swap.empty()) return {};
  if (means_unlimited(options.memory_swap)) {
    limits.mutable_swap()->mutable_unlimited();
    return {};
  }
  TRY_ASSIGN(const auto total, named("--memory-swap", parse_bytes(options.memory_swap)));
  if (limits.memory().limit_case() != v1::MemoryLimit::kBytes) {
    return bad("--memory-swap needs -m with a size");
  }
  const std::uint64_t memory = limits.memory().bytes();
  if (total.value() < memory) {
    return bad("--memory-swap is memory and swap together: not below -m");
  }
  if (total.value() == memory) {
    limits.mutable_swap()->mutable_none();
  } else {
    limits.mutable_swap()->set_bytes(total.value() - memory);
  }
  return {};
}

}  // namespace

Result<v1::Resources> make_resources(const RunOptions& options) {
  v1::Resources resources;
  if (means_unlimited(options.memory)) {
    resources.mutable_limits()->mutable_memory()->mutable_unlimited();
  } else if (!options.memory.empty()) {
    TRY_ASSIGN(const auto memory, named("-m", parse_bytes(options.memory)));
    resources.mutable_limits()->mutable_memory()->set_bytes(memory.value());
  }
  if (!options.memory_swap.empty()) TRY(fill_swap(options, *resources.mutable_limits()));
  if (!options.memory_reservation.empty()) {
    TRY_ASSIGN(const auto memory,
               named("--memory-reservation", parse_bytes(options.memory_reservation)));
    resources.mutable_requests()->set_memory_bytes(memory.value());
  }
  if (means_unlimited(options.cpus)) {
    resources.mutable_limits()->mutable_cpu()->mutable_unlimited();
  } else if (!options.cpus.empty()) {
    TRY_ASSIGN(const auto cpus, named("--cpus", parse_cpus(options.cpus)));
    resources.mutable_limits()->mutable_cpu()->set_millicpu(cpus.value());
  }
  if (!options.cpu_request.empty()) {
    TRY_ASSIGN(const auto cpus, named("--cpu-request", parse_cpus(options.cpu_request)));
    resources.mutable_requests()->set_millicpu(cpus.value());
  }
  if (means_unlimited(options.pids_limit)) {
    resources.mutable_limits()->mutable_pids()->mutable_unlimited();
  } else if (!options.pids_limit.empty()) {
    TRY_ASSIGN(const auto count, named("--pids-limit", parse_count(options.pids_limit)));
    resources.mutable_limits()->mutable_pids()->set_count(count);
  }
  return resources;
}

Result<v1::ContainerSpec> make_spec(const RunOptions& options,
                                    const std::vector<std::string>& words,
                                    const Surroundings& surroundings) {
  v1::ContainerSpec spec;
  TRY(fill_root(options, words, spec));
  TRY(fill_env(options, surroundings.environment, spec));
  TRY(fill_mounts(options, surroundings.working_directory, spec));
  TRY(fill_confinement(options, spec));
  TRY(fill_pod(options, spec));
  TRY(fill_end(options, spec));
  TRY(fill_map("--label", options.labels, *spec.mutable_labels()));
  TRY(fill_map("--annotation", options.annotations, *spec.mutable_annotations()));
  for (const std::string& text : options.log_options) {
    TRY(apply_log_opt(text, *spec.mutable_log()));
  }
  TRY_ASSIGN(const auto resources, make_resources(options));
  if (resources.has_limits() || resources.has_requests()) *spec.mutable_resources() = resources;
  if (!options.user.empty()) spec.mutable_user()->set_name(options.user);
  for (const std::string& group : options.groups) spec.mutable_user()->add_additional_groups(group);
  spec.set_working_dir(options.working_dir);
  spec.set_stdin(options.interactive);
  if (options.terminal) spec.mutable_terminal();
  return spec;
}

}  // namespace skerry::cli
