#include "agent/networks/port_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace skerry::agent {
namespace {

// A mapping without an address is on all of them.
bool clash(const cni::PortMapping& a, const cni::PortMapping& b) {
  const bool same_address = !a.host_ip || !b.host_ip || *a.host_ip == *b.host_ip;
  return a.host_port == b.host_port && a.protocol == b.protocol && same_address;
}

}  // namespace

Result<> PortTable::check(const Uid& uid, const std::vector<cni::PortMapping>& ports) const {
  const runtime::MutexLock lock(mutex_);
  return check_locked(uid, ports);
}

Result<> PortTable::check_locked(const Uid& uid, const std::vector<cni::PortMapping>& ports) const {
  for (const auto& [other, holder] : holders_) {
    if (other == uid) continue;
    for (const cni::PortMapping& port : ports) {
      const bool taken = std::ranges::any_of(
          holder.ports, [&](const cni::PortMapping& theirs) { return clash(port, theirs); });
      if (!taken) continue;
      return Error(Code::kAlreadyExists,
                   fmt::format("port {}/{} belongs to {}",
                               port.host_port,
                               cni::protocol_text(port.protocol),
                               holder.owner))
          .with_reason("PORT_TAKEN");
    }
  }
  return {};
}

Result<> PortTable::reserve(const Uid& uid,
                            const std::string& owner,
                            const std::vector<cni::PortMapping>& ports) {
  const runtime::MutexLock lock(mutex_);
  TRY(check_locked(uid, ports));
  if (ports.empty()) {
    holders_.erase(uid);
  } else {
    holders_[uid] = {.owner = owner, .ports = ports};
  }
  return {};
}

void PortTable::restore(const Uid& uid,
                        const std::string& owner,
                        const std::vector<cni::PortMapping>& ports) {
  if (ports.empty()) return;
  const runtime::MutexLock lock(mutex_);
  holders_[uid] = {.owner = owner, .ports = ports};
}

void PortTable::release(const Uid& uid) {
  const runtime::MutexLock lock(mutex_);
  holders_.erase(uid);
}

bool PortTable::holds(const Uid& uid) const {
  const runtime::MutexLock lock(mutex_);
  return holders_.contains(uid);
}

}  // namespace skerry::agent
