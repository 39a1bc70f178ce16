// The live names of a completion: one call of the daemon, with little patience.
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/complete.h"
#include "cli/pods.h"
#include "cli/render/human.h"
#include "skerry/v1/container_service.grpc.pb.h"
#include "skerry/v1/image_service.grpc.pb.h"
#include "skerry/v1/network_service.grpc.pb.h"
#include "skerry/v1/pod_service.grpc.pb.h"
#include "skerry/v1/volume_service.grpc.pb.h"

namespace skerry::cli {
namespace {

using Candidates = std::vector<Candidate>;

Candidates containers(const Client& client, ValueKind kind) {
  Candidates out;
  const auto list = client.call(&v1::ContainerService::Stub::List, v1::ListContainersRequest());
  if (!list) return out;
  for (const auto& container : list->containers()) {
    const bool over = container.state() == v1::CONTAINER_STATE_EXITED;
    if (kind == ValueKind::kLiveContainer && over) continue;
    out.push_back({display_name(container), container.root()});
  }
  return out;
}

Candidates images(const Client& client) {
  Candidates out;
  const auto list = client.call(&v1::ImageService::Stub::List, v1::ListImagesRequest());
  if (!list) return out;
  for (const auto& image : list->images()) {
    for (const std::string& name : image.names()) {
      out.push_back({name, human_bytes(image.size_bytes())});
    }
  }
  return out;
}

Candidates pods(const Client& client) {
  Candidates out;
  const auto list = client.call(&v1::PodService::Stub::List, v1::ListPodsRequest());
  if (!list) return out;
  for (const auto& pod : list->pods()) {
    out.push_back({display_name(pod), std::to_string(pod.containers_size()) + " containers"});
  }
  return out;
}

Candidates networks(const Client& client) {
  Candidates out;
  const auto list = client.call(&v1::NetworkService::Stub::List, v1::ListNetworksRequest());
  if (!list) return out;
  for (const auto& network : list->networks()) out.push_back({network.name(), network.problem()});
  return out;
}

Candidates volumes(const Client& client) {
  Candidates out;
  const auto list = client.call(&v1::VolumeService::Stub::List, v1::ListVolumesRequest());
  if (!list) return out;
  for (const auto& volume : list->volumes()) out.push_back({volume.name(), volume.driver()});
  return out;
}

Candidates drivers(const Client& client) {
  Candidates out;
  const auto list =
      client.call(&v1::VolumeService::Stub::ListDrivers, v1::ListVolumeDriversRequest());
  if (!list) return out;
  for (const auto& driver : list->drivers()) out.push_back({driver.name(), driver.kind()});
  return out;
}

Candidates ask(const Client& client, ValueKind kind) {
  switch (kind) {
    case ValueKind::kContainer:
    case ValueKind::kLiveContainer:
      return containers(client, kind);
    case ValueKind::kImage:
      return images(client);
    case ValueKind::kPod:
      return pods(client);
    case ValueKind::kNetwork:
      return networks(client);
    case ValueKind::kVolume:
      return volumes(client);
    case ValueKind::kDriver:
      return drivers(client);
    default:
      return {};
  }
}

ClientOptions client_options(const std::vector<std::string>& words) {
  ClientOptions options;
  options.timeout = std::chrono::seconds(1);
  const char* host = std::getenv("SKERRY_HOST");  // NOLINT(concurrency-mt-unsafe)
  if (host != nullptr && *host != '\0') options.host = host;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "-H" || words[i] == "--host") options.host = words[i + 1];
  }
  return options;
}

}  // namespace

void print_completion(const std::vector<std::string>& words) {
  // Never destroyed, as in main: taking gRPC apart costs time and helps nobody.
  static const Result<Client> kClient = Client::open(client_options(words));
  const Lister lister = [](ValueKind kind) {
    return kClient ? ask(*kClient, kind) : std::vector<Candidate>();
  };
  std::string text;
  for (const Candidate& candidate : complete(words, lister)) {
    text += printable(candidate.text);
    if (!candidate.description.empty()) text += '\t' + printable(candidate.description);
    text += '\n';
  }
  print(text);
}

}  // namespace skerry::cli
