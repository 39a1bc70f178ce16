// Copies under way: each is one skerry-unpack, which has the container's file system for its root
// and a pipe for the archive (unpack/protocol.h). It dies with its call, and when the container
// ends or begins.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/containers/manager.h"
#include "agent/copies/container_root.h"
#include "images/unpacker.h"

namespace skerry::agent {

enum class CopyKind : std::uint8_t { kIn, kOut };

struct CopyRequest {
  skerry::v1::ContainerRef container;
  CopyKind kind = CopyKind::kIn;
  std::string path;
  std::string owner;  ///< "USER[:GROUP]", looked up inside; empty: the archive's
};

/// One copy that runs. Its destruction kills it. Thread: reactor.
class Copy {
 public:
  Copy() = default;
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  virtual ~Copy() = default;

  /// What is copied out: what was there when it began.
  skerry::v1::PathInfo info;
  /// Our end of the archive's pipe.
  UniqueFd pipe;
  /// Calls `done` when it has ended, perhaps at once. Errors: NOT_FOUND, reason PATH_NOT_FOUND;
  /// INVALID_ARGUMENT, reasons NOT_A_DIRECTORY and ARCHIVE_INVALID; FAILED_PRECONDITION, reason
  /// READ_ONLY; RESOURCE_EXHAUSTED; ABORTED when it was killed.
  virtual void on_end(std::function<void(Result<images::UnpackReport>)> done) = 0;
};

/// Thread: reactor. Made in main, outlives the copies.
class CopyDesk final {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    Host& host;
    ContainerManager& containers;
    const operations::FailpointRegistry& failpoints;
    /// skerry-unpack.
    std::string program;
  };
  explicit CopyDesk(Parts parts);
  CopyDesk(const CopyDesk&) = delete;
  CopyDesk& operator=(const CopyDesk&) = delete;
  ~CopyDesk();

  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  /// Begins a copy. Errors: as Copy::on_end; those of ContainerManager::find and root_subject;
  /// RESOURCE_EXHAUSTED, reason COPIES, at kMaxCopies.
  void start(CopyRequest request, const std::function<void(Result<std::unique_ptr<Copy>>)>& done);
  void look_at(const skerry::v1::ContainerRef& container,
               const std::string& path,
               const std::function<void(Result<skerry::v1::PathInfo>)>& done);

  static constexpr std::size_t kMaxCopies = 16;

 private:
  class Running;
  struct Started;
  Result<Started> spawn(const RootSubject& subject, const CopyRequest& request);
  void started(const Uid& uid,
               Result<Started> result,
               const std::function<void(Result<std::unique_ptr<Copy>>)>& done);
  void container_changed(const Container& container);

  Parts parts_;
  os::ForeignPaths foreign_;
  std::multimap<std::string, Running*> running_;  ///< by container
  std::size_t starting_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
