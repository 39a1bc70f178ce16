#include "agent/containers/spec.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/time_util.h>

#include "agent/containers/spec_parts.h"
#include "agent/networks/pod_network.h"
#include "isolators/seccomp/json_profile.h"

namespace skerry::agent {
namespace {

using isolators::ContainerConfig;
using isolators::Resources;
using std::chrono::milliseconds;

constexpr std::uint64_t kDefaultPids = 4096;
constexpr std::uint64_t kMinLogBytes = 64ULL << 10U;
constexpr std::uint32_t kMaxLogFiles = 100;
constexpr int kMaxSignal = 64;
constexpr auto kMaxGrace = std::chrono::hours(24);
constexpr auto kMaxTtl = std::chrono::days(30);

// --- durations, signals ---------------------------------------------------------------------

Result<milliseconds> duration(const google::protobuf::Duration& value,
                              milliseconds longest,
                              std::string_view field) {
  // Checked by seconds first: the conversion to milliseconds must not overflow.
  if (value.seconds() < 0 || value.nanos() < 0 ||
      value.seconds() > std::chrono::duration_cast<std::chrono::seconds>(longest).count()) {
    return invalid(field,
                   fmt::format("is not between 0 and {} seconds",
                               std::chrono::duration_cast<std::chrono::seconds>(longest).count()));
  }
  return milliseconds(google::protobuf::util::TimeUtil::DurationToMilliseconds(value));
}

Result<> check_lifetime(const v1::ContainerSpec& spec, CheckedSpec& out) {
  if (spec.has_stop_signal()) {
    if (spec.stop_signal() < 1 || spec.stop_signal() > kMaxSignal) {
      return invalid("spec.stop_signal", fmt::format("{} is not a signal", spec.stop_signal()));
    }
    out.stop_signal = spec.stop_signal();
  }
  if (spec.has_stop_grace()) {
    TRY_ASSIGN(out.stop_grace, duration(spec.stop_grace(), kMaxGrace, "spec.stop_grace"));
  }
  out.remove_on_exit = spec.remove_on_exit();
  if (spec.has_ttl()) {
    if (!spec.remove_on_exit()) return invalid("spec.ttl", "needs remove_on_exit");
    TRY_ASSIGN(out.ttl, duration(spec.ttl(), kMaxTtl, "spec.ttl"));
  }
  return {};
}

// --- root, process, mounts ------------------------------------------------------------------

bool is_below(const std::filesystem::path& path, const std::filesystem::path& base) {
  const auto [end, ignored] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
  // "/a/" ends in an empty component.
  return end == base.end() || (std::next(end) == base.end() && end->empty());
}

// As the text says; what links make of it is looked at when it is opened.
Result<> check_host_path(const std::filesystem::path& path,
                         std::string_view field,
                         const config::Config& config) {
  const auto allowed = [&path](const std::filesystem::path& base) {
    return is_below(path.lexically_normal(), base);
  };
  if (std::ranges::any_of(config.bind_sources, allowed)) return {};
  return Error(Code::kPermissionDenied,
               fmt::format("{}: the configuration allows no use of \"{}\" (bind_sources)",
                           field,
                           path.string()))
      .with_reason("BIND_REFUSED");
}

Result<> check_root(const v1::RootFilesystem& root,
                    const config::Config& daemon,
                    ContainerConfig& config) {
  switch (root.source_case()) {
    case v1::RootFilesystem::kImage:
      if (root.image().empty()) return invalid("spec.root.image", "is empty");
      break;
    case v1::RootFilesystem::kDirectory:
      if (!std::filesystem::path(root.directory()).is_absolute()) {
        return invalid("spec.root.directory",
                       fmt::format("\"{}\" is not an absolute path", root.directory()));
      }
      TRY(check_host_path(root.directory(), "spec.root.directory", daemon));
      config.root.layers = {root.directory()};
      config.root.foreign_layers = true;
      break;
    case v1::RootFilesystem::SOURCE_NOT_SET:
      return invalid("spec.root", "neither image nor directory is set");
  }
  config.root.read_only = root.read_only();
  config.root.durable = root.durable();
  return {};
}

Result<> check_env(const v1::ContainerSpec& spec, isolators::Process& process) {
  std::set<std::string_view> names;
  for (const std::string& entry : spec.env()) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || entry.find('\0') != std::string::npos) {
      return refused(
          "spec.env", fmt::format("\"{}\" is not NAME=VALUE", entry.substr(0, 64)), "ENV_INVALID");
    }
    if (!names.insert(std::string_view(entry).substr(0, equals)).second) {
      return refused(
          "spec.env", fmt::format("\"{}\" appears twice", entry.substr(0, equals)), "ENV_INVALID");
    }
    process.environment.push_back(entry);
  }
  return {};
}

