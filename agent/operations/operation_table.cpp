#include "agent/operations/operation_table.h"

namespace skerry::operations {

OperationTable::Entry::Entry(OperationTable& table,
                             std::string object,
                             std::string operation,
                             std::shared_ptr<const runtime::CancelToken> cancel)
    : table_(&table) {
  const WallTime now = table.clock_.wall();
  const runtime::MutexLock lock(table.mutex_);
  id_ = table.next_id_++;
  table.operations_.emplace(id_,
                            Line{.info = {.object = std::move(object),
                                          .operation = std::move(operation),
                                          .step = "queued",
                                          .since = now,
                                          .step_since = now},
                                 .cancel = std::move(cancel)});
}

OperationTable::Entry::~Entry() {
  if (table_ == nullptr) return;
  const runtime::MutexLock lock(table_->mutex_);
  table_->operations_.erase(id_);
}

void OperationTable::Entry::at_step(std::string step) {
  const WallTime now = table_->clock_.wall();
  const runtime::MutexLock lock(table_->mutex_);
  OperationInfo& info = table_->operations_.at(id_).info;
  info.step = std::move(step);
  info.step_since = now;
}

std::vector<OperationInfo> OperationTable::snapshot() const {
  std::vector<OperationInfo> operations;
  const runtime::MutexLock lock(mutex_);
  operations.reserve(operations_.size());
  for (const auto& [id, line] : operations_) {
    operations.push_back(line.info);
    operations.back().id = id;
    operations.back().cancelled = line.cancel != nullptr && line.cancel->cancelled();
  }
  return operations;
}

}  // namespace skerry::operations
