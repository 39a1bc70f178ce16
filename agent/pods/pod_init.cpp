#include "agent/pods/pod_init.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <thread>

#include "agent/containers/container_files.h"
#include "agent/containers/launch.h"
#include "agent/containers/shim_link.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

using isolators::Phase;
using isolators::PlanBuilder;
using namespace std::chrono_literals;

constexpr auto kKillDeadline = 10s;
constexpr auto kLauncherDeadline = 10s;
// As much as a container's own /dev/shm may take.
constexpr Bytes kSharedMemory{64ULL << 20U};
constexpr Bytes kEmptyRoot{4096};

Error gone(const Uid& uid) {
  return Error(Code::kFailedPrecondition, "the namespaces of the pod are gone")
      .with_reason("POD_STATE")
      .with_object("pod " + uid.str());
}

Result<> prepare_shim(PodJob& job, const Directories& directories) {
  TRY_ASSIGN(const UniqueFd run, os::open_dir_at(directories.run_pods.get(), job.uid.str()));
  TRY_ASSIGN(ShimFiles files, make_shim_files(run.get(), run.get()));
  TRY_ASSIGN(auto pair, os::make_socket_pair());
  job.control = std::move(pair.first);
  plan::LaunchPlan& plan = job.builder.plan();
  plan.uid = job.uid.str();
  plan.hold = false;
  plan.init = true;
  plan.shim.control = job.builder.add_fd(std::move(pair.second));
  plan.shim.listener = job.builder.add_fd(std::move(files.listener));
  plan.shim.exit_record = job.builder.add_fd(std::move(files.exit_record));
  return {};
}

Result<> join_cgroup(PodJob& job, os::CgroupManager& cgroups) {
  TRY_ASSIGN(const auto group, cgroups.create(init_cgroup(job.cgroup_path)));
  return add_join(job.builder, *group);
}

// A descriptor that stays the job's: it is lent to the launcher only.
Result<UniqueFd> copy_of(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error::from_errno(errno, "copy a descriptor");
  return copy;
}

// Its root is the pod's /dev/shm: there is nothing else to see, and containers get it from there.
Result<> plan_root(PodJob& job) {
  constexpr mode_t kSticky = 01777;
  TRY_ASSIGN(UniqueFd root,
             os::make_tmpfs({.size = job.spec.shares_ipc ? kSharedMemory : kEmptyRoot,
                             .mode = kSticky,
                             .flags = {.nosuid = true, .nodev = true, .noexec = true}}));
  PlanBuilder& plan = job.builder;
  plan.set_root(plan.add_fd(std::move(root)));
  plan.add(Phase::kRoot, plan::SetRoot{.fd = plan.root()});
  plan.add(Phase::kEnterRoot, plan::EnterRoot{});
  return {};
}

Result<> plan_namespaces(PodJob& job) {
  PlanBuilder& plan = job.builder;
  plan.add_namespaces(CLONE_NEWNS | CLONE_NEWPID);
  plan.plan().cgroup_namespace = true;
  const auto share = [&](const UniqueFd& fd, std::uint64_t kind) -> Result<> {
    if (!fd) {
      plan.add_namespaces(kind == CLONE_NEWNET ? 0 : kind);
      return {};
    }
    TRY_ASSIGN(UniqueFd copy, copy_of(fd));
    plan.add(Phase::kNamespaces,
             plan::JoinNamespace{.fd = plan.add_fd(std::move(copy)), .kind = kind});
    return {};
  };
  TRY(share(job.sandbox.net, CLONE_NEWNET));
  TRY(share(job.sandbox.ipc, CLONE_NEWIPC));
  TRY(share(job.sandbox.uts, CLONE_NEWUTS));
  plan.add(Phase::kPrivileges, plan::Capabilities{});
  plan.add(Phase::kPrivileges, plan::NoNewPrivs{});
  return {};
}

// A thread of its own: setns(2) into a mount namespace needs one that shares its directories with
// nobody, and that is never used for anything else again.
Result<UniqueFd> copy_root_mount(int init_pidfd) {
  Result<UniqueFd> mount = Error(Code::kInternal, "not done");
  std::thread opener([&] {
    if (::unshare(CLONE_FS) != 0) {
      mount = Error::from_errno(errno, "unshare directories");
      return;
    }
    if (::setns(init_pidfd, CLONE_NEWNS) != 0) {
      mount = Error::from_errno(errno, "enter the pod's mount namespace");
      return;
    }
    mount = os::clone_tree({.dir = AT_FDCWD, .path = "/"},
                           os::MountScope::kOne,
                           {.nosuid = true, .nodev = true, .noexec = true});
  });
  opener.join();
  return mount;
}

}  // namespace

Result<> start_pod_init(PodJob& job, Host& host, runtime::CancelToken& cancel) {
  if (!job.spec.needs_init()) return {};
  TRY(prepare_shim(job, host.directories));
  TRY(join_cgroup(job, *host.cgroups));
  TRY(plan_root(job));
  TRY(plan_namespaces(job));
  job.built = job.builder.build();
  return start_shim(job, *host.launcher, cancel);
}

Result<> end_pod_init(PodJob& job, os::CgroupManager& cgroups) {
  job.builder = {};
  job.built = {};
  if (!job.spec.needs_init()) return {};
  if (job.control) {
    static_cast<void>(send_to_shim(job.control.get(), launcher::ShimMessage::kAbort));
  }
  // It dies with its shim.
  if (job.shim_pidfd) TRY(os::send_signal(job.shim_pidfd.get(), SIGKILL));
  TRY(kill_and_wait(cgroups, init_cgroup(job.cgroup_path), kKillDeadline));
  job.control.reset();
  return {};
}

Result<isolators::PodNamespaces> PodNamespaceOpener::open(const isolators::JoinedPod& pod) {
  isolators::PodNamespaces out;
  if (pod.shares_ipc || pod.shares_pid) {
    // By its start time: the number alone may be somebody else's by now.
    auto init = os::open_process(pod.init_pid, pod.init_start_ticks);
    if (!init) return gone(pod.uid);
    out.init = std::move(init->pidfd);
  }
  TRY(open_sandbox(pod, out));
  if (pod.shares_ipc) {
    TRY_ASSIGN(out.shared_memory, copy_root_mount(out.init.get()));
  }
  return out;
}

// With the holder gone the init still has all of them: setns(2) takes its pidfd for any.
Result<> PodNamespaceOpener::open_sandbox(const isolators::JoinedPod& pod,
                                          isolators::PodNamespaces& out) {
  if (!pod.shares_net && !pod.shares_ipc && !pod.shares_uts) return {};
  auto sandbox = host_.launcher->get_sandbox(pod.uid, kLauncherDeadline);
  if (sandbox) {
    out.net = std::move(sandbox->net);
    out.ipc = std::move(sandbox->ipc);
    out.uts = std::move(sandbox->uts);
    return {};
  }
  if (sandbox.error().code() != Code::kNotFound) return std::move(sandbox).error();
  if (!out.init) return gone(pod.uid);
  const auto from_init = [&out](bool shared, UniqueFd& fd) -> Result<> {
    if (!shared) return {};
    TRY_ASSIGN(fd, copy_of(out.init));
    return {};
  };
  TRY(from_init(pod.shares_net, out.net));
  TRY(from_init(pod.shares_ipc, out.ipc));
  return from_init(pod.shares_uts, out.uts);
}

}  // namespace skerry::agent
