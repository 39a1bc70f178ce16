#include "agent/volumes/volume_book.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace skerry::agent {
namespace {

using skerry::v1::EventType;
using volumes::ReferenceTable;
using volumes::Staged;
using volumes::VolumeKey;
using volumes::VolumeReferences;

constexpr std::string_view kVolumeKind = "volume";
constexpr std::string_view kReferencesKind = "volume-references";
constexpr const char* kOwnDriver = "local";

Error differs(const VolumeRecord& record, std::string_view how) {
  return Error(Code::kAlreadyExists, fmt::format("volume \"{}\" exists {}", record.id.name, how))
      .with_reason("VOLUME_DIFFERS")
      .with_object("volume " + record.id.name);
}

Error changed_meanwhile(const VolumeId& id) {
  return Error(Code::kAborted, fmt::format("volume \"{}\" was made anew meanwhile", id.name))
      .with_reason("VOLUME_CHANGED")
      .as_retryable();
}

std::optional<VolumeReferences> copy_of(const VolumeReferences* references) {
  return references == nullptr ? std::nullopt : std::optional(*references);
}

}  // namespace

// --- reading --------------------------------------------------------------------------------

std::optional<VolumeRecord> VolumeBook::find(const VolumeId& id) const {
  const runtime::MutexLock lock(mutex_);
  const auto found = records_.find(id);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<VolumeEntry> VolumeBook::entry(const VolumeId& id) const {
  const runtime::MutexLock lock(mutex_);
  const auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  const VolumeKey key = key_of(found->second);
  const auto problem = problems_.find(key);
  return VolumeEntry{.record = found->second,
                     .references = copy_of(references_.find(key)),
                     .problem = problem == problems_.end() ? "" : problem->second.message()};
}

std::vector<VolumeEntry> VolumeBook::list() const {
  const runtime::MutexLock lock(mutex_);
  std::vector<VolumeEntry> all;
  all.reserve(records_.size());
  for (const auto& [id, record] : records_) {
    const VolumeKey key = key_of(record);
    const auto problem = problems_.find(key);
    all.push_back({.record = record,
                   .references = copy_of(references_.find(key)),
                   .problem = problem == problems_.end() ? "" : problem->second.message()});
  }
  return all;
}

std::optional<VolumeReferences> VolumeBook::references(const VolumeKey& key) const {
  const runtime::MutexLock lock(mutex_);
  return copy_of(references_.find(key));
}

std::map<VolumeKey, VolumeReferences> VolumeBook::all_references() const {
  const runtime::MutexLock lock(mutex_);
  return references_.rows();
}

std::vector<VolumeKey> VolumeBook::volumes_of(const Uid& consumer) const {
  const runtime::MutexLock lock(mutex_);
  return references_.volumes_of(consumer.str());
}

volumes::Volume VolumeBook::volume(const VolumeKey& key) const {
  const auto record = find(volume_id_of(key.name));
  if (record && record->driver == key.driver) return volume_of(*record);
  return {.name = key.name};
}

Result<VolumeRecord> VolumeBook::match(const VolumeWish& wish) const {
  const auto record = find(wish.id);
  if (!record) {
    return VolumeRecord{.id = wish.id,
                        .driver = wish.driver.empty() ? kOwnDriver : wish.driver,
                        .options = wish.options.value_or(volumes::VolumeOptions()),
                        .labels = wish.labels,
                        .created = parts_.clock.wall()};
  }
  if (!wish.driver.empty() && wish.driver != record->driver) {
    return differs(*record, fmt::format("with the driver \"{}\"", record->driver));
  }
  if (wish.options && *wish.options != record->options) {
    return differs(*record, "with other options");
  }
  return *record;
}

void VolumeBook::note(const VolumeKey& key, const Result<>& result) {
  const runtime::MutexLock lock(mutex_);
  if (result) {
    problems_.erase(key);
  } else {
    problems_.insert_or_assign(key, result.error());
  }
}

std::optional<Error> VolumeBook::problem_of(const std::string& driver) const {
  const runtime::MutexLock lock(mutex_);
  const auto found = std::ranges::find_if(
      problems_, [&](const auto& problem) { return problem.first.driver == driver; });
  return found == problems_.end() ? std::nullopt : std::optional(found->second);
}

// --- loading --------------------------------------------------------------------------------

Result<> VolumeBook::load() {
  TRY_ASSIGN(const auto rows, read_rows());
  for (const store::ObjectRow& row : rows) {
    if (take_row(row)) continue;
    store::Transaction transaction = parts_.store.begin();
    transaction.quarantine_object(row.kind, row.key, "the record does not decode");
    TRY(transaction.commit());
    parts_.trace.warning("a damaged record was put into quarantine",
                         {{"table", row.kind}, {"key", row.key}});
  }
  return {};
}

Result<std::vector<store::ObjectRow>> VolumeBook::read_rows() {
  TRY_ASSIGN(auto loaded, parts_.store.objects());
  for (const store::BadRecord& bad : loaded.bad) {
    parts_.trace.warning("a damaged record was put into quarantine",
                         {{"table", bad.table}, {"key", bad.key}, {"why", bad.why}});
  }
  std::erase_if(loaded.rows, [](const store::ObjectRow& row) {
    return row.kind != kVolumeKind && row.kind != kReferencesKind;
  });
  return std::move(loaded.rows);
}

bool VolumeBook::take_row(const store::ObjectRow& row) {
  const runtime::MutexLock lock(mutex_);
  if (row.kind == kVolumeKind) {
    auto record = decode_volume(row.record);
    if (!record || record->id.str() != row.key) return false;
    records_.insert_or_assign(record->id, std::move(*record));
    return true;
  }
  auto record = decode_references(row.record);
  if (!record || record->key.str() != row.key) return false;
  if (record->boot_id != parts_.boot_id) {
    // Whatever was mounted went with the boot; what plugins keep over it is given back by unstage.
    record->references.staged.reset();
    record->references.certain = false;
  }
  references_.restore(record->key, std::move(record->references));
  return true;
}

// --- writing --------------------------------------------------------------------------------

void VolumeBook::put(store::Transaction& transaction, const VolumeRecord& record) {
  transaction.put(store::ObjectRow{
      .kind = std::string(kVolumeKind), .key = record.id.str(), .record = encode_volume(record)});
  transaction.on_commit([this, record] {
    const runtime::MutexLock lock(mutex_);
    records_.insert_or_assign(record.id, record);
  });
}

void VolumeBook::remove(store::Transaction& transaction, const VolumeId& id) {
  transaction.remove_object(kVolumeKind, id.str());
  transaction.on_commit([this, id] {
    const runtime::MutexLock lock(mutex_);
    const auto record = records_.find(id);
    if (record == records_.end()) return;
    problems_.erase(key_of(record->second));
    records_.erase(record);
  });
}

void VolumeBook::tell(store::Transaction& transaction,
                      EventType type,
                      const VolumeId& id,
                      const std::string& driver) {
  skerry::v1::Event event;
  event.set_type(type);
  event.set_tenant(id.tenant);
  event.set_volume(id.name);
  event.set_volume_driver(driver);
  parts_.events.append(transaction,
                       {.type = static_cast<std::uint32_t>(type),
                        .object = "volume " + id.str(),
                        .blob = event.SerializeAsString()});
}

// Changes the references first, because what is journaled is what came of it; a reader who sees it
// a moment before it is certain does no harm.
Result<> VolumeBook::commit(store::Transaction transaction,
                            const VolumeKey& key,
                            const Mutation& mutate) {
  std::optional<VolumeReferences> before;
  std::optional<VolumeReferences> after;
  {
    const runtime::MutexLock lock(mutex_);
    before = copy_of(references_.find(key));
    mutate(references_);
    after = copy_of(references_.find(key));
  }
  if (after) {
    transaction.put(store::ObjectRow{
        .kind = std::string(kReferencesKind),
        .key = key.str(),
        .record =
            encode_references({.key = key, .references = *after, .boot_id = parts_.boot_id})});
  } else {
    transaction.remove_object(kReferencesKind, key.str());
  }
  auto committed = transaction.commit();
  if (committed) return committed;
  const runtime::MutexLock lock(mutex_);
  references_.restore(key, std::move(before));
  return committed;
}

Result<Admission> VolumeBook::admit(const VolumeWish& wish, const VolumeKey& key, const Uid& uid) {
  Admission out;
  TRY_ASSIGN(out.record, match(wish));
  if (key_of(out.record) != key) return changed_meanwhile(wish.id);
  store::Transaction transaction = parts_.store.begin();
  if (!find(wish.id)) put(transaction, out.record);
  TRY(commit(std::move(transaction), key, [&](ReferenceTable& table) {
    out.is_fresh = table.find(key) == nullptr;
    out.need = table.acquire(key, uid.str());
    out.staged = table.find(key)->staged;
    out.is_alone = table.find(key)->consumers.size() == 1;
  }));
  return out;
}

Result<VolumeRecord> VolumeBook::intend(const VolumeWish& wish, const VolumeKey& key) {
  TRY_ASSIGN(VolumeRecord record, match(wish));
  if (key_of(record) != key) return changed_meanwhile(wish.id);
  if (find(wish.id)) return record;
  store::Transaction transaction = parts_.store.begin();
  put(transaction, record);
  TRY(transaction.commit());
  return record;
}

Result<> VolumeBook::made(const VolumeId& id) {
  auto record = find(id);
  if (!record || record->exists) return {};
  record->exists = true;
  store::Transaction transaction = parts_.store.begin();
  put(transaction, *record);
  tell(transaction, skerry::v1::EVENT_TYPE_VOLUME_CREATED, id, record->driver);
  return transaction.commit();
}

Result<> VolumeBook::doubt(const VolumeId& id) {
  auto record = find(id);
  if (!record || !record->exists) return {};
  record->exists = false;
  store::Transaction transaction = parts_.store.begin();
  put(transaction, *record);
  return transaction.commit();
}

Result<> VolumeBook::removed(const VolumeId& id) {
  const auto record = find(id);
  if (!record) return {};
  store::Transaction transaction = parts_.store.begin();
  remove(transaction, id);
  tell(transaction, skerry::v1::EVENT_TYPE_VOLUME_REMOVED, id, record->driver);
  return transaction.commit();
}

Result<> VolumeBook::drop_unmade(const VolumeId& id) {
  const auto record = find(id);
  if (!record || record->exists || references(key_of(*record))) return {};
  store::Transaction transaction = parts_.store.begin();
  remove(transaction, id);
  return transaction.commit();
}

Result<> VolumeBook::staged(const VolumeKey& key, const Staged& staged) {
  const VolumeId id = volume_id_of(key.name);
  store::Transaction transaction = parts_.store.begin();
  if (auto record = find(id); record && !record->exists && record->driver == key.driver) {
    record->exists = true;
    put(transaction, *record);
    tell(transaction, skerry::v1::EVENT_TYPE_VOLUME_CREATED, id, key.driver);
  }
  const auto before = references(key);
  if (!before || !before->certain) {
    tell(transaction, skerry::v1::EVENT_TYPE_VOLUME_MOUNTED, id, key.driver);
  }
  return commit(std::move(transaction), key, [&](ReferenceTable& table) {
    if (table.find(key) != nullptr) table.set_staged(key, staged);
  });
}

Result<ReferenceTable::Need> VolumeBook::leave(const VolumeKey& key, const Uid& uid) {
  if (!references(key)) return ReferenceTable::Need::kNothing;
  auto need = ReferenceTable::Need::kNothing;
  TRY(commit(parts_.store.begin(), key, [&](ReferenceTable& table) {
    need = table.release(key, uid.str());
  }));
  return need;
}

Result<> VolumeBook::unstaged(const VolumeKey& key) {
  const auto before = references(key);
  if (!before) return {};
  store::Transaction transaction = parts_.store.begin();
  if (before->staged) {
    tell(transaction, skerry::v1::EVENT_TYPE_VOLUME_UNMOUNTED, volume_id_of(key.name), key.driver);
  }
  return commit(
      std::move(transaction), key, [&](ReferenceTable& table) { table.set_unstaged(key); });
}

Result<> VolumeBook::presume(const VolumeRecord& record, const Uid& uid) {
  const VolumeKey key = key_of(record);
  store::Transaction transaction = parts_.store.begin();
  if (!find(record.id)) put(transaction, record);
  return commit(
      std::move(transaction), key, [&](ReferenceTable& table) { table.acquire(key, uid.str()); });
}

}  // namespace skerry::agent
