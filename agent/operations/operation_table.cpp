#include "agent/operations/operation_table.h"

#include <utility>

namespace skerry::operations {

OperationTable::OperationTable(const Clock& clock) : lines_(std::make_shared<Lines>(clock)) {}

OperationTable::Entry::Entry(OperationTable& table,
                             std::string object,
                             std::string operation,
                             std::shared_ptr<const runtime::CancelToken> cancel)
    : lines_(table.lines_) {
  const WallTime now = lines_->clock.wall();
  const runtime::MutexLock lock(lines_->mutex);
  id_ = lines_->next_id++;
  Line line{.info = {.object = std::move(object),
                     .operation = std::move(operation),
                     .step = "queued",
                     .since = now,
                     .step_since = now,
                     .id = id_},
            .cancel = std::move(cancel)};
  lines_->by_id.emplace(id_, std::move(line));
}

OperationTable::Entry::~Entry() {
  if (lines_ == nullptr) return;
  const runtime::MutexLock lock(lines_->mutex);
  lines_->by_id.erase(id_);
}

void OperationTable::Entry::at_step(std::string step) {
  const WallTime now = lines_->clock.wall();
  const runtime::MutexLock lock(lines_->mutex);
  OperationInfo& info = lines_->by_id.at(id_).info;
  info.step = std::move(step);
  info.step_since = now;
}

std::vector<OperationInfo> OperationTable::snapshot() const {
  std::vector<OperationInfo> operations;
  const runtime::MutexLock lock(lines_->mutex);
  operations.reserve(lines_->by_id.size());
  for (const auto& [id, line] : lines_->by_id) {
    operations.push_back(line.info);
    operations.back().cancelled = line.cancel != nullptr && line.cancel->cancelled();
  }
  return operations;
}

}  // namespace skerry::operations
