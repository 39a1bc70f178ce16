// Which volumes there are and who uses them: in memory for everybody to read, and in state.db.
// Every change is one transaction, with its events.
//
//   objects "volume"             TENANT/NAME     encode_volume()
//   objects "volume-references"  DRIVER/NAME     encode_references(), while there are any
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/events/event_log.h"
#include "agent/runtime/mutex.h"
#include "agent/runtime/trace.h"
#include "agent/store/store.h"
#include "agent/volumes/volume_record.h"
#include "base/ids.h"
#include "skerry/v1/event.pb.h"

namespace skerry::agent {

/// What somebody asks for.
struct VolumeWish {
  VolumeId id;
  std::string driver = {};                             ///< empty: whoever keeps it, or "local"
  std::optional<volumes::VolumeOptions> options = {};  ///< absent: those it has, or none
  std::map<std::string, std::string> labels = {};
};

/// One volume, as of a moment.
struct VolumeEntry {
  VolumeRecord record;
  /// Absent: nobody uses it, and it is not mounted.
  std::optional<volumes::VolumeReferences> references;
  /// What its driver last failed with; empty when it worked since.
  std::string problem;
};

/// What a consumer gets that has been admitted.
struct Admission {
  VolumeRecord record;
  volumes::ReferenceTable::Need need{};
  std::optional<volumes::Staged> staged;  ///< as recorded; certain with Need::kNothing
  bool is_fresh = false;                  ///< nobody used it before, and nothing was owed
  bool is_alone = false;                  ///< nobody else uses it
};

/// Errors of all that writes: as Transaction::commit(); nothing has changed then.
class VolumeBook final {
 public:
  struct Parts {
    store::Store& store;
    events::EventLog& events;
    runtime::Trace& trace;
    const Clock& clock;
    std::string boot_id;
  };
  explicit VolumeBook(Parts parts) : parts_(std::move(parts)) {}

  // Thread: any. Blocks: never.

  std::optional<VolumeRecord> find(const VolumeId& id) const;
  std::optional<VolumeEntry> entry(const VolumeId& id) const;
  /// Sorted by tenant and name.
  std::vector<VolumeEntry> list() const;
  std::optional<volumes::VolumeReferences> references(const volumes::VolumeKey& key) const;
  std::map<volumes::VolumeKey, volumes::VolumeReferences> all_references() const;
  std::vector<volumes::VolumeKey> volumes_of(const Uid& consumer) const;
  /// The volume as its driver is told of it; without options when there is no record of it.
  volumes::Volume volume(const volumes::VolumeKey& key) const;

  /// The volume there is, or the one that would be made. A wish without driver or options takes
  /// those of the volume there is. Errors: ALREADY_EXISTS, reason VOLUME_DIFFERS.
  Result<VolumeRecord> match(const VolumeWish& wish) const;

  /// How a call to the driver for the volume ended, for VolumeEntry::problem.
  void note(const volumes::VolumeKey& key, const Result<>& result);
  /// The latest failure of any of the driver's volumes; absent when each worked since.
  std::optional<Error> problem_of(const std::string& driver) const;

  // Thread: reactor.

  /// Reads what is recorded. What was mounted in another boot is not any more. A record that does
  /// not decode is put into quarantine. Errors: as reading the store.
  Result<> load();

  /// The consumer uses the volume from here on; a volume that is not there is recorded, as one that
  /// may not exist yet. Errors: match()'s; ABORTED, reason VOLUME_CHANGED, retryable: by now the
  /// name is another volume than `key`.
  Result<Admission> admit(const VolumeWish& wish, const volumes::VolumeKey& key, const Uid& uid);
  /// Records a volume that is about to be made. Errors: as admit().
  Result<VolumeRecord> intend(const VolumeWish& wish, const volumes::VolumeKey& key);
  /// The driver has it.
  Result<> made(const VolumeId& id);
  /// It is to be removed: whether the driver has it is not sure from here on.
  Result<> doubt(const VolumeId& id);
  /// It is gone.
  Result<> removed(const VolumeId& id);
  /// Nothing came of an intend() or admit(): forgets a volume that does not exist, unless somebody
  /// uses it.
  Result<> drop_unmade(const VolumeId& id);

  Result<> staged(const volumes::VolumeKey& key, const volumes::Staged& staged);
  Result<volumes::ReferenceTable::Need> leave(const volumes::VolumeKey& key, const Uid& uid);
  /// Not staged any more, or lost by its driver.
  Result<> unstaged(const volumes::VolumeKey& key);
  /// The consumer may have the volume staged: a reference whose record was lost.
  Result<> presume(const VolumeRecord& record, const Uid& uid);

 private:
  using Mutation = std::function<void(volumes::ReferenceTable&)>;
  Result<std::vector<store::ObjectRow>> read_rows();
  bool take_row(const store::ObjectRow& row);
  Result<> commit(store::Transaction transaction,
                  const volumes::VolumeKey& key,
                  const Mutation& mutate);
  void put(store::Transaction& transaction, const VolumeRecord& record);
  void remove(store::Transaction& transaction, const VolumeId& id);
  void tell(store::Transaction& transaction,
            skerry::v1::EventType type,
            const VolumeId& id,
            const std::string& driver);

  Parts parts_;
  mutable runtime::Mutex mutex_;
  std::map<VolumeId, VolumeRecord> records_ GUARDED_BY(mutex_);
  volumes::ReferenceTable references_ GUARDED_BY(mutex_);
  std::map<volumes::VolumeKey, Error> problems_ GUARDED_BY(mutex_);
};

}  // namespace skerry::agent
