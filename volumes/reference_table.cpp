#include "volumes/reference_table.h"

#include <utility>

#include "base/check.h"

namespace skerry::volumes {

ReferenceTable::Need ReferenceTable::acquire(const VolumeKey& key, const std::string& consumer) {
  VolumeReferences& row = rows_[key];
  row.consumers.insert(consumer);
  return row.certain ? Need::kNothing : Need::kDriverCall;
}

void ReferenceTable::set_staged(const VolumeKey& key, Staged staged) {
  const auto row = rows_.find(key);
  CHECK(row != rows_.end());
  row->second.staged = std::move(staged);
  row->second.certain = true;
}

ReferenceTable::Need ReferenceTable::release(const VolumeKey& key, const std::string& consumer) {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return Need::kNothing;
  row->second.consumers.erase(consumer);
  if (!row->second.consumers.empty()) return Need::kNothing;
  // An unstage that fails half-way must not look like a staged volume to the next consumer.
  row->second.certain = false;
  return Need::kDriverCall;
}

void ReferenceTable::set_unstaged(const VolumeKey& key) {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return;
  if (row->second.consumers.empty()) {
    rows_.erase(row);
  } else {
    row->second.staged.reset();
    row->second.certain = false;
  }
}

void ReferenceTable::restore(const VolumeKey& key, std::optional<VolumeReferences> entry) {
  if (entry) {
    rows_.insert_or_assign(key, std::move(*entry));
  } else {
    rows_.erase(key);
  }
}

const VolumeReferences* ReferenceTable::find(const VolumeKey& key) const {
  const auto row = rows_.find(key);
  return row == rows_.end() ? nullptr : &row->second;
}

std::vector<VolumeKey> ReferenceTable::volumes_of(const std::string& consumer) const {
  std::vector<VolumeKey> out;
  for (const auto& [key, row] : rows_)
    if (row.consumers.contains(consumer)) out.push_back(key);
  return out;
}

std::vector<VolumeKey> ReferenceTable::debts() const {
  std::vector<VolumeKey> out;
  for (const auto& [key, row] : rows_)
    if (row.consumers.empty()) out.push_back(key);
  return out;
}

ReferenceTable ReferenceTable::of(std::map<VolumeKey, VolumeReferences> rows) {
  ReferenceTable table;
  table.rows_ = std::move(rows);
  return table;
}

}  // namespace skerry::volumes
