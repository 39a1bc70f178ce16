#include "agent/api/pod_answers.h"

#include <algorithm>

namespace skerry::agent {
namespace {

constexpr std::size_t kMinPrefix = 4;

bool has_labels(const skerry::v1::Pod& pod, const skerry::v1::ListPodsRequest& request) {
  return std::ranges::all_of(request.labels(), [&](const skerry::v1::LabelSelector& selector) {
    const auto found = pod.labels().find(selector.key());
    if (found == pod.labels().end()) return false;
    return !selector.has_value() || found->second == selector.value();
  });
}

bool has_key(const skerry::v1::Pod& pod, const std::string& key) {
  if (key.empty() || pod.id() == key || pod.name() == key) return true;
  return key.size() >= kMinPrefix && pod.uid().starts_with(key);
}

}  // namespace

PodMembers members_by_pod(const Snapshot& snapshot) {
  PodMembers members;
  for (ViewPtr& view : snapshot.all()) {
    const std::string& pod = view->container.pod_uid();
    if (!pod.empty()) members[pod].push_back(std::move(view));
  }
  return members;
}

void fill_pod(const PodView& view,
              const PodMembers& members,
              PodDetail detail,
              skerry::v1::Pod& out) {
  out = view.pod;
  if (detail == PodDetail::kList) {
    out.clear_spec();
    out.clear_effective_resources();
  }
  const auto own = members.find(view.pod.uid());
  if (own == members.end()) return;
  for (const ViewPtr& member : own->second) {
    skerry::v1::PodMember& one = *out.add_containers();
    one.set_id(member->container.id());
    one.set_name(member->container.name());
    one.set_uid(member->container.uid());
    one.set_state(member->container.state());
  }
}

bool matches(const skerry::v1::Pod& pod, const skerry::v1::ListPodsRequest& request) {
  if (request.has_tenant() && pod.tenant() != request.tenant()) return false;
  const auto& states = request.states();
  if (!states.empty() && std::ranges::find(states, pod.state()) == states.end()) return false;
  return has_key(pod, request.key()) && has_labels(pod, request);
}

}  // namespace skerry::agent
