// The images of the daemon: imports, names, removal, and what a launch needs of an image.
//
//   reactor    import_image ──► queued
//   imports       open the source, unpack it in SCOPE/helpers       (own threads: it may take long)
//   reactor       commit: visible from here on, with its events
//   workers       settle: on disk
//   reactor    done
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/containers/host.h"
#include "agent/containers/manager.h"
#include "agent/images/catalog.h"
#include "agent/images/import_source.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/operation_table.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/worker_pool.h"
#include "images/image_store.h"

namespace skerry::agent {

struct ImportRequest {
  std::vector<images::ImageName> names;
  /// A path of this host, absolute, or what was opened already.
  std::variant<std::string, ImportSource> source;
  /// Whether the caller has hung up: then nothing is kept, up to the moment it would become
  /// visible. Thread: any.
  std::function<bool()> abandoned;
};

/// An image, and how many containers are made from it.
struct ImageView {
  images::Image image;
  std::uint32_t containers = 0;
};

/// Thread: reactor, every member; callbacks are called there too, some before the call returns.
class ImageDesk final {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;  ///< has shut down before the desk ends
    runtime::Trace& trace;
    const Clock& clock;
    store::Store& store;
    events::EventLog& events;
    operations::OperationTable& table;
    const operations::FailpointRegistry& failpoints;
    Host& host;
    std::string unpacker;  ///< path of skerry-unpack
  };

  /// "import.stage", "import.commit", "import.settle": before each of these.
  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  /// Sweeps what imports left behind and compares records with trees. Errors: as ImageStore's
  /// recover(). Blocks: disk (start only).
  static Result<std::unique_ptr<ImageDesk>> open(Parts parts);
  /// The same with another unpacker.
  static Result<std::unique_ptr<ImageDesk>> open(Parts parts,
                                                 std::unique_ptr<images::Unpacker> unpacker);
  ImageDesk(const ImageDesk&) = delete;
  ImageDesk& operator=(const ImageDesk&) = delete;
  /// Kills the imports under way; their callers are not called. Blocks: until they have ended.
  ~ImageDesk();

  /// Who uses images. Until it is called nobody does.
  void set_users(const ContainerManager& containers) { users_ = &containers; }

  /// Errors: as ImageStore::find(). Blocks: never.
  Result<ResolvedImage> resolve(const std::string& reference) const;

  /// Errors: INVALID_ARGUMENT, reasons ARCHIVE_… and ENTRY_… (see images/unpacker.h),
  /// SOURCE_INVALID; NOT_FOUND for the path; DEADLINE_EXCEEDED when the path does not open within
  /// kOpenDeadline; CANCELLED when abandoned; RESOURCE_EXHAUSTED (disk, limits, too many imports).
  /// After an error nothing is kept, with one exception: when the disk fails after the commit, an
  /// image that was here before keeps its new names.
  void import_image(ImportRequest request, std::function<void(Result<ImageView>)> done);

  /// `reference` is as for ImageStore::find(), for all three.
  Result<ImageView> find(const std::string& reference) const;
  /// In the order of their import.
  std::vector<ImageView> list() const;
  std::size_t count() const { return store_.list().size(); }
  /// Answered when the space is free again. Errors: as ImageStore::remove().
  void remove(const std::string& reference, std::function<void(Result<images::ImageRemoval>)> done);

  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kQueue = 256;
  static constexpr std::chrono::seconds kOpenDeadline{10};

 private:
  struct Work;
  struct Import;
  struct Removal;
  using WorkPtr = std::shared_ptr<Work>;
  using ImportPtr = std::shared_ptr<Import>;

  ImageDesk(Parts parts, std::unique_ptr<images::Unpacker> unpacker, images::LayerStore layers);
  Result<> recover();
  Result<> open_group();
  ImageView view(images::Image image) const;
  bool in_use(const images::ContentId& id) const;
  /// Runs the task on the reactor, unless the desk is gone by then. Thread: any.
  void post(runtime::Task task);
  void begin(const WorkPtr& work, std::string object, std::string operation);
  void end(const WorkPtr& work);
  /// Runs `job` on a worker, as soon as there is one, and `then` with its result on the reactor.
  void on_worker(const WorkPtr& work,
                 const std::function<Result<>()>& job,
                 const std::function<void(Result<>)>& then);

  // Import threads.
  void stage(const ImportPtr& import);
  Result<images::StagedLayer> try_stage(const ImportPtr& import);
  Result<ImportSource> open_source(const ImportPtr& import);
  Result<images::StagedLayer> unpack(const Import& import, const ImportSource& source);
  Result<> settle_import();

  // Reactor.
  void limit_opening(const ImportPtr& import);
  void commit(const ImportPtr& import, Result<images::StagedLayer> staged);
  void settled(const ImportPtr& import, Result<> result);
  void take_back(const ImportPtr& import, Error why);
  void finish(const ImportPtr& import, Result<ImageView> result);

  Parts parts_;
  std::unique_ptr<images::Unpacker> unpacker_;
  images::LayerStore layers_;
  Catalog catalog_;
  images::ImageStore store_;
  const ContainerManager* users_ = nullptr;
  std::set<WorkPtr> under_way_;
  std::unique_ptr<os::Cgroup> group_;  ///< null where the host gives us no cgroups (tests)
  os::CgroupJoin join_;
  std::atomic<bool> stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  runtime::WorkerPool threads_;
};

}  // namespace skerry::agent
