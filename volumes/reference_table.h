// Who uses which volume, and what has been staged: the counts that drivers must not keep, because
// they forget them when they restart. Pure data; the daemon journals it.
//
// One volume:
//                 acquire(first) ─► may_be_staged ── set_staged ─► staged
//   (no entry) ◄── set_unstaged ──┘                                  │
//        ▲                                                           │ release(last): unstage
//        └──────────────────────── set_unstaged ◄── may_be_staged ◄──┘
//
// Between acquire() and set_staged(), and between the last release() and set_unstaged(), a driver's
// call is or was under way and its end is not known. An entry without consumers is a debt: a volume
// that is (or may be) staged for nobody. It is paid by unstage and set_unstaged, or by the next
// consumer, who stages again.
//
// How callers serialise: acquire … stage … set_staged … publish is one visit to the volume's lane
// (volumes/lanes.h), and so is release … unstage … set_unstaged. Volumes never wait for each other.
// What acquire() and release() changed is journaled before the driver is called, what set_staged()
// and set_unstaged() changed after it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// One row of the journal.
struct VolumeReferences {
  std::set<std::string> consumers = {};
  /// What stage() returned last, for unstage() too.
  std::optional<Staged> staged = {};
  /// False from the moment on that a call to stage or unstage is due, until its end is known.
  bool certain = false;
  bool operator==(const VolumeReferences&) const = default;
};

/// Thread: one at a time; the owner's.  Blocks: never.
class ReferenceTable final {
 public:
  enum class Need : bool { kNothing, kDriverCall };

  /// The consumer counts from here on. kDriverCall: stage the volume, then set_staged(); kNothing:
  /// it is staged, see find(). Idempotent.
  Need acquire(const VolumeKey& key, const std::string& consumer);

  /// stage() or publish() returned this. The volume must have an entry.
  void set_staged(const VolumeKey& key, Staged staged);

  /// The consumer counts no more. kDriverCall: it was the last, the volume is or may be staged:
  /// unstage it, then set_unstaged(). Idempotent: kDriverCall again for as long as that is owed.
  Need release(const VolumeKey& key, const std::string& consumer);

  /// unstage() succeeded, or the driver is known to have lost the volume. With consumers left (the
  /// driver lost it under them) the entry stays, to be staged again by the next one.
  void set_unstaged(const VolumeKey& key);

  /// Puts the entry back as it was (absent: there was none): what had been changed could not be
  /// journaled.
  void restore(const VolumeKey& key, std::optional<VolumeReferences> entry);

  /// Its entry, with what unstage() is to be given. Null when nobody uses the volume and it is not
  /// staged. Valid until the next change.
  const VolumeReferences* find(const VolumeKey& key) const;

  /// What the consumer holds, sorted.
  std::vector<VolumeKey> volumes_of(const std::string& consumer) const;

  /// Volumes that are or may be staged for nobody, sorted.
  std::vector<VolumeKey> debts() const;

  /// All rows, sorted; and a table of them.
  const std::map<VolumeKey, VolumeReferences>& rows() const { return rows_; }
  static ReferenceTable of(std::map<VolumeKey, VolumeReferences> rows);

 private:
  std::map<VolumeKey, VolumeReferences> rows_;
};

}  // namespace skerry::volumes
