#include "agent/volumes/volume_users.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skerry::agent {
namespace {

constexpr std::size_t kNamed = 5;

Error in_use(const VolumeId& id, std::string_view why) {
  return Error(Code::kFailedPrecondition, fmt::format("volume \"{}\" is {}", id.name, why))
      .with_reason("VOLUME_IN_USE")
      .with_object("volume " + id.name);
}

std::string name_of(const skerry::v1::VolumeUse& use) {
  return use.container_name().empty() ? use.container_id() : use.container_name();
}

}  // namespace

std::vector<skerry::v1::VolumeUse> users_of(const VolumeId& id, const Snapshot& snapshot) {
  std::vector<skerry::v1::VolumeUse> uses;
  for (const ViewPtr& view : snapshot.all()) {
    const skerry::v1::Container& container = view->container;
    if (container.tenant() != id.tenant) continue;
    for (const skerry::v1::Mount& mount : container.spec().mounts()) {
      if (mount.volume().name() != id.name) continue;
      skerry::v1::VolumeUse& use = uses.emplace_back();
      use.set_tenant(container.tenant());
      use.set_container_id(container.id());
      use.set_container_name(container.name());
      use.set_container_uid(container.uid());
      use.set_target(mount.target());
      use.set_read_only(mount.read_only());
    }
  }
  return uses;
}

Result<> check_unused(const VolumeId& id,
                      const Snapshot& snapshot,
                      const std::optional<volumes::VolumeReferences>& references) {
  std::vector<std::string> names;
  for (const skerry::v1::VolumeUse& use : users_of(id, snapshot)) {
    std::string name = fmt::format("container \"{}\"", name_of(use));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  if (!names.empty()) {
    const std::size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
    names.resize(names.size() - more);
    const std::string rest = more > 0 ? fmt::format(" and {} more", more) : "";
    return in_use(id, fmt::format("used by {}{}", fmt::join(names, ", "), rest));
  }
  if (!references) return {};
  if (references->consumers.empty()) return in_use(id, "still to be unmounted after its last use");
  return in_use(id, "still to be given back by a container that is gone");
}

}  // namespace skerry::agent
