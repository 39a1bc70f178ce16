// Containers that join a pod: what its spec says of them, in place of their own.

#include "agent/containers/manager.h"
#include "agent/networks/network_status.h"

namespace skerry::agent {
namespace {

bool says_cpu_limit(const skerry::v1::ContainerSpec& spec) {
  return spec.resources().limits().cpu().limit_case() != skerry::v1::CpuLimit::LIMIT_NOT_SET;
}

}  // namespace

// Cgroup v1 refuses a quota above the parent's: a default gives way, what was asked for is an error
// that says so, on every kind of host.
Result<> ContainerManager::fit_into_pod(const skerry::v1::ContainerSpec& spec,
                                        const PodSeat& seat,
                                        isolators::Resources& resources) {
  if (!seat.cpu_limit || !resources.cpu_limit || *resources.cpu_limit <= *seat.cpu_limit) return {};
  if (!says_cpu_limit(spec)) {
    resources.cpu_limit = seat.cpu_limit;
    return {};
  }
  return Error(Code::kInvalidArgument,
               "resources.limits.cpu: is above the limit of the pod, " +
                   std::to_string(seat.cpu_limit->value()) + " mCPU")
      .with_reason("ABOVE_POD")
      .with_object("field resources.limits.cpu");
}

void ContainerManager::sit_down(Container& container, const PodSeat& seat) {
  isolators::ContainerConfig& config = container.spec.config;
  config.pod = seat.joined;
  config.network =
      seat.joined.shares_net ? isolators::NetworkMode::kPod : isolators::NetworkMode::kHost;
  if (seat.joined.shares_uts) config.hostname = seat.hostname;
  if (!seat.log_directory.empty() && container.spec.log.directory.empty()) {
    container.spec.log.directory = seat.log_directory;
    container.spec.log.name = container.api().id() + ".log";
  }
}

Result<> ContainerManager::take_seat(const skerry::v1::ContainerSpec& spec, Container& container) {
  skerry::v1::Container& api = container.api();
  TRY_ASSIGN(const PodSeat seat, pods_->join(api.tenant(), *container.spec.join_pod));
  TRY(fit_into_pod(spec, seat, container.spec.config.resources));
  sit_down(container, seat);
  api.set_pod_uid(seat.joined.uid.str());
  api.set_pod_name(seat.name);
  container.record.set_pod_id(seat.id);
  api.set_cgroup_path(seat.cgroup + "/" + container.uid.str());
  return {};
}

// Before another attempt: the pod may have stopped meanwhile.
Result<> ContainerManager::rejoin(Container& container) {
  if (!container.joined_pod()) return {};
  skerry::v1::PodRef ref;
  ref.set_uid(container.api().pod_uid());
  TRY_ASSIGN(const PodSeat seat, pods_->join(container.api().tenant(), ref));
  sit_down(container, seat);
  return {};
}

void ContainerManager::restore_seat(Container& container) {
  const auto uid = Uid::parse(container.api().pod_uid());
  if (!uid) return;
  const auto seat = pods_->seat(*uid);
  if (!seat) {
    // It can be read, killed and removed; starting it again will say that the pod is gone.
    container.spec.config.pod.emplace().uid = *uid;
    return;
  }
  // Accepted once: what has changed in the pod since is no reason to refuse.
  static_cast<void>(fit_into_pod(container.api().spec(), *seat, container.spec.config.resources));
  sit_down(container, *seat);
}

void ContainerManager::show_pod_networks(Container& container) {
  const auto seat = pods_->seat(container.spec.config.pod->uid);
  if (!seat) return;
  *container.api().mutable_networks() = seat->networks;
  *container.api().mutable_ports() = seat->ports;
}

}  // namespace skerry::agent
