#include "isolators/network/network.h"

#include <sched.h>

#include <utility>

#include <fmt/format.h>

#include "isolators/namespaces/namespaces.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

/// Of a container whose checkpoint does not say which networks it was on.
constexpr const char* kUnknownLane = "network";

class NetworkIsolator final : public Isolator {
 public:
  explicit NetworkIsolator(NetworkIsolatorOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return kNetworkIsolator; }
  // The root is where /etc is looked up.
  std::vector<std::string_view> after() const override { return {"filesystem"}; }

  std::vector<std::string> foreign_code(const ContainerConfig& config) const override {
    std::vector<std::string> lanes;
    if (config.network != NetworkMode::kNetworks) return lanes;
    for (const NetworkWish& wish : config.network_settings.networks) {
      lanes.push_back(network_lane(wish.network));
    }
    return lanes;
  }

  std::vector<std::string> foreign_code(const Checkpoint& checkpoint) const override {
    if (is_nothing(checkpoint)) return {};
    const auto record = decode_network_record(checkpoint.bytes);
    if (!record) return {kUnknownLane};
    std::vector<std::string> lanes;
    for (const NetworkMembership& one : record->networks) {
      lanes.push_back(network_lane(one.network));
    }
    return lanes;
  }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    if (config.network != NetworkMode::kNetworks) return {};
    return options_.attacher.check(config.uid, config.network_settings);
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    if (context.config.network == NetworkMode::kHost) TRY(add_host_etc_files(context.plan));
    if (context.config.network != NetworkMode::kNetworks) {
      return nothing_to_remember(kNetworkIsolator);
    }
    auto prepared = attach(context);
    if (prepared || context.left_behind == nullptr) return prepared;
    if (const auto owed = options_.attacher.owed(context.config.uid)) {
      *context.left_behind = checkpoint_of(*owed);
    }
    return prepared;
  }

  Result<> cleanup(const Uid& uid, const Checkpoint& checkpoint) override {
    if (is_nothing(checkpoint)) return {};
    if (checkpoint.bytes.empty()) return options_.attacher.detach(uid, nullptr);
    TRY_ASSIGN(const NetworkRecord record, decode_network_record(checkpoint.bytes));
    return options_.attacher.detach(uid, &record);
  }

 private:
  static Checkpoint checkpoint_of(const NetworkRecord& record) {
    return {.isolator = std::string(kNetworkIsolator),
            .version = 1,
            .bytes = encode_network_record(record)};
  }
  // As against a container that never got as far as a checkpoint: version 0.
  static bool is_nothing(const Checkpoint& checkpoint) {
    return checkpoint.version > 0 && checkpoint.bytes.empty();
  }

  Result<Checkpoint> attach(const PrepareContext& context) {
    const ContainerConfig& config = context.config;
    plan::SandboxPlan sandbox{
        .uid = config.uid.str(), .namespaces = CLONE_NEWNET, .operations = {}};
    TRY_ASSIGN(AttachedSandbox attached,
               options_.attacher.attach({.uid = config.uid,
                                         .sandbox = std::move(sandbox),
                                         .settings = config.network_settings,
                                         .stop = context.stop}));
    auto added = add_etc_files(
        context.plan,
        config.root.scratch,
        etc_content(hostname_of(config), config.network_settings, attached, options_.dns_servers));
    if (!added) {
      // What fails here as well is owed, and told by owed().
      static_cast<void>(options_.attacher.detach(config.uid, &attached.record));
      return std::move(added).error();
    }
    context.plan.add(Phase::kNamespaces,
                     plan::JoinNamespace{.fd = context.plan.add_fd(std::move(attached.net)),
                                         .kind = CLONE_NEWNET});
    return checkpoint_of(attached.record);
  }

  NetworkIsolatorOptions options_;
};

}  // namespace

std::unique_ptr<Isolator> make_network_isolator(NetworkIsolatorOptions options) {
  return std::make_unique<NetworkIsolator>(std::move(options));
}

std::string network_lane(const std::string& network) { return fmt::format("network/{}", network); }

EtcContent etc_content(const std::string& hostname,
                       const NetworkSettings& settings,
                       const AttachedSandbox& attached,
                       const std::vector<cni::IpAddress>& dns_servers) {
  EtcContent content{
      .hostname = hostname, .addresses = {}, .aliases = settings.aliases, .dns = settings.dns};
  for (const NetworkMembership& one : attached.record.networks) {
    for (const std::string& text : one.addresses) {
      const auto prefix = cni::IpPrefix::parse(text);
      if (prefix && &one == &attached.record.networks.front()) {
        content.addresses.push_back(prefix->address);
      }
    }
  }
  DnsWish host = host_dns(content.addresses);
  if (!dns_servers.empty()) host.servers = dns_servers;
  const DnsWish networks = reachable_dns(attached.dns, content.addresses);
  // Who names servers in the spec knows what listens there.
  content.dns = merge_dns(merge_dns(std::move(content.dns), networks), host);
  return content;
}

}  // namespace skerry::isolators