Result<> check_process(const v1::ContainerSpec& spec, ContainerConfig& config) {
  isolators::Process& process = config.process;
  process.arguments.assign(spec.command().begin(), spec.command().end());
  process.arguments.insert(process.arguments.end(), spec.args().begin(), spec.args().end());
  if (process.arguments.empty() || process.arguments.front().empty()) {
    return refused("spec.command", "there is no command to run", "COMMAND_MISSING");
  }
  for (const std::string& argument : process.arguments) {
    if (argument.find('\0') != std::string::npos) {
      return invalid("spec.args", "an argument holds a zero byte");
    }
  }
  TRY(check_env(spec, process));
  if (!spec.working_dir().empty()) process.working_directory = spec.working_dir();
  if (process.working_directory.front() != '/') {
    return invalid("spec.working_dir",
                   fmt::format("\"{}\" is not an absolute path", spec.working_dir()));
  }
  process.user = spec.user().name();
  process.additional_groups.assign(spec.user().additional_groups().begin(),
                                   spec.user().additional_groups().end());
  return {};
}

Result<isolators::TmpfsMount> tmpfs_mount(const v1::Mount& mount, std::string_view field) {
  constexpr std::uint64_t kMinTmpfs = 4096;
  constexpr std::uint32_t kMaxMode = 07777;
  const v1::TmpfsMount& spec = mount.tmpfs();
  isolators::TmpfsMount out;
  out.target = mount.target();
  if (spec.has_size_bytes()) {
    if (spec.size_bytes() < kMinTmpfs) {
      return refused(field,
                     fmt::format("tmpfs size {} is below 4096 bytes", spec.size_bytes()),
                     "LIMIT_TOO_SMALL");
    }
    out.size = Bytes(spec.size_bytes());
  }
  if (spec.has_mode()) {
    if (spec.mode() > kMaxMode) return invalid(field, "tmpfs mode is above 07777");
    out.mode = spec.mode();
  }
  out.read_only = mount.read_only();
  out.no_exec = !spec.exec();
  return out;
}

Result<isolators::BindMount> bind_mount(const v1::Mount& mount,
                                        std::string_view field,
                                        const config::Config& config) {
  const std::filesystem::path source = mount.bind().source();
  if (!source.is_absolute()) {
    return invalid(field, fmt::format("source \"{}\" is not an absolute path", source.string()));
  }
  TRY(check_host_path(source, field, config));
  return isolators::BindMount{
      .source = source.string(),
      .target = mount.target(),
      .read_only = mount.read_only(),
      .recursive = mount.bind().has_recursive() ? mount.bind().recursive() : true};
}

// Which volume that is, and whether it can be, the isolator asks the volumes.
isolators::VolumeMount volume_mount(const v1::Mount& mount) {
  const v1::VolumeMount& volume = mount.volume();
  return {.name = volume.name(),
          .driver = volume.driver(),
          .options = {volume.options().begin(), volume.options().end()},
          .target = mount.target(),
          .read_only = mount.read_only()};
}

