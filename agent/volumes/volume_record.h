// What the daemon records of a volume in state.db, and the names it has: ours and its driver's.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "volumes/reference_table.h"
#include "volumes/volume.h"

namespace skerry::agent {

/// What clients call a volume. Each tenant has names of its own.
struct VolumeId {
  std::string tenant;
  std::string name;
  auto operator<=>(const VolumeId&) const = default;
  /// "tenant/name": the key in state.db.
  std::string str() const { return tenant + "/" + name; }
};

struct VolumeRecord {
  VolumeId id;
  std::string driver;
  volumes::VolumeOptions options = {};
  std::map<std::string, std::string> labels = {};
  WallTime created{};  ///< when we first heard of it
  /// Its driver has it, as far as we know. False from before it is made until that is known, and
  /// from before it is removed: whoever uses it then makes it, which does no harm to one that is.
  bool exists = false;
  bool operator==(const VolumeRecord&) const = default;
};

/// The volume as its driver is told of it. Volumes of the tenant "default" bear their own names,
/// which plugins know from other hosts and other programs; those of "blue" are "4.blue.NAME".
std::string driver_name_of(const VolumeId& id);
VolumeId volume_id_of(std::string_view driver_name);
volumes::VolumeKey key_of(const VolumeRecord& record);
volumes::Volume volume_of(const VolumeRecord& record);

/// Errors: INVALID_ARGUMENT, reason NAME_INVALID: the name is not 1–64 characters of
/// [A-Za-z0-9._-] that begin with a letter or digit, reads as another tenant's, or is too long
/// together with its tenant; reason ID_INVALID for the tenant.
Result<> check_volume_id(const VolumeId& id);

std::string encode_volume(const VolumeRecord& record);
/// Errors: DATA_LOSS, reason RECORD_DAMAGED.
Result<VolumeRecord> decode_volume(std::string_view bytes);

/// One row of the reference table, and the boot in which it was written: after another one nothing
/// is mounted that was.
struct ReferenceRecord {
  volumes::VolumeKey key;
  volumes::VolumeReferences references;
  std::string boot_id;
  bool operator==(const ReferenceRecord&) const = default;
};
std::string encode_references(const ReferenceRecord& record);
/// Errors: as decode_volume().
Result<ReferenceRecord> decode_references(std::string_view bytes);

/// A volume's key in the record of a debt. Errors: as decode_volume().
std::string encode_volume_key(const volumes::VolumeKey& key);
Result<volumes::VolumeKey> decode_volume_key(std::string_view bytes);

}  // namespace skerry::agent
