// Containers as what clients are attached to: the last lines of the log, then what is written.
#pragma once

#include <memory>
#include <unordered_map>

#include "agent/attach/output_hub.h"
#include "agent/attach/target.h"
#include "agent/containers/manager.h"
#include "agent/runtime/worker_pool.h"
#include "skerry/v1/container_service.pb.h"

namespace skerry::agent {

/// Thread: reactor. Made in main, outlives every target it gave out.
class ContainerAttachments final {
 public:
  using Header = skerry::v1::AttachContainerRequest::Header;
  struct Connected {
    std::unique_ptr<AttachTarget> target;
    ViewPtr view;
    bool terminal = false;
    bool stdin_wanted = false;  ///< by its spec
  };

  ContainerAttachments(runtime::Reactor& reactor,
                       runtime::WorkerPool& workers,
                       ContainerManager& containers)
      : reactor_(reactor), workers_(workers), containers_(containers) {}
  ContainerAttachments(const ContainerAttachments&) = delete;
  ContainerAttachments& operator=(const ContainerAttachments&) = delete;
  ~ContainerAttachments() { *alive_ = false; }

  /// `on_ready` is called when there is something to take. Errors: FAILED_PRECONDITION, reasons
  /// STATE and NO_STDIN; ABORTED, reason BUSY; INVALID_ARGUMENT.
  void attach(const Header& header,
              std::function<void()> on_ready,
              std::function<void(Result<Connected>)> done);

  /// What waits for one client at most.
  static constexpr std::size_t kQueueBytes = 256UL * 1024;
  static constexpr std::uint32_t kMaxTail = 10'000;

 private:
  friend class ContainerTarget;
  struct Joining;
  OutputHub& hub(const Uid& uid);
  void leave(const Uid& uid, const std::shared_ptr<OutputHub::Client>& client);
  void join(const std::shared_ptr<Joining>& joining);

  runtime::Reactor& reactor_;
  runtime::WorkerPool& workers_;
  ContainerManager& containers_;
  std::unordered_map<std::string, std::unique_ptr<OutputHub>> hubs_;  ///< by uid
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