Result<> check_mounts(const v1::ContainerSpec& spec,
                      const config::Config& config,
                      ContainerConfig& out) {
  for (int i = 0; i < spec.mounts_size(); ++i) {
    const v1::Mount& mount = spec.mounts(i);
    const std::string field = fmt::format("spec.mounts[{}]", i);
    switch (mount.kind_case()) {
      case v1::Mount::kBind: {
        TRY_ASSIGN(isolators::BindMount bind, bind_mount(mount, field, config));
        out.mounts.emplace_back(std::move(bind));
        break;
      }
      case v1::Mount::kTmpfs: {
        TRY_ASSIGN(isolators::TmpfsMount tmpfs, tmpfs_mount(mount, field));
        out.mounts.emplace_back(std::move(tmpfs));
        break;
      }
      case v1::Mount::kVolume:
        out.mounts.emplace_back(volume_mount(mount));
        break;
      case v1::Mount::KIND_NOT_SET:
        return invalid(field, "none of bind, tmpfs and volume is set");
    }
  }
  return {};
}

// --- limits ---------------------------------------------------------------------------------

struct RlimitName {
  std::string_view name;
  int resource;
};
constexpr std::array kRlimitNames = {
    RlimitName{"as", RLIMIT_AS},
    RlimitName{"core", RLIMIT_CORE},
    RlimitName{"cpu", RLIMIT_CPU},
    RlimitName{"data", RLIMIT_DATA},
    RlimitName{"fsize", RLIMIT_FSIZE},
    RlimitName{"locks", RLIMIT_LOCKS},
    RlimitName{"memlock", RLIMIT_MEMLOCK},
    RlimitName{"msgqueue", RLIMIT_MSGQUEUE},
    RlimitName{"nice", RLIMIT_NICE},
    RlimitName{"nofile", RLIMIT_NOFILE},
    RlimitName{"nproc", RLIMIT_NPROC},
    RlimitName{"rss", RLIMIT_RSS},
    RlimitName{"rtprio", RLIMIT_RTPRIO},
    RlimitName{"rttime", RLIMIT_RTTIME},
    RlimitName{"sigpending", RLIMIT_SIGPENDING},
    RlimitName{"stack", RLIMIT_STACK},
};

Result<std::uint64_t> rlimit_value(const v1::RlimitValue& value, std::string_view field) {
  switch (value.limit_case()) {
    case v1::RlimitValue::kValue:
      return value.value();
    case v1::RlimitValue::kUnlimited:
      return static_cast<std::uint64_t>(RLIM_INFINITY);
    case v1::RlimitValue::LIMIT_NOT_SET:
      break;
  }
  return invalid(field, "neither value nor unlimited is set");
}

Result<> check_rlimits(const v1::ContainerSpec& spec, ContainerConfig& config) {
  for (const v1::Rlimit& limit : spec.rlimits()) {
    const std::string field = fmt::format("spec.rlimits \"{}\"", limit.name());
    const auto* const known = std::ranges::find(kRlimitNames, limit.name(), &RlimitName::name);
    if (known == kRlimitNames.end()) return invalid(field, "is no resource of setrlimit(2)");
    const auto same = [known](const isolators::Rlimit& other) {
      return other.resource == known->resource;
    };
    if (std::ranges::any_of(config.rlimits, same)) return invalid(field, "appears twice");
    isolators::Rlimit out{.resource = known->resource};
    TRY_ASSIGN(out.soft, rlimit_value(limit.soft(), field + ".soft"));
    TRY_ASSIGN(out.hard, rlimit_value(limit.hard(), field + ".hard"));
    if (out.soft > out.hard) return invalid(field, "the soft limit is above the hard one");
    config.rlimits.push_back(out);
  }
  return {};
}

Result<std::uint64_t> at_least_one(std::uint64_t value, std::string_view field) {
  if (value > 0) return value;
  return refused(field, "0 is no limit; say unlimited for none", "LIMIT_TOO_SMALL");
}

Result<> check_requests(const v1::ResourceRequests& requests, Resources& out) {
  if (requests.has_millicpu()) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(requests.millicpu(), "resources.requests.millicpu"));
    out.cpu_request = MilliCpu(value);
  }
  if (requests.has_memory_bytes()) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(requests.memory_bytes(), "resources.requests.memory_bytes"));
    out.memory_request = Bytes(value);
  }
  return {};
}

