#include "agent/volumes/volume_answers.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "agent/containers/record.h"
#include "agent/containers/spec.h"
#include "agent/containers/spec_parts.h"
#include "agent/volumes/driver_error.h"
#include "agent/volumes/volume_users.h"

namespace skerry::agent {
namespace {

using skerry::v1::ListVolumesRequest;
using skerry::v1::Volume;

std::string tenant_or_default(const std::string& tenant) {
  return tenant.empty() ? "default" : tenant;
}

skerry::v1::VolumeState state_of(const VolumeEntry& entry) {
  if (!entry.references) return skerry::v1::VOLUME_STATE_IDLE;
  if (entry.references->consumers.empty()) return skerry::v1::VOLUME_STATE_UNMOUNTING;
  return entry.references->certain ? skerry::v1::VOLUME_STATE_MOUNTED
                                   : skerry::v1::VOLUME_STATE_MOUNTING;
}

bool has_label(const VolumeRecord& record, const skerry::v1::LabelSelector& selector) {
  const auto found = record.labels.find(selector.key());
  if (found == record.labels.end()) return false;
  return !selector.has_value() || found->second == selector.value();
}

bool is_wanted(const VolumeRecord& record, const ListVolumesRequest& request) {
  if (request.has_tenant() && tenant_or_default(request.tenant()) != record.id.tenant) return false;
  if (!request.driver().empty() && request.driver() != record.driver) return false;
  return std::ranges::all_of(request.labels(),
                             [&](const auto& selector) { return has_label(record, selector); });
}

// Consumers whose containers are gone are told of by their uids.
void add_forgotten(const VolumeEntry& entry, Volume& out) {
  if (!entry.references) return;
  for (const std::string& consumer : entry.references->consumers) {
    const bool is_told = std::ranges::any_of(
        out.uses(), [&](const auto& use) { return use.container_uid() == consumer; });
    if (is_told) continue;
    skerry::v1::VolumeUse& use = *out.add_uses();
    use.set_tenant(entry.record.id.tenant);
    use.set_container_uid(consumer);
  }
}

void sort(std::vector<Volume>& volumes) {
  std::ranges::sort(volumes, {}, [](const Volume& volume) {
    return std::tie(volume.name(), volume.tenant(), volume.driver());
  });
}

}  // namespace

VolumeId volume_id_of(const skerry::v1::VolumeRef& ref) {
  return {.tenant = tenant_or_default(ref.tenant()), .name = ref.name()};
}

Result<VolumeWish> volume_wish_of(const skerry::v1::CreateVolumeRequest& request) {
  TRY(refuse_unknown_fields(request, "request"));
  TRY(check_labels(request.labels(), "labels"));
  return VolumeWish{
      .id = {.tenant = tenant_or_default(request.tenant()), .name = request.name()},
      .driver = request.driver(),
      .options = volumes::VolumeOptions(request.options().begin(), request.options().end()),
      .labels = {request.labels().begin(), request.labels().end()}};
}

Volume describe_volume(const VolumeEntry& entry, const Snapshot& snapshot) {
  Volume out;
  const VolumeRecord& record = entry.record;
  out.set_tenant(record.id.tenant);
  out.set_name(record.id.name);
  out.set_driver(record.driver);
  out.mutable_options()->insert(record.options.begin(), record.options.end());
  out.mutable_labels()->insert(record.labels.begin(), record.labels.end());
  out.set_state(state_of(entry));
  *out.mutable_created_at() = to_timestamp(record.created);
  if (entry.references && entry.references->staged) {
    out.set_mountpoint(entry.references->staged->mountpoint);
  }
  for (skerry::v1::VolumeUse& use : users_of(record.id, snapshot)) out.add_uses()->Swap(&use);
  add_forgotten(entry, out);
  out.set_use_count(static_cast<std::uint32_t>(out.uses_size()));
  out.set_problem(entry.problem);
  return out;
}

Result<std::vector<Volume>> list_volumes(const VolumeDesk& desk,
                                         const Snapshot& snapshot,
                                         const ListVolumesRequest& request) {
  for (const auto& selector : request.labels()) {
    if (!selector.key().empty()) continue;
    return Error(Code::kInvalidArgument, "labels: key is empty").with_reason("FIELD_INVALID");
  }
  std::vector<Volume> out;
  for (const VolumeEntry& entry : desk.book().list()) {
    if (!is_wanted(entry.record, request)) continue;
    out.push_back(describe_volume(entry, snapshot));
    out.back().clear_uses();
  }
  sort(out);
  return out;
}

void add_found(const VolumeDesk::Found& found,
               const VolumeDesk& desk,
               const ListVolumesRequest& request,
               std::vector<Volume>& volumes) {
  for (const auto& [driver, info] : found.volumes) {
    const VolumeRecord record{.id = volume_id_of(info.name), .driver = driver};
    const auto known = desk.book().find(record.id);
    if ((known && known->driver == driver) || !is_wanted(record, request)) continue;
    Volume& out = volumes.emplace_back();
    out.set_tenant(record.id.tenant);
    out.set_name(record.id.name);
    out.set_driver(driver);
    out.set_state(skerry::v1::VOLUME_STATE_IDLE);
  }
  sort(volumes);
}

std::vector<skerry::v1::VolumeDriver> list_drivers(const VolumeDesk& desk) {
  std::map<std::string, std::uint32_t> counts;
  for (const std::string& name : desk.drivers().list()) counts[name] = 0;
  // Those too whose plugin is gone and whose volumes are not.
  for (const VolumeEntry& entry : desk.book().list()) ++counts[entry.record.driver];
  std::vector<skerry::v1::VolumeDriver> out;
  for (const auto& [name, count] : counts) {
    skerry::v1::VolumeDriver& driver = out.emplace_back();
    const auto address = desk.drivers().address_of(name);
    const bool is_own = address && address->empty();
    driver.set_name(name);
    driver.set_kind(is_own ? "built-in" : "docker plugin");
    if (address) driver.set_address(*address);
    driver.set_scope(is_own ? "local" : desk.scope_of(name));
    driver.set_volumes(count);
    const auto problem = address ? desk.book().problem_of(name) : std::optional(address.error());
    if (!problem) continue;
    driver.set_problem(problem->message());
    *driver.mutable_error() = to_detail(to_client_error(*problem));
  }
  return out;
}

}  // namespace skerry::agent
