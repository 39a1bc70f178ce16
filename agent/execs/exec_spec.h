// From the public ExecSpec and the container it is to run in to the values the daemon works with.
// Pure: looks at nothing but its arguments.
#pragma once

#include "agent/containers/spec.h"
#include "skerry/v1/exec_service.pb.h"

namespace skerry::agent {

/// A spec that was checked; what is relative to the container is added by to_exec_config().
struct CheckedExec {
  skerry::v1::ExecSpec spec;
  plan::Terminal terminal;
};

/// Errors: INVALID_ARGUMENT, reasons FIELD_UNKNOWN, FIELD_INVALID, COMMAND_MISSING, ENV_INVALID.
/// Thread: any.
Result<CheckedExec> check_exec_spec(const skerry::v1::ExecSpec& spec);
/// The same for Run, which also refuses `terminal`, `stdin`, `on_disconnect` and `output`.
Result<CheckedExec> check_run_spec(const skerry::v1::ExecSpec& spec);

/// The container's config with the process, capabilities and no_new_privs of the exec.
/// Errors: INVALID_ARGUMENT, reason NO_NEW_PRIVS, when the exec wants them back.
Result<isolators::ContainerConfig> to_exec_config(const isolators::ContainerConfig& container,
                                                  const CheckedExec& exec);

}  // namespace skerry::agent
