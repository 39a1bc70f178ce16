#include "cli/pods.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "skerry/v1/pod_service.grpc.pb.h"

namespace skerry::cli {

Result<v1::Pod> resolve_pod(const Client& client,
                            const std::string& tenant,
                            const std::string& typed) {
  const Error missing =
      Error(Code::kNotFound, fmt::format("no pod \"{}\"", typed)).with_reason("POD_NOT_FOUND");
  if (typed.empty()) return missing;
  v1::ListPodsRequest request;
  if (!tenant.empty()) request.set_tenant(tenant);
  request.set_key(typed);
  TRY_ASSIGN(const auto list, client.call(&v1::PodService::Stub::List, request));
  const std::string_view owner = tenant.empty() ? std::string_view("default") : tenant;
  std::vector<const v1::Pod*> named;
  std::vector<const v1::Pod*> begun;
  for (const auto& pod : list.pods()) {
    const bool same = pod.name() == typed || pod.id() == typed;
    if (same && pod.tenant() == owner) named.push_back(&pod);
    if (pod.uid().starts_with(typed)) begun.push_back(&pod);
  }
  const auto& fitting = named.empty() ? begun : named;
  if (fitting.empty()) return missing;
  if (fitting.size() > 1) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" fits {} pods, {} and {} among them",
                             typed,
                             fitting.size(),
                             fitting[0]->uid(),
                             fitting[1]->uid()))
        .with_reason("AMBIGUOUS");
  }
  return *fitting.front();
}

v1::PodRef ref_of(const v1::Pod& pod) {
  v1::PodRef ref;
  ref.set_uid(pod.uid());
  return ref;
}

const std::string& display_name(const v1::Pod& pod) {
  return pod.name().empty() ? pod.id() : pod.name();
}

}  // namespace skerry::cli
