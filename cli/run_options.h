// The options of run and create, and the container they describe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "cli/parse/network.h"
#include "cli/parse/words.h"
#include "cli/terminal/detach_keys.h"
#include "skerry/v1/container_spec.pb.h"

namespace skerry::cli {

/// As typed; an empty text is an option that was not given.
struct RunOptions {
  std::string id;
  std::string name;
  std::vector<std::string> env;
  std::vector<std::string> env_files;
  std::vector<std::string> volumes;
  std::vector<std::string> tmpfs;
  std::vector<std::string> mounts;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security;
  std::vector<std::string> ulimits;
  std::vector<std::string> log_options;
  std::vector<std::string> groups;
  std::string working_dir;
  std::string user;
  /// What its pod of one is told; nothing of it with `pod`.
  PodOptions pod_of_one;
  std::string pod;
  std::string volume_driver;
  std::string detach_keys{kDefaultDetachKeys};
  std::string memory;
  std::string memory_swap;
  std::string memory_reservation;
  std::string cpus;
  std::string cpu_request;
  std::string pids_limit;
  std::string stop_signal;
  std::string stop_timeout;
  std::string ttl;
  std::optional<std::string> entrypoint;
  std::optional<std::int32_t> oom_score_adj;
  bool detach = false;
  bool interactive = false;
  bool terminal = false;
  bool remove = false;
  bool read_only = false;
  bool rootfs = false;
  bool durable = false;
  bool quiet = false;
};

/// Registers them. IMAGE, COMMAND and what follows are left to app.remaining(), untouched.
void add_run_options(CLI::App& app, RunOptions& options);

/// The options about what a pod shares, which pod create has as well.
void add_pod_options(CLI::App& app, PodOptions& options);

/// The resource options, which update has as well.
void add_resource_options(CLI::App& app, RunOptions& options);

/// What the caller's surroundings add to a spec.
struct Surroundings {
  std::string working_directory;
  Lookup environment;
};

/// The spec for `options` and the words after them: IMAGE [COMMAND [ARG…]]. Reads --env-file and
/// --security-opt seccomp=FILE. The pod of --pod is left to the caller, who can ask for it.
/// Errors: INVALID_ARGUMENT naming the option; for Docker options that have no meaning here, what
/// to use instead. Blocks: kernel, for reading the files.
Result<v1::ContainerSpec> make_spec(const RunOptions& options,
                                    const std::vector<std::string>& words,
                                    const Surroundings& surroundings);

/// Requests and limits, as far as given. Errors: INVALID_ARGUMENT naming the option.
Result<v1::Resources> make_resources(const RunOptions& options);

}  // namespace skerry::cli
