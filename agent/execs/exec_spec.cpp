#include "agent/execs/exec_spec.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace skerry::agent {
namespace {

using skerry::v1::ExecSpec;

Error invalid(std::string_view field, std::string_view why, std::string_view reason) {
  return Error(Code::kInvalidArgument, fmt::format("{}: {}", field, why)).with_reason(reason);
}

Error invalid(std::string_view field, std::string_view why) {
  return invalid(field, why, "FIELD_INVALID");
}

bool holds_zero(const std::string& text) { return text.find('\0') != std::string::npos; }

Result<> check_environment(const ExecSpec& spec) {
  std::set<std::string_view> names;
  for (const std::string& entry : spec.env()) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || holds_zero(entry)) {
      return invalid(
          "spec.env", fmt::format("\"{}\" is not NAME=VALUE", entry.substr(0, 64)), "ENV_INVALID");
    }
    if (!names.insert(std::string_view(entry).substr(0, equals)).second) {
      return invalid(
          "spec.env", fmt::format("\"{}\" appears twice", entry.substr(0, equals)), "ENV_INVALID");
    }
  }
  return {};
}

Result<> check_output(const ExecSpec& spec) {
  if (!skerry::v1::ExecOutput_IsValid(spec.output()))
    return invalid("spec.output", "no such value");
  if (!skerry::v1::OnDisconnect_IsValid(spec.on_disconnect())) {
    return invalid("spec.on_disconnect", "no such value");
  }
  if (spec.output() == skerry::v1::EXEC_OUTPUT_DISCARD && spec.has_terminal()) {
    return invalid("spec.output", "a terminal's output is not discarded");
  }
  return {};
}

// `from` loses what `names` names.
void take_out(std::vector<std::string>& from, const std::vector<std::string>& names) {
  std::erase_if(
      from, [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); });
}

bool names_all(const std::vector<std::string>& names) {
  return std::ranges::find(names, "ALL") != names.end();
}

// What the exec says is said after what the container said, and wins.
void merge_capabilities(const skerry::v1::Capabilities& spec, isolators::ContainerConfig& config) {
  const std::vector<std::string> add(spec.add().begin(), spec.add().end());
  const std::vector<std::string> drop(spec.drop().begin(), spec.drop().end());
  if (names_all(add) || names_all(drop)) {
    config.capabilities_add = add;
    config.capabilities_drop = drop;
    return;
  }
  take_out(config.capabilities_drop, add);
  take_out(config.capabilities_add, drop);
  config.capabilities_add.insert(config.capabilities_add.end(), add.begin(), add.end());
  config.capabilities_drop.insert(config.capabilities_drop.end(), drop.begin(), drop.end());
}

}  // namespace

Result<CheckedExec> check_exec_spec(const ExecSpec& spec) {
  TRY(refuse_unknown_fields(spec, "spec"));
  if (spec.args().empty() || spec.args(0).empty()) {
    return invalid("spec.args", "there is no command to run", "COMMAND_MISSING");
  }
  if (std::ranges::any_of(spec.args(), holds_zero)) {
    return invalid("spec.args", "an argument holds a zero byte");
  }
  TRY(check_environment(spec));
  if (!spec.working_dir().empty() &&
      (spec.working_dir().front() != '/' || holds_zero(spec.working_dir()))) {
    return invalid("spec.working_dir",
                   fmt::format("\"{}\" is not an absolute path", spec.working_dir()));
  }
  TRY(check_output(spec));
  CheckedExec out{.spec = spec, .terminal = {}};
  std::vector<std::string> environment;
  const v1::Terminal* terminal = spec.has_terminal() ? &spec.terminal() : nullptr;
  TRY_ASSIGN(out.terminal, check_terminal(terminal, environment));
  return out;
}

Result<CheckedExec> check_run_spec(const ExecSpec& spec) {
  if (spec.has_terminal()) return invalid("spec.terminal", "not with Run");
  if (spec.stdin()) return invalid("spec.stdin", "not with Run, whose input is in the request");
  if (spec.on_disconnect() != skerry::v1::ON_DISCONNECT_UNSPECIFIED) {
    return invalid("spec.on_disconnect", "not with Run, which ends with the call");
  }
  if (spec.output() != skerry::v1::EXEC_OUTPUT_UNSPECIFIED) {
    return invalid("spec.output", "not with Run, whose output is in the answer");
  }
  return check_exec_spec(spec);
}

Result<isolators::ContainerConfig> to_exec_config(const isolators::ContainerConfig& container,
                                                  const CheckedExec& exec) {
  const ExecSpec& spec = exec.spec;
  isolators::ContainerConfig config = container;
  isolators::Process& process = config.process;
  process.arguments.assign(spec.args().begin(), spec.args().end());
  process.environment.insert(process.environment.end(), spec.env().begin(), spec.env().end());
  if (spec.has_terminal()) {
    TRY(check_terminal(&spec.terminal(), process.environment));
  }
  if (!spec.working_dir().empty()) process.working_directory = spec.working_dir();
  if (spec.has_user()) {
    process.user = spec.user().name();
    process.additional_groups.assign(spec.user().additional_groups().begin(),
                                     spec.user().additional_groups().end());
  }
  merge_capabilities(spec.capabilities(), config);
  if (spec.has_no_new_privs()) {
    if (container.no_new_privs && !spec.no_new_privs()) {
      return invalid("spec.no_new_privs", "the container has it for good", "NO_NEW_PRIVS");
    }
    config.no_new_privs = spec.no_new_privs();
  }
  return config;
}

}  // namespace skerry::agent
