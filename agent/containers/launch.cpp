#include "agent/containers/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "agent/containers/shim_link.h"
#include "logs/exit_record.h"
#include "os/path.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::agent {
namespace {

using launcher::ShimMessage;
using operations::Debt;
using operations::Step;
using runtime::CancelToken;
using namespace std::chrono_literals;

constexpr auto kKillDeadline = 10s;

using Job = std::shared_ptr<LaunchJob>;

Result<> prepare_directories(LaunchJob& job, const Directories& directories) {
  const std::string& uid = job.config.uid.str();
  ContainerFiles files;
  if (job.standby) {
    files = std::move(job.standby->files);
  } else {
    TRY_ASSIGN(files, make_container_files(directories, job.config.uid, job.attempt));
  }
  if (!job.log.directory.empty()) {
    auto directory = os::open_dir(job.log.directory);
    if (!directory) return std::move(directory).error().wrap("log directory");
    files.log = std::move(*directory);
  }

  plan::LaunchPlan& plan = job.builder.plan();
  plan.uid = uid;
  plan.hold = job.hold;
  plan.shim.open_stdin = job.open_stdin;
  plan.shim.terminal = job.terminal;
  plan.shim.listener = job.builder.add_fd(std::move(files.listener));
  plan.shim.exit_record = job.builder.add_fd(std::move(files.exit_record));
  plan.shim.log.directory = job.builder.add_fd(std::move(files.log));
  plan.shim.log.name = job.log.name;
  plan.shim.log.max_bytes = job.log.max_bytes;
  plan.shim.log.max_files = job.log.max_files;
  plan.shim.log.overflow = job.log.overflow;
  return {};
}

// What a shim that is yet to be forked is told by, and where its child goes.
Result<> plan_new_shim(LaunchJob& job) {
  TRY_ASSIGN(auto pair, os::make_socket_pair());
  job.control = std::move(pair.first);
  job.builder.plan().shim.control = job.builder.add_fd(std::move(pair.second));
  return add_join(job.builder, *job.cgroup);
}

void take_over(LaunchJob& job, Standby& standby) {
  job.cgroup = std::move(standby.cgroup);
  job.control = std::move(standby.control);
  job.shim_pidfd = std::move(standby.shim_pidfd);
  job.shim_pid = standby.shim_pid;
  job.process = std::move(standby.process);
  job.ready = std::move(standby.mounts);
  job.from_standby = true;
}

Result<> create_cgroup(LaunchJob& job, os::CgroupManager& cgroups) {
  if (job.standby) {
    take_over(job, *job.standby);
    job.standby.reset();
    return {};
  }
  TRY_ASSIGN(job.cgroup, cgroups.create(job.cgroup_path));
  return plan_new_shim(job);
}

// Two small files on a tmpfs: with them a daemon whose state.db is gone adopts the container, and
// `skerry debug plan` shows what was done.
Result<> write_run_files(LaunchJob& job, const Directories& directories) {
  TRY_ASSIGN(const UniqueFd run,
             os::open_dir_at(directories.run_containers.get(), job.config.uid.str()));
  job.built = job.builder.build();
  TRY_ASSIGN(const std::vector<std::uint8_t> plan, plan::encode(job.built.plan));
  const auto write = [&run](const char* name, std::string_view bytes) -> Result<> {
    const UniqueFd file(
        ::openat(run.get(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return Error::from_errno(errno, std::string("write \"") + name + "\"");
    return os::write_all(file.get(), bytes);
  };
  TRY(write("plan", {reinterpret_cast<const char*>(plan.data()), plan.size()}));
  return write("record", job.record);
}

Result<> undo_shim(LaunchJob& job, os::CgroupManager& cgroups) {
  job.builder = {};
  job.built = {};
  if (job.control) static_cast<void>(send_to_shim(job.control.get(), ShimMessage::kAbort));
  // The child dies with its shim; the cgroup catches what it may have forked meanwhile.
  if (job.shim_pidfd) TRY(os::send_signal(job.shim_pidfd.get(), SIGKILL));
  TRY(kill_and_wait(cgroups, job.cgroup_path, kKillDeadline));
  job.control.reset();
  return {};
}

Result<> undo_cgroup(LaunchJob& job, os::CgroupManager& cgroups) {
  if (job.from_standby) TRY(undo_shim(job, cgroups));
  job.cgroup.reset();
  return cgroups.remove(job.cgroup_path);
}

// A standby process that had died is replaced by one made for this launch.
Result<> start(LaunchJob& job, LauncherClient& launcher, CancelToken& cancel) {
  if (!job.from_standby) return start_shim(job, launcher, cancel);
  auto filled = fill_standby(job, cancel);
  if (filled || filled.error().reason() != kStandbyGone) return filled;
  job.shim_pidfd.reset();
  job.process = {};
  job.builder = isolators::PlanBuilder(std::move(job.built));
  TRY(plan_new_shim(job));
  job.built = job.builder.build();
  return start_shim(job, launcher, cancel);
}

Result<> remove_run_directory(const LaunchJob& job, const Directories& directories) {
  return os::remove_tree(directories.run_containers.get(), job.config.uid.str());
}

Step isolator_step(const Job& job, Host& host, isolators::Isolator& isolator) {
  Step step;
  step.name = "launch." + std::string(isolator.name());
  auto left_behind = std::make_shared<std::optional<isolators::Checkpoint>>();
  step.run = [job, &host, &isolator, left_behind](CancelToken& cancel) -> Result<> {
    const isolators::PrepareContext context{.config = job->config,
                                            .host = host.facts,
                                            .cgroup = *job->cgroup,
                                            .plan = job->builder,
                                            .stop = cancel.stop_token(),
                                            .left_behind = left_behind.get(),
                                            .ready = &job->ready};
    auto checkpoint = isolator.prepare(context);
    if (*left_behind) job->checkpoints.push_back(**left_behind);
    if (!checkpoint) return std::move(checkpoint).error();
    checkpoint->isolator = isolator.name();
    job->checkpoints.push_back(std::move(*checkpoint));
    return {};
  };
  const auto own = [job, &isolator]() -> isolators::Checkpoint {
    for (const isolators::Checkpoint& checkpoint : job->checkpoints) {
      if (checkpoint.isolator == isolator.name()) return checkpoint;
    }
    return {};
  };
  step.undo = [job, &isolator, own, left_behind]() -> Result<> {
    // A file system that is open somewhere is busy, and what made it may wait for its end.
    job->builder = {};
    job->built = {};
    // It tried to take that back already; once more at once would only wait as long again.
    if (*left_behind) return Error(Code::kAborted, "its own undo failed");
    const isolators::Checkpoint checkpoint = own();
    if (checkpoint.isolator.empty()) return {};
    return isolator.cleanup(job->config.uid, checkpoint);
  };
  step.undo_after_failure = true;
  step.debt = [job, own]() -> std::optional<Debt> { return isolator_debt(job->config.uid, own()); };
  return step;
}

Debt cgroup_debt(const LaunchJob& job) {
  return {.kind = std::string(kDebtCgroup),
          .key = job.cgroup_path,
          .object = job.config.uid.str(),
          .record = {}};
}

Debt run_debt(const LaunchJob& job) {
  const std::string& uid = job.config.uid.str();
  return {.kind = std::string(kDebtRun), .key = uid, .object = uid, .record = {}};
}

}  // namespace

Result<> kill_and_wait(os::CgroupManager& cgroups,
                       const os::CgroupPath& path,
                       std::chrono::milliseconds deadline) {
  auto group = cgroups.open(path);
  if (!group) {
    if (group.error().code() == Code::kNotFound) return {};
    return std::move(group).error();
  }
  TRY((*group)->kill());
  return (*group)->wait_empty(deadline);
}

Result<> add_join(isolators::PlanBuilder& builder, const os::Cgroup& cgroup) {
  TRY_ASSIGN(os::CgroupJoin join, cgroup.join());
  plan::Join& planned = builder.plan().join;
  if (join.clone_into) planned.clone_into = builder.add_fd(std::move(join.clone_into));
  for (UniqueFd& tasks : join.tasks) planned.tasks.push_back(builder.add_fd(std::move(tasks)));
  return {};
}

void declare_launch_steps(operations::FailpointRegistry& failpoints,
                          const isolators::IsolatorChain& isolators) {
  failpoints.declare_step("launch.directories");
  failpoints.declare_step("launch.cgroup");
  for (const auto& isolator : isolators) {
    failpoints.declare_step("launch." + std::string(isolator->name()));
  }
  failpoints.declare_lasting_step("launch.record");
  failpoints.declare_step("launch.shim");
}

std::vector<Step> launch_steps(const Job& job, Host& host) {
  std::vector<Step> steps;
  // The directories stay: a failed launch keeps its record, and what is in them, until removed.
  steps.push_back(Step{
      .name = "launch.directories",
      .run = [job, &host](CancelToken&) { return prepare_directories(*job, host.directories); },
      .undo = [job, &host] { return remove_run_directory(*job, host.directories); },
      .debt = [job]() -> std::optional<Debt> { return run_debt(*job); },
      .undo_after_failure = true});
  steps.push_back(
      Step{.name = "launch.cgroup",
           .run = [job, &host](CancelToken&) { return create_cgroup(*job, *host.cgroups); },
           .undo = [job, &host] { return undo_cgroup(*job, *host.cgroups); },
           .debt = [job]() -> std::optional<Debt> { return cgroup_debt(*job); },
           .undo_after_failure = true});
  for (const auto& isolator : host.isolators) steps.push_back(isolator_step(job, host, *isolator));
  steps.push_back(
      Step{.name = "launch.record",
           .run = [job, &host](CancelToken&) { return write_run_files(*job, host.directories); },
           .undo = {},
           .debt = {}});
  steps.push_back(Step{.name = "launch.shim",
                       .run =
                           [job, &host](CancelToken& cancel) {
                             auto result = start(*job, *host.launcher, cancel);
                             if (result) return result;
                             // A step undoes its own partial work.
                             auto undone = undo_shim(*job, *host.cgroups);
                             if (!undone) job->shim_pid = -1;
                             return result;
                           },
                       .undo = [job, &host] { return undo_shim(*job, *host.cgroups); },
                       .debt = [job]() -> std::optional<Debt> { return cgroup_debt(*job); }});
  return steps;
}

Debt isolator_debt(const Uid& uid,
                   const isolators::Checkpoint& checkpoint,
                   const std::string& why) {
  return {.kind = std::string(kDebtIsolator),
          .key = uid.str() + "/" + checkpoint.isolator,
          .object = uid.str(),
          .record = encode_isolator_debt(uid, checkpoint),
          .why = why};
}

std::vector<std::string> lanes_of(const isolators::IsolatorChain& isolators,
                                  std::span<const isolators::Checkpoint> checkpoints,
                                  const isolators::ContainerConfig* config) {
  std::vector<std::string> lanes;
  const auto add = [&lanes](const std::vector<std::string>& more) {
    lanes.insert(lanes.end(), more.begin(), more.end());
  };
  for (const auto& isolator : isolators) {
    const auto checkpoint =
        std::ranges::find(checkpoints, isolator->name(), &isolators::Checkpoint::isolator);
    if (checkpoint != checkpoints.end()) {
      add(isolator->foreign_code(*checkpoint));
    } else if (config != nullptr) {
      add(isolator->foreign_code(*config));
    }
  }
  return lanes;
}

std::string encode_isolator_debt(const Uid& uid, const isolators::Checkpoint& checkpoint) {
  nlohmann::json json;
  json["uid"] = uid.str();
  json["isolator"] = checkpoint.isolator;
  json["version"] = checkpoint.version;
  json["bytes"] = nlohmann::json::binary({checkpoint.bytes.begin(), checkpoint.bytes.end()});
  const std::vector<std::uint8_t> bytes = nlohmann::json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

Result<std::pair<Uid, isolators::Checkpoint>> decode_isolator_debt(std::string_view record) {
  const Error broken(Code::kDataLoss, "the record of an isolator debt does not decode");
  const auto json = nlohmann::json::from_cbor(record, true, false);
  if (!json.is_object() || !json.contains("uid") || !json["uid"].is_string() ||
      !json.contains("isolator") || !json["isolator"].is_string() || !json.contains("version") ||
      !json["version"].is_number_unsigned() || !json.contains("bytes") ||
      !json["bytes"].is_binary()) {
    return broken;
  }
  TRY_ASSIGN(Uid uid, Uid::parse(json["uid"].get<std::string>()));
  const auto& bytes = json["bytes"].get_binary();
  return std::pair(std::move(uid),
                   isolators::Checkpoint{.isolator = json["isolator"].get<std::string>(),
                                         .version = json["version"].get<std::uint32_t>(),
                                         .bytes = {bytes.begin(), bytes.end()}});
}

}  // namespace skerry::agent
