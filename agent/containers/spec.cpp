#include "agent/containers/spec.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/time_util.h>

#include "agent/containers/spec_parts.h"
#include "agent/containers/spec_sections.h"
#include "agent/networks/pod_network.h"
#include "base/limits.h"
#include "isolators/seccomp/json_profile.h"

namespace skerry::agent {
namespace {

using isolators::ContainerConfig;
using std::chrono::milliseconds;

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

// --- the process ----------------------------------------------------------------------------

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
    if (Bytes(options.max_size_bytes()) < kMinLogSize) {
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

}  // namespace skerry::agent
