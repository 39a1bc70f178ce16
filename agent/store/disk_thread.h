// The store thread: whatever waits for the disk, so that the reactor does not.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "agent/runtime/mutex.h"
#include "agent/runtime/reactor.h"
#include "agent/store/database.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::store {

class DiskThread final {
 public:
  using Done = std::move_only_function<void(Result<>)>;

  /// `file` is the open database's, in WAL mode and with something in its WAL.
  static Result<std::unique_ptr<DiskThread>> start(const std::filesystem::path& file,
                                                   runtime::Reactor& reactor,
                                                   runtime::Trace& trace);
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;
  /// Ends after what it is doing; callbacks that wait are destroyed uncalled. Blocks: disk.
  ~DiskThread();

  /// See Store::durable(). Thread: any. Blocks: never.
  void durable(Done done);
  /// Copies the WAL into the database soon. Thread: any. Blocks: never.
  void checkpoint();
  /// Waits until no checkpoint is being made, or asked for. Blocks: disk.
  void finish_checkpoint();

 private:
  DiskThread(std::unique_ptr<Database> database,
             UniqueFd wal,
             runtime::Reactor& reactor,
             runtime::Trace& trace);
  void work();
  Result<> sync();
  void copy_wal();

  std::unique_ptr<Database> database_;
  UniqueFd wal_;
  runtime::Reactor& reactor_;
  runtime::Trace& trace_;
  std::optional<Error> sync_failed_;
  runtime::Mutex mutex_;
  runtime::Condition wake_;
  std::vector<Done> waiting_ GUARDED_BY(mutex_);
  bool checkpoint_ GUARDED_BY(mutex_) = false;  // asked for
  bool copying_ GUARDED_BY(mutex_) = false;     // being made
  runtime::Condition copied_;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace skerry::store
