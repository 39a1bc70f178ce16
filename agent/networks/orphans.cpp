#include "agent/networks/orphans.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/launcher_client.h"
#include "cni/leases.h"
#include "cni/link.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kLauncherDeadline = 10s;
constexpr const char* kNobody = "there is no such container, or it has been released";

using Kind = NetworkOrphan::Kind;

void find_attachments(const std::vector<AttachedName>& names,
                      const IsHolder& is_holder,
                      std::vector<NetworkOrphan>& out) {
  for (const AttachedName& name : names) {
    if (is_holder(name.uid.str())) continue;
    out.push_back({.kind = Kind::kAttachment,
                   .object = fmt::format("{}-{}-{}", name.network, name.uid.str(), name.interface),
                   .uid = name.uid.str(),
                   .detail = kNobody,
                   .network = name.network,
                   .interface = name.interface});
  }
}

void find_addresses(NetworkDesk& desk,
                    const std::set<std::string>& attached,
                    const IsHolder& is_holder,
                    std::vector<NetworkOrphan>& out) {
  const auto pool = cni::lease_pool(desk.generated().list());
  if (!pool) return;
  const auto leases = cni::list_leases(*pool);
  if (!leases) return;
  for (const cni::Lease& lease : *leases) {
    if (attached.contains(lease.container) || is_holder(lease.container)) continue;
    out.push_back({.kind = Kind::kAddress,
                   .object = lease.address.str(),
                   .uid = lease.container,
                   .detail = kNobody,
                   .network = std::string(kGeneratedNetwork),
                   .interface = lease.interface});
  }
}

void find_sandboxes(LauncherClient& launcher,
                    const std::set<std::string>& attached,
                    const IsHolder& is_holder,
                    std::vector<NetworkOrphan>& out) {
  const auto kept = launcher.list_sandboxes(kLauncherDeadline);
  if (!kept) return;
  for (const Uid& uid : *kept) {
    // One that has attachments goes with them.
    if (attached.contains(uid.str()) || is_holder(uid.str())) continue;
    out.push_back(
        {.kind = Kind::kSandbox, .object = uid.str(), .uid = uid.str(), .detail = kNobody});
  }
}

void find_interfaces(NetworkDesk& desk,
                     const std::vector<AttachedName>& names,
                     std::vector<NetworkOrphan>& out) {
  const std::string& bridge = desk.generated().bridge();
  const auto state = cni::inspect_bridge(bridge);
  if (!state || !*state) return;
  const auto expected = std::ranges::count(names, kGeneratedNetwork, &AttachedName::network);
  if (std::cmp_less_equal((*state)->ports, expected)) return;
  out.push_back({.kind = Kind::kInterface,
                 .object = bridge,
                 .uid = {},
                 .detail = fmt::format(
                     "{} interfaces in the bridge for {} attachments", (*state)->ports, expected)});
}

}  // namespace

std::string_view orphan_word(NetworkOrphan::Kind kind) {
  switch (kind) {
    case Kind::kAttachment:
      return "attachment";
    case Kind::kAddress:
      return "address";
    case Kind::kSandbox:
      return "sandbox";
    case Kind::kInterface:
      return "interface";
  }
  return "";
}

std::vector<NetworkOrphan> find_network_orphans(NetworkDesk& desk,
                                                LauncherClient* launcher,
                                                const IsHolder& is_holder) {
  std::vector<NetworkOrphan> out;
  const auto names = desk.attached();
  if (!names) return out;
  std::set<std::string> attached;
  for (const AttachedName& name : *names) attached.insert(name.uid.str());
  find_attachments(*names, is_holder, out);
  find_addresses(desk, attached, is_holder, out);
  if (launcher != nullptr) find_sandboxes(*launcher, attached, is_holder, out);
  find_interfaces(desk, *names, out);
  return out;
}

Result<std::vector<cni::IpAddress>> drop_nameless_addresses(NetworkDesk& desk) {
  const auto pool = cni::lease_pool(desk.generated().list());
  if (!pool) return std::vector<cni::IpAddress>{};
  return cni::remove_nameless_leases(*pool);
}

std::vector<OwedDetach> claim_orphans(NetworkDesk& desk,
                                      LauncherClient& launcher,
                                      const std::vector<NetworkOrphan>& orphans) {
  std::map<std::string, OwedDetach> owed;
  for (const NetworkOrphan& orphan : orphans) {
    auto uid = Uid::parse(orphan.uid);
    if (!uid) continue;
    if (orphan.kind == Kind::kSandbox) {
      // One that stays is a leak, and reported as one.
      static_cast<void>(launcher.drop_sandbox(*uid, kLauncherDeadline));
      continue;
    }
    const std::string interface = orphan.interface.empty() ? "eth0" : orphan.interface;
    if (orphan.kind == Kind::kAddress) {
      const auto saved = desk.cache().save({.network = orphan.network,
                                            .container = orphan.uid,
                                            .interface = interface,
                                            .netns = {},
                                            .config = desk.generated().list().bytes});
      if (!saved) continue;
    }
    OwedDetach& one = owed[orphan.uid];
    one.uid = std::move(*uid);
    one.record.networks.push_back({.network = orphan.network, .interface = interface});
  }
  std::vector<OwedDetach> out;
  out.reserve(owed.size());
  for (auto& [uid, one] : owed) out.push_back(std::move(one));
  return out;
}

}  // namespace skerry::agent
