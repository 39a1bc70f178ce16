#include "agent/execs/exec_launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>

#include "agent/containers/container_files.h"
#include "agent/containers/launch.h"
#include "agent/containers/shim_link.h"
#include "os/path.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

using operations::Debt;
using operations::Step;
using runtime::CancelToken;
using namespace std::chrono_literals;

constexpr auto kKillDeadline = 10s;
// Whatever the container has: entering a namespace one is in already changes nothing.
constexpr std::uint64_t kEntered =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

using Job = std::shared_ptr<ExecJob>;

Result<UniqueFd> make_run_directory(const Directories& directories, const Uid& uid) {
  const int execs = directories.run_execs.get();
  if (::mkdirat(execs, uid.str().c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, "make directory \"" + uid.str() + "\"");
  }
  return os::open_dir_at(execs, uid.str());
}

Result<> prepare_directories(ExecJob& job, const Directories& directories) {
  TRY_ASSIGN(const UniqueFd run, make_run_directory(directories, job.uid));
  TRY_ASSIGN(ShimFiles files, make_shim_files(run.get(), run.get()));
  TRY_ASSIGN(auto pair, os::make_socket_pair());
  job.control = std::move(pair.first);
  plan::LaunchPlan& plan = job.builder.plan();
  plan.uid = job.uid.str();
  plan.hold = false;
  plan.shim.open_stdin = job.open_stdin;
  plan.shim.slow_reader = job.slow_reader;
  plan.shim.control = job.builder.add_fd(std::move(pair.second));
  plan.shim.listener = job.builder.add_fd(std::move(files.listener));
  plan.shim.exit_record = job.builder.add_fd(std::move(files.exit_record));
  return {};
}

Result<> create_cgroup(ExecJob& job, os::CgroupManager& cgroups) {
  TRY_ASSIGN(job.cgroup, cgroups.make_exec_leaf(job.container_cgroup, job.uid.str()));
  return add_join(job.builder, *job.cgroup);
}

Result<> make_plan(ExecJob& job, const isolators::IsolatorChain& isolators) {
  TRY_ASSIGN(const UniqueFd root,
             open_process_root(job.container_pid, job.container_process.get()));
  for (const auto& isolator : isolators) {
    TRY(isolator->prepare_exec({.config = job.config, .root = root.get(), .plan = job.builder}));
  }
  plan::LaunchPlan& plan = job.builder.plan();
  plan.enter.namespaces = kEntered;
  plan.enter.process = job.builder.add_fd(std::move(job.container_process));
  plan.shim.terminal = job.terminal;
  if (job.terminal.wanted) plan.shim.terminal.devpts = job.builder.add_fd(std::move(job.devpts));
  job.built = job.builder.build();
  return {};
}

Result<> undo_shim(ExecJob& job, os::CgroupManager& cgroups) {
  job.builder = {};
  job.built = {};
  if (job.control) {
    static_cast<void>(send_to_shim(job.control.get(), launcher::ShimMessage::kAbort));
  }
  // The child dies with its shim; the leaf catches what it may have forked meanwhile.
  if (job.shim_pidfd) TRY(os::send_signal(job.shim_pidfd.get(), SIGKILL));
  TRY(kill_and_wait(cgroups, exec_cgroup_path(job.container_cgroup, job.uid), kKillDeadline));
  job.control.reset();
  return {};
}

Debt cgroup_debt(const ExecJob& job) {
  return {.kind = std::string(kDebtCgroup),
          .key = exec_cgroup_path(job.container_cgroup, job.uid),
          .object = job.uid.str(),
          .record = {}};
}

Step directories_step(const Job& job, Host& host) {
  const auto undo = [job, &host] {
    return remove_exec_directory(host.directories, job->uid.str());
  };
  return Step{.name = "exec.directories",
              .run = [job, &host, undo](CancelToken&) -> Result<> {
                auto made = prepare_directories(*job, host.directories);
                if (!made) static_cast<void>(undo());
                return made;
              },
              .undo = undo,
              .debt = [job]() -> std::optional<Debt> {
                return Debt{.kind = std::string(kDebtExecRun),
                            .key = job->uid.str(),
                            .object = job->uid.str(),
                            .record = {}};
              }};
}

