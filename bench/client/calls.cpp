#include "calls.h"

#include <unistd.h>

#include <cstdint>

#include <fmt/format.h>

namespace skerry::bench {

std::shared_ptr<grpc::Channel> connect(const Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // 1,000 containers in one answer are more than the default of 4 MiB may take.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(options.host, grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<grpc::ClientContext> context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  return context;
}

Result<> check(const grpc::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return Error(Code::kUnknown, fmt::format("{}: {}", what, status.error_message()));
}

v1::ContainerSpec make_spec(const Options& options, const std::string& label) {
  constexpr std::uint64_t kHalfCpu = 500;
  constexpr std::uint64_t kMemoryBytes = 64U << 20U;
  constexpr std::uint64_t kPids = 1024;
  v1::ContainerSpec spec;
  spec.mutable_root()->set_image(options.image);
  spec.add_command("/bin/true");
  (*spec.mutable_labels())[kLabel] = label;
  spec.set_remove_on_exit(!options.keep);
  if (options.network.empty()) {
    spec.mutable_pod()->set_network(v1::NETWORK_MODE_NONE);
  } else {
    spec.mutable_pod()->add_networks()->set_network(options.network);
  }
  v1::Resources& resources = *spec.mutable_resources();
  resources.mutable_requests()->set_millicpu(kHalfCpu);
  resources.mutable_limits()->mutable_cpu()->set_millicpu(kHalfCpu);
  resources.mutable_limits()->mutable_memory()->set_bytes(kMemoryBytes);
  resources.mutable_limits()->mutable_pids()->set_count(kPids);
  return spec;
}

std::string make_id(const std::string& label, int number) {
  static const auto kRun = Clock::now().time_since_epoch().count();
  return fmt::format("bench-{:x}-{}-{}-{}", kRun, ::getpid(), label, number);
}

}  // namespace skerry::bench