Result<> check_cpu_and_memory(const v1::ResourceLimits& limits, Resources& out) {
  if (limits.cpu().limit_case() == v1::CpuLimit::kMillicpu) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.cpu().millicpu(), "resources.limits.cpu"));
    out.cpu_limit = MilliCpu(value);
  } else if (limits.cpu().has_unlimited()) {
    out.cpu_limit.reset();
  }
  if (limits.memory().limit_case() == v1::MemoryLimit::kBytes) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.memory().bytes(), "resources.limits.memory"));
    out.memory_limit = Bytes(value);
  } else if (limits.memory().has_unlimited()) {
    out.memory_limit.reset();
  }
  return {};
}

Result<> check_swap_and_pids(const v1::ResourceLimits& limits, Resources& out) {
  const v1::SwapLimit& swap = limits.swap();
  if ((swap.has_none() || swap.limit_case() == v1::SwapLimit::kBytes) && !out.memory_limit) {
    return invalid("resources.limits.swap", "needs a memory limit");
  }
  // The default: none beside a memory limit, unlimited without one.
  if (out.memory_limit) out.swap_limit = Bytes(0);
  if (swap.has_unlimited()) out.swap_limit.reset();
  if (swap.limit_case() == v1::SwapLimit::kBytes) {
    TRY_ASSIGN(const std::uint64_t value, at_least_one(swap.bytes(), "resources.limits.swap"));
    out.swap_limit = Bytes(value);
  }
  if (limits.pids().limit_case() == v1::PidsLimit::kCount) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.pids().count(), "resources.limits.pids"));
    out.pids_limit = value;
  } else if (limits.pids().has_unlimited()) {
    out.pids_limit.reset();
  }
  return {};
}

// --- the rest -------------------------------------------------------------------------------

// Fields of the API that nothing here acts on. Being in the .proto they are no unknown fields, and
// would be skipped silently: whoever builds one takes it off.
constexpr auto kRefusedFields = std::to_array<std::string_view>({
    "skerry.v1.PodSpec.cgroup_parent",
});

// What only an explicit pod has: a container's own spec says it otherwise.
Result<> refuse_explicit_only(const v1::PodSpec& pod) {
  const auto refuse = [](std::string_view field) {
    return refused(fmt::format("spec.pod.{}", field),
                   "is for pods made by PodService; this one is the container's own",
                   "POD_FIELDS");
  };
  if (pod.has_shared()) return refuse("shared");
  if (pod.has_resources()) return refuse("resources");
  if (!pod.log_directory().empty()) return refuse("log_directory");
  if (!pod.labels().empty()) return refuse("labels");
  if (!pod.annotations().empty()) return refuse("annotations");
  if (pod.stop_on_failure()) return refuse("stop_on_failure");
  return {};
}

// What a pod shares is said once, in its own spec.
Result<> check_join(const v1::ContainerSpec& spec, CheckedSpec& out) {
  if (spec.has_pod()) {
    return refused(fmt::format("spec.{}", first_field(spec.pod(), "pod")),
                   "is said by the pod that the container joins",
                   "POD_FIELDS");
  }
  if (spec.join_pod().key_case() == v1::PodRef::KEY_NOT_SET) {
    return invalid("spec.join_pod", "none of id, name and uid is set");
  }
  out.join_pod = spec.join_pod();
  out.config.network = isolators::NetworkMode::kPod;
  return {};
}

Result<> check_pod(const v1::PodSpec& pod, const config::Config& limits, ContainerConfig& config) {
  TRY(refuse_explicit_only(pod));
  config.hostname = pod.hostname();
  if (!is_hostname(pod.hostname())) {
    return invalid("spec.pod.hostname",
                   fmt::format("\"{}\" is not 1–64 characters of [A-Za-z0-9.-]", pod.hostname()));
  }
  TRY_ASSIGN(PodNetwork network, check_pod_network(pod, "spec.pod", limits.network));
  if (network.mode == isolators::NetworkMode::kHost && !pod.hostname().empty()) {
    return invalid("spec.pod.hostname", "the host's network has the host's name");
  }
  config.network = network.mode;
  config.network_settings = std::move(network.settings);
  config.sysctls.insert(pod.sysctls().begin(), pod.sysctls().end());
  return {};
}

