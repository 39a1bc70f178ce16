// From the public ContainerSpec to the values the daemon works with. Pure: looks at nothing but its
// arguments, so that a request is refused before anything is recorded.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/containers/launch.h"
#include "base/result.h"
#include "isolators/container_config.h"
#include "os/host_facts.h"
#include "plan/plan.h"
#include "skerry/v1/container_spec.pb.h"
#include "skerry/v1/terminal.pb.h"

namespace skerry::agent {

/// A spec that was checked, with every default filled in. What depends on the uid (scratch
/// directory, default host name) and on the image (layers) is filled in at acceptance.
struct CheckedSpec {
  isolators::ContainerConfig config;
  /// The pod it joins; absent: a pod of one.
  std::optional<v1::PodRef> join_pod;
  LogSettings log;
  bool open_stdin = false;
  plan::Terminal terminal;
  int stop_signal = 15;
  std::chrono::milliseconds stop_grace{10'000};
  bool remove_on_exit = false;
  std::chrono::milliseconds ttl{0};
};

/// How large a terminal is, in characters.
struct TerminalSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
};
/// Errors: INVALID_ARGUMENT unless both are from 1 to 65535.
Result<TerminalSize> check_terminal_size(const v1::TerminalSize& size);
/// A terminal of that size, or 80 by 24; not wanted when `spec` is null. Adds TERM to `environment`
/// where it is missing. Errors: as above.
Result<plan::Terminal> check_terminal(const v1::Terminal* spec,
                                      std::vector<std::string>& environment);

/// Errors: INVALID_ARGUMENT naming the field, reasons FIELD_UNKNOWN, FIELD_INVALID,
/// LIMIT_TOO_SMALL, COMMAND_MISSING, ENV_INVALID, SECCOMP_PROFILE_INVALID … Blocks: never.
/// Thread: any.
Result<CheckedSpec> check_spec(const v1::ContainerSpec& spec, const config::Config& config);

/// Resources alone, for Update. Errors as above.
Result<isolators::Resources> check_resources(const v1::Resources& resources,
                                             const config::Config& config);

/// The limits in force, as the API says them.
v1::Resources effective_resources(const isolators::Resources& resources);

/// Refuses fields this version does not know, anywhere below `message`; `path` begins the name in
/// the error. A spec is done whole or refused, so what a newer client asks for is never skipped
/// silently.
Result<> refuse_unknown_fields(const google::protobuf::Message& message, const std::string& path);

}  // namespace skerry::agent
