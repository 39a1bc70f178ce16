// PodService.GetStats: the reactor says which, a worker reads the cgroups and the namespaces.

#include <algorithm>

#include "agent/api/pod_service.h"
#include "agent/api/stats_answers.h"
#include "agent/api/unary_call.h"
#include "agent/containers/record.h"

namespace skerry::agent {
namespace {

using google::protobuf::RepeatedPtrField;
using skerry::v1::PodStats;
using namespace std::chrono_literals;

constexpr auto kLauncherDeadline = 5s;

struct Member {
  ViewPtr view;
  std::shared_ptr<os::Cgroup> cgroup;
};

struct Subject {
  PodViewPtr view;
  std::shared_ptr<os::Cgroup> cgroup;
  std::vector<Member> members;
};

Subject subject_of(const PodManager& manager, const Pod& pod) {
  Subject subject{.view = pod.view, .cgroup = pod.cgroup, .members = {}};
  for (const Container* container : manager.members(pod.uid)) {
    if (container->cgroup) subject.members.push_back({container->view, container->cgroup});
  }
  return subject;
}

// Thread: reactor.
Result<std::vector<Subject>> select(PodManager& manager,
                                    const skerry::v1::GetPodStatsRequest& request) {
  std::vector<Subject> subjects;
  for (const skerry::v1::PodRef& ref : request.pods()) {
    TRY_ASSIGN(const Pod* pod, manager.find(ref));
    if (pod->cgroup) subjects.push_back(subject_of(manager, *pod));
  }
  if (!request.pods().empty()) return subjects;
  for (const auto& [uid, pod] : manager.pods()) {
    if (!pod->cgroup) continue;
    if (request.has_tenant() && request.tenant() != pod->api().tenant()) continue;
    subjects.push_back(subject_of(manager, *pod));
  }
  std::ranges::sort(subjects, {}, [](const Subject& subject) { return subject.view->ordinal; });
  return subjects;
}

void add_interfaces(const Subject& subject, LauncherClient& launcher, PodStats& out) {
  const skerry::v1::Pod& pod = subject.view->pod;
  const auto uid = Uid::parse(pod.uid());
  if (pod.networks().empty() || !uid) return;
  const auto sandbox = launcher.get_sandbox(*uid, kLauncherDeadline);
  if (!sandbox || !sandbox->net) return;
  const auto interfaces = read_interfaces_of(sandbox->net.get());
  if (interfaces) fill_interfaces(*interfaces, pod.networks(), *out.mutable_interfaces());
}

// Thread: worker. What ends meanwhile is left out.
void read_all(const std::vector<Subject>& subjects,
              const Clock& clock,
              LauncherClient& launcher,
              RepeatedPtrField<PodStats>& out) {
  for (const Subject& subject : subjects) {
    const auto usage = subject.cgroup->usage();
    if (!usage) continue;
    const skerry::v1::Pod& pod = subject.view->pod;
    PodStats& stats = *out.Add();
    stats.set_tenant(pod.tenant());
    stats.set_id(pod.id());
    stats.set_name(pod.name());
    stats.set_uid(pod.uid());
    *stats.mutable_time() = to_timestamp(clock.wall());
    fill_usage(*usage, pod.effective_resources().limits(), stats);
    add_interfaces(subject, launcher, stats);
    for (const Member& member : subject.members) {
      const auto own = member.cgroup->usage();
      if (!own) continue;
      fill_stats(member.view->container, *own, clock.wall(), *stats.add_containers());
    }
  }
}

}  // namespace

grpc::ServerUnaryReactor* PodServiceImpl::GetStats(grpc::CallbackServerContext*,
                                                   const skerry::v1::GetPodStatsRequest* request,
                                                   skerry::v1::GetPodStatsResponse* response) {
  auto* call = new UnaryCall();
  context_.reactor.post([this, response, pending = call->pending(), wanted = *request] {
    auto subjects = select(context_.pods, wanted);
    if (!subjects) return pending->finish(to_status(subjects.error()), [] {});
    auto work = [this, response, pending, subjects = std::move(*subjects)] {
      RepeatedPtrField<PodStats> stats;
      read_all(subjects, context_.clock, *context_.host.launcher, stats);
      pending->finish(grpc::Status::OK, [&] { response->mutable_stats()->Swap(&stats); });
    };
    auto submitted = context_.workers.submit(std::move(work));
    if (!submitted) pending->finish(to_status(submitted.error()), [] {});
  });
  return call;
}

}  // namespace skerry::agent