// The profile's text goes on: what comes of it depends on capabilities and the kernel.
Result<> check_seccomp(const v1::Security& security, ContainerConfig& config) {
  if (security.has_seccomp_json()) {
    const auto profile = isolators::seccomp::parse_profile(security.seccomp_json());
    if (!profile) return Error(profile.error()).wrap("spec.security.seccomp_json");
    config.seccomp_json = security.seccomp_json();
    return {};
  }
  switch (security.seccomp()) {
    case v1::SECCOMP_PROFILE_UNSPECIFIED:
    case v1::SECCOMP_PROFILE_DEFAULT:
      return {};
    case v1::SECCOMP_PROFILE_UNCONFINED:
      config.seccomp = isolators::SeccompMode::kUnconfined;
      return {};
    default:
      return invalid("spec.security.seccomp",
                     fmt::format("{} is no profile", int{security.seccomp()}));
  }
}

Result<> check_security(const v1::Security& security, ContainerConfig& config) {
  const v1::Capabilities& capabilities = security.capabilities();
  config.capabilities_add.assign(capabilities.add().begin(), capabilities.add().end());
  config.capabilities_drop.assign(capabilities.drop().begin(), capabilities.drop().end());
  config.no_new_privs = security.no_new_privs();
  TRY(check_seccomp(security, config));
  switch (security.system_paths()) {
    case v1::SYSTEM_PATHS_UNSPECIFIED:
    case v1::SYSTEM_PATHS_PROTECTED:
      break;
    case v1::SYSTEM_PATHS_UNCONFINED:
      config.system_paths_unconfined = true;
      break;
    default:
      return invalid("spec.security.system_paths",
                     fmt::format("{} is no value", int{security.system_paths()}));
  }
  return {};
}

Result<> check_log_path(const v1::LogOptions& options,
                        const config::Config& config,
                        LogSettings& out) {
  const std::filesystem::path path = std::filesystem::path(options.path()).lexically_normal();
  if (!path.is_absolute() || !path.has_filename()) {
    return invalid("spec.log.path", fmt::format("\"{}\" is no absolute path", options.path()));
  }
  TRY(check_log_place("spec.log.path", path, config));
  out.directory = path.parent_path().string();
  out.name = path.filename().string();
  return {};
}

Result<> check_log(const v1::LogOptions& options, const config::Config& config, LogSettings& out) {
  out.max_bytes = config.log.max_size.value();
  out.max_files = config.log.max_files;
  out.overflow = config.log.mode == config::LogMode::kDrop ? plan::LogOverflow::kDrop
                                                           : plan::LogOverflow::kBlock;
  if (!options.path().empty()) TRY(check_log_path(options, config, out));
  if (options.has_max_size_bytes()) {
    if (options.max_size_bytes() < kMinLogBytes) {
      return refused("spec.log.max_size_bytes", "is below 64 KiB", "LIMIT_TOO_SMALL");
    }
    out.max_bytes = options.max_size_bytes();
  }
  if (options.has_max_files()) {
    if (options.max_files() < 1 || options.max_files() > kMaxLogFiles) {
      return invalid("spec.log.max_files", "is not between 1 and 100");
    }
    out.max_files = options.max_files();
  }
  switch (options.overflow()) {
    case v1::LOG_OVERFLOW_UNSPECIFIED:
      break;
    case v1::LOG_OVERFLOW_BLOCK:
      out.overflow = plan::LogOverflow::kBlock;
      break;
    case v1::LOG_OVERFLOW_DROP:
      out.overflow = plan::LogOverflow::kDrop;
      break;
    default:
      return invalid("spec.log.overflow", fmt::format("{} is no value", int{options.overflow()}));
  }
  return {};
}

}  // namespace

