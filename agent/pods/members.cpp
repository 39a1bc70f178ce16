// The containers in pods: who they are, what they are given, what their end means.

#include <fmt/format.h>

#include "agent/pods/manager.h"

namespace skerry::agent {
namespace {

// Ends with another status than 0, by a signal nobody asked for, or cannot be launched.
bool has_failed(const skerry::v1::ExitInfo& exit) {
  switch (exit.cause()) {
    case skerry::v1::EXIT_CAUSE_STOPPED:
    case skerry::v1::EXIT_CAUSE_HOST_REBOOT:
    case skerry::v1::EXIT_CAUSE_HOST_SHUTDOWN:
      return false;
    case skerry::v1::EXIT_CAUSE_EXITED:
      return exit.code() != 0;
    default:
      return true;
  }
}

}  // namespace

std::vector<Container*> PodManager::members(const Uid& pod) const {
  std::vector<Container*> out;
  const auto found = members_.find(pod.str());
  if (found == members_.end()) return out;
  for (const auto& [ordinal, uid] : found->second) {
    Container* container = parts_.containers.find(uid);
    if (container != nullptr && !container->gone) out.push_back(container);
  }
  return out;
}

void PodManager::container_changed(const Container& container) {
  if (!container.joined_pod()) return;
  const std::string& uid = container.api().pod_uid();
  if (container.gone) {
    const auto siblings = members_.find(uid);
    if (siblings != members_.end()) {
      siblings->second.erase(container.record.ordinal());
      if (siblings->second.empty()) members_.erase(siblings);
    }
  } else {
    members_[uid][container.record.ordinal()] = container.uid;
  }
  const auto found = pods_.find(uid);
  if (found == pods_.end()) return;
  Pod& pod = *found->second;
  if (pod.state() == PodState::kReady && container.state() == State::kExited) {
    on_member_exited(pod, container);
  }
  if (pod.state() == PodState::kStopping) soon(pod.uid, &PodManager::stop_next);
  if (pod.record.remove_requested()) soon(pod.uid, &PodManager::plan_removal);
}

void PodManager::on_member_exited(Pod& pod, const Container& container) {
  if (!pod.spec.stop_on_failure || !has_failed(container.api().exit())) return;
  parts_.reactor.post(
      [this, uid = pod.uid, id = container.api().id(), alive = std::weak_ptr(alive_)] {
        Pod* owner = alive.lock() ? find(uid) : nullptr;
        if (owner == nullptr || owner->state() != PodState::kReady) return;
        begin_stop(*owner,
                   {.cause = skerry::v1::POD_STOP_CAUSE_CONTAINER_FAILED,
                    .message = fmt::format("container \"{}\" failed", id)});
      });
}

// --- the door -------------------------------------------------------------------------------

Result<PodSeat> PodManager::join(const std::string& tenant, const skerry::v1::PodRef& ref) {
  skerry::v1::PodRef own = ref;
  if (own.tenant().empty()) own.set_tenant(tenant);
  if (own.tenant() != tenant) {
    return Error(Code::kNotFound, "a container joins a pod of its own tenant only")
        .with_reason("POD_NOT_FOUND");
  }
  TRY_ASSIGN(const Pod* pod, find(own));
  if (pod->state() != PodState::kReady) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("pod \"{}\" is {}", pod->api().id(), state_name(pod->state())))
        .with_reason("POD_STATE")
        .with_object("pod " + pod->api().id());
  }
  return *seat(pod->uid);
}

std::optional<PodSeat> PodManager::seat(const Uid& uid) const {
  const auto found = pods_.find(uid.str());
  if (found == pods_.end()) return std::nullopt;
  const Pod& pod = *found->second;
  const skerry::v1::Pod& api = pod.api();
  PodSeat seat;
  seat.joined = {.uid = pod.uid,
                 .scratch = parts_.host.directories.root + "/pods/" + pod.uid.str(),
                 .has_etc = pod.spec.network == isolators::NetworkMode::kNetworks,
                 .shares_net = pod.spec.network != isolators::NetworkMode::kHost,
                 .shares_ipc = pod.spec.shares_ipc,
                 .shares_pid = pod.spec.shares_pid,
                 .shares_uts = pod.spec.shares_uts,
                 .init_pid = static_cast<pid_t>(api.init_pid()),
                 .init_start_ticks = pod.record.init_start_ticks()};
  seat.id = api.id();
  seat.name = api.name().empty() ? api.id() : api.name();
  seat.cgroup = api.cgroup_path();
  seat.hostname = api.hostname();
  seat.log_directory = pod.spec.log_directory;
  seat.cpu_limit = pod.spec.resources.cpu_limit;
  seat.networks = api.networks();
  seat.ports = api.ports();
  return seat;
}

bool PodManager::holds(const Uid& uid) const {
  const auto found = pods_.find(uid.str());
  return found != pods_.end() && found->second->holds();
}

std::vector<os::CgroupPath> PodManager::cgroups() const {
  std::vector<os::CgroupPath> out;
  for (const auto& [uid, pod] : pods_) {
    if (pod->holds()) out.push_back(pod->api().cgroup_path());
  }
  return out;
}

}  // namespace skerry::agent