Step cgroup_step(const Job& job, Host& host) {
  const auto undo = [job, &host] {
    job->cgroup.reset();
    return host.cgroups->remove(exec_cgroup_path(job->container_cgroup, job->uid));
  };
  return Step{.name = "exec.cgroup",
              .run = [job, &host, undo](CancelToken&) -> Result<> {
                auto made = create_cgroup(*job, *host.cgroups);
                if (!made) static_cast<void>(undo());
                return made;
              },
              .undo = undo,
              .debt = [job]() -> std::optional<Debt> { return cgroup_debt(*job); }};
}

Step shim_step(const Job& job, Host& host) {
  return Step{.name = "exec.shim",
              .run = [job, &host](CancelToken& cancel) -> Result<> {
                auto started = start_shim(*job, *host.launcher, cancel);
                // A step undoes its own partial work.
                if (!started) static_cast<void>(undo_shim(*job, *host.cgroups));
                return started;
              },
              .undo = [job, &host] { return undo_shim(*job, *host.cgroups); },
              .debt = [job]() -> std::optional<Debt> { return cgroup_debt(*job); }};
}

}  // namespace

os::CgroupPath exec_cgroup_path(const os::CgroupPath& container, const Uid& exec) {
  return container + "/x-" + exec.str();
}

Result<UniqueFd> open_process_root(pid_t pid, int pidfd) {
  UniqueFd root(
      ::open(("/proc/" + std::to_string(pid) + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int open_errno = errno;
  // Alive after the open, so the number was its own while it was opened.
  TRY_ASSIGN(const bool alive, os::is_alive(pidfd));
  // One that is ending has no root any more before it is seen to have ended.
  if (!alive || (!root && (open_errno == ENOENT || open_errno == ESRCH))) {
    return Error(Code::kFailedPrecondition, "the container has ended").with_reason("STATE");
  }
  if (!root) return Error::from_errno(open_errno, "open the container's root");
  return root;
}

void declare_exec_steps(operations::FailpointRegistry& failpoints) {
  for (const char* name : {"exec.directories", "exec.cgroup", "exec.shim"}) {
    failpoints.declare_step(name);
  }
  for (const char* name : {"exec.plan", "exec.record"}) failpoints.declare_lasting_step(name);
}

std::vector<Step> exec_steps(const Job& job, Host& host) {
  std::vector<Step> steps;
  steps.push_back(directories_step(job, host));
  steps.push_back(cgroup_step(job, host));
  steps.push_back(
      Step{.name = "exec.plan",
           .run = [job, &host](CancelToken&) { return make_plan(*job, host.isolators); },
           .undo = {},
           .debt = {}});
  steps.push_back(Step{.name = "exec.record",
                       .run =
                           [job, &host](CancelToken&) {
                             return write_exec_record(host.directories, job->uid, job->record);
                           },
                       .undo = {},
                       .debt = {}});
  steps.push_back(shim_step(job, host));
  return steps;
}

Result<> write_exec_record(const Directories& directories, const Uid& uid, std::string_view bytes) {
  TRY_ASSIGN(const UniqueFd run, os::open_dir_at(directories.run_execs.get(), uid.str()));
  return os::write_file_atomic(run.get(), "record", bytes, 0600);
}

Result<std::optional<logs::ExitRecord>> read_exec_exit(const Directories& directories,
                                                       const Uid& uid) {
  TRY_ASSIGN(const UniqueFd run, os::open_dir_at(directories.run_execs.get(), uid.str()));
  TRY_ASSIGN(const UniqueFd file, os::open_beneath(run.get(), "exit", O_RDONLY));
  return logs::read_exit_record(file.get(), uid.str());
}

Result<> remove_exec_directory(const Directories& directories, const std::string& name) {
  const int execs = directories.run_execs.get();
  const auto run = os::open_dir_at(execs, name);
  auto socket = run ? os::connect_at(run->get(), "shim.sock") : Result<UniqueFd>(run.error());
  // One that has gone needs no word.
  if (socket) static_cast<void>(send_to_shim(socket->get(), launcher::ShimMessage::kAbort));
  return os::remove_tree(execs, name);
}

}  // namespace skerry::agent
