// ListProcesses: the reactor says which, a worker reads /proc.

#include <algorithm>

#include "agent/api/container_service.h"
#include "agent/api/unary_call.h"
#include "agent/containers/record.h"
#include "agent/execs/exec_launch.h"
#include "agent/processes/process_table.h"

namespace skerry::agent {
namespace {

/// What a worker needs of the container.
struct Subject {
  std::string uid;
  std::shared_ptr<os::Cgroup> cgroup;
  os::ProcessRef process;
};

Result<Subject> choose(ContainerManager& containers, const skerry::v1::ContainerRef& ref) {
  TRY_ASSIGN(const Container* container, containers.find(ref));
  if (!is_live(container->state()) || !container->cgroup || !container->process.pidfd) {
    return wrong_state(*container);
  }
  Subject subject{.uid = container->uid.str(), .cgroup = container->cgroup, .process = {}};
  TRY_ASSIGN(subject.process,
             os::open_process(container->process.pid, container->process.start_ticks));
  return subject;
}

WallTime boot_time(const Clock& clock) {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return clock.wall() - std::chrono::seconds(since_boot.tv_sec) -
         std::chrono::nanoseconds(since_boot.tv_nsec);
}

void fill(const ProcessEntry& entry, WallTime boot, skerry::v1::Process& out) {
  out.set_pid(entry.pid);
  out.set_parent_pid(entry.parent_pid);
  out.set_container_pid(entry.inner_pid);
  out.set_user_id(entry.user_id);
  out.set_state(std::string(1, entry.state));
  out.set_threads(entry.threads);
  out.set_cpu_ns(static_cast<std::uint64_t>(entry.cpu.count()));
  out.set_resident_bytes(entry.resident_bytes);
  *out.mutable_started_at() = to_timestamp(boot + entry.since_boot);
  out.set_command_line(entry.command_line);
  out.set_exec_uid(entry.exec_uid);
}

// Thread: worker.
Result<skerry::v1::ListProcessesResponse> read(const Subject& subject, const Clock& clock) {
  TRY_ASSIGN(const std::vector<pid_t> pids, subject.cgroup->processes());
  std::vector<ProcessEntry> entries = read_processes(pids, subject.uid);
  const auto first = static_cast<std::uint32_t>(subject.process.pid);
  std::ranges::stable_partition(entries,
                                [first](const ProcessEntry& entry) { return entry.pid == first; });
  std::map<std::uint32_t, std::string> names;
  const auto root = open_process_root(subject.process.pid, subject.process.pidfd.get());
  if (root) names = user_names(root->get());
  skerry::v1::ListProcessesResponse response;
  *response.mutable_time() = to_timestamp(clock.wall());
  const WallTime boot = boot_time(clock);
  for (const ProcessEntry& entry : entries) {
    skerry::v1::Process& out = *response.add_processes();
    fill(entry, boot, out);
    const auto name = names.find(entry.user_id);
    if (name != names.end()) out.set_user(name->second);
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* ContainerServiceImpl::ListProcesses(
    grpc::CallbackServerContext*,
    const skerry::v1::ListProcessesRequest* request,
    skerry::v1::ListProcessesResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, ref = request->container(), response, pending = call->pending()] {
    auto subject = choose(context_.containers, ref);
    if (!subject) return pending->finish(to_status(subject.error()), [] {});
    auto work = [this, response, pending, subject = std::move(*subject)] {
      auto listed = read(subject, context_.clock);
      if (!listed) return pending->finish(to_status(listed.error()), [] {});
      pending->finish(grpc::Status::OK, [&] { response->Swap(&*listed); });
    };
    auto submitted = context_.workers.submit(std::move(work));
    if (!submitted) pending->finish(to_status(submitted.error()), [] {});
  });
  return call;
}

}  // namespace skerry::agent