Result<> refuse_unknown_fields(const google::protobuf::Message& message, const std::string& path) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown = reflection->GetUnknownFields(message);
  if (!unknown.empty()) {
    return refused(fmt::format("{}.{}", path, unknown.field(0).number()),
                   "this daemon does not know the field with this number",
                   "FIELD_UNKNOWN");
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const std::string name = fmt::format("{}.{}", path, field->name());
    if (std::ranges::find(kRefusedFields, field->full_name()) != kRefusedFields.end()) {
      return refused(name, "this daemon does not support it", "FIELD_UNKNOWN");
    }
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE ||
        field->is_map()) {
      continue;
    }
    if (!field->is_repeated()) {
      TRY(refuse_unknown_fields(reflection->GetMessage(message, field), name));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      TRY(refuse_unknown_fields(reflection->GetRepeatedMessage(message, field, i),
                                fmt::format("{}[{}]", name, i)));
    }
  }
  return {};
}

Result<Resources> check_resources(const v1::Resources& resources, const config::Config& config) {
  Resources out;
  out.cpu_limit = config.defaults.cpus;
  out.memory_limit = config.defaults.memory;
  out.pids_limit = config.defaults.pids.value_or(kDefaultPids);
  TRY(check_requests(resources.requests(), out));
  TRY(check_cpu_and_memory(resources.limits(), out));
  TRY(check_swap_and_pids(resources.limits(), out));
  return out;
}

Result<CheckedSpec> check_spec(const v1::ContainerSpec& spec, const config::Config& config) {
  TRY(refuse_unknown_fields(spec, "spec"));
  TRY(check_labels(spec.labels(), "spec.labels"));
  TRY(check_annotations(spec.annotations(), "spec.annotations"));
  CheckedSpec out;
  TRY(check_root(spec.root(), config, out.config));
  TRY(check_process(spec, out.config));
  TRY(check_mounts(spec, config, out.config));
  TRY(check_rlimits(spec, out.config));
  if (spec.has_join_pod()) {
    TRY(check_join(spec, out));
  } else {
    TRY(check_pod(spec.pod(), config, out.config));
  }
  TRY(check_security(spec.security(), out.config));
  TRY(check_log(spec.log(), config, out.log));
  TRY(check_lifetime(spec, out));
  TRY_ASSIGN(out.config.resources, check_resources(spec.resources(), config));
  out.config.oom_score_adj = spec.oom_score_adj();
  out.open_stdin = spec.stdin();
  const v1::Terminal* terminal = spec.has_terminal() ? &spec.terminal() : nullptr;
  TRY_ASSIGN(out.terminal, check_terminal(terminal, out.config.process.environment));
  return out;
}

v1::Resources effective_resources(const Resources& resources) {
  v1::Resources out;
  if (resources.cpu_request) out.mutable_requests()->set_millicpu(resources.cpu_request->value());
  if (resources.memory_request) {
    out.mutable_requests()->set_memory_bytes(resources.memory_request->value());
  }
  v1::ResourceLimits& limits = *out.mutable_limits();
  if (resources.cpu_limit) {
    limits.mutable_cpu()->set_millicpu(resources.cpu_limit->value());
  } else {
    limits.mutable_cpu()->mutable_unlimited();
  }
  if (resources.memory_limit) {
    limits.mutable_memory()->set_bytes(resources.memory_limit->value());
  } else {
    limits.mutable_memory()->mutable_unlimited();
  }
  if (!resources.swap_limit) {
    limits.mutable_swap()->mutable_unlimited();
  } else if (resources.swap_limit->value() == 0) {
    limits.mutable_swap()->mutable_none();
  } else {
    limits.mutable_swap()->set_bytes(resources.swap_limit->value());
  }
  if (resources.pids_limit) {
    limits.mutable_pids()->set_count(*resources.pids_limit);
  } else {
    limits.mutable_pids()->mutable_unlimited();
  }
  return out;
}

}  // namespace skerry::agent
