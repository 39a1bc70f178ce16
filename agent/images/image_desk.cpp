#include "agent/images/image_desk.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <tuple>

#include <fmt/format.h>

#include "os/path.h"

namespace skerry::agent {
namespace {

using images::ContentId;
using images::Image;
using images::ImageRemoval;
using images::StagedLayer;
using operations::OperationTable;

constexpr std::string_view kStage = "import.stage";
constexpr std::string_view kCommit = "import.commit";
constexpr std::string_view kSettle = "import.settle";
constexpr std::string_view kRemove = "image-remove.record";
constexpr std::string_view kRemoveSettle = "image-remove.settle";
constexpr auto kBusyRetry = std::chrono::milliseconds(100);
constexpr auto kKillInterval = std::chrono::milliseconds(10);

Error hung_up() { return Error(Code::kCancelled, "the caller has hung up"); }

Error too_late(const std::string& path) {
  return Error(
             Code::kDeadlineExceeded,
             fmt::format("\"{}\" did not open within {} s", path, ImageDesk::kOpenDeadline.count()))
      .as_retryable();
}

std::string describe(const ImportRequest& request) {
  if (!request.names.empty()) return "image " + request.names.front().str();
  const auto* path = std::get_if<std::string>(&request.source);
  return path != nullptr ? "image from " + *path : "image without a name";
}

}  // namespace

// What is under way. Timers, posted tasks and threads share it, and some of these end after the
// desk does: what it registered elsewhere goes with the desk.
struct ImageDesk::Work {
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;

  std::optional<OperationTable::Entry> entry;
  runtime::Timer timer;
};

struct ImageDesk::Import final : Work {
  ImportRequest request;
  std::function<void(Result<ImageView>)> done;  // empty once called
  bool fresh = false;                           // the tree came with this import
  Image image;

  bool abandoned() const { return request.abandoned && request.abandoned(); }
};

struct ImageDesk::Removal final : Work {
  ImageRemoval removed;
  std::function<void(Result<ImageRemoval>)> done;
};

void ImageDesk::declare_failpoints(operations::FailpointRegistry& failpoints) {
  for (const std::string_view name : {kStage, kCommit, kSettle, kRemove, kRemoveSettle}) {
    failpoints.declare(name);
  }
}

Result<std::unique_ptr<ImageDesk>> ImageDesk::open(Parts parts) {
  auto unpacker = std::make_unique<images::ProcessUnpacker>(parts.unpacker);
  return open(std::move(parts), std::move(unpacker));
}

Result<std::unique_ptr<ImageDesk>> ImageDesk::open(Parts parts,
                                                   std::unique_ptr<images::Unpacker> unpacker) {
  TRY_ASSIGN(const UniqueFd root, os::open_dir(parts.host.directories.root));
  TRY_ASSIGN(images::LayerStore layers, images::LayerStore::open(root.get()));
  std::unique_ptr<ImageDesk> desk(
      new ImageDesk(std::move(parts), std::move(unpacker), std::move(layers)));
  TRY(desk->open_group());
  TRY(desk->recover());
  return desk;
}

ImageDesk::ImageDesk(Parts parts,
                     std::unique_ptr<images::Unpacker> unpacker,
                     images::LayerStore layers)
    : parts_(std::move(parts)),
      unpacker_(std::move(unpacker)),
      layers_(std::move(layers)),
      catalog_(parts_.store, parts_.events, parts_.trace),
      store_(layers_, catalog_),
      threads_("import", kThreads, kQueue, parts_.trace) {}

ImageDesk::~ImageDesk() {
  stopping_ = true;
  // Again and again: one that was about to begin at the first kill begins after it.
  while (threads_.in_flight() > 0) {
    if (group_) static_cast<void>(group_->kill());
    std::this_thread::sleep_for(kKillInterval);
  }
  threads_.shutdown();
  for (const WorkPtr& work : under_way_) {
    work->timer.reset();
    work->entry.reset();
  }
}

Result<> ImageDesk::open_group() {
  if (!parts_.host.cgroups) return {};
  TRY_ASSIGN(group_, parts_.host.cgroups->make_leaf(parts_.host.scope + "/helpers"));
  TRY_ASSIGN(join_, group_->join());
  return {};
}

Result<> ImageDesk::recover() {
  TRY_ASSIGN(const images::ImageRecovery recovery, store_.recover());
  if (recovery.swept > 0) {
    parts_.trace.info("left-overs of imports deleted", {{"count", std::to_string(recovery.swept)}});
  }
  for (const ContentId& id : recovery.adopted) {
    parts_.trace.warning("image without a record adopted", {{"image", api_content_id(id)}});
  }
  for (const ContentId& id : recovery.dropped) {
    parts_.trace.warning("image without a tree dropped", {{"image", api_content_id(id)}});
  }
  return {};
}

// --- what is there --------------------------------------------------------------------------

bool ImageDesk::in_use(const ContentId& id) const {
  return users_ != nullptr && users_->uses_image(api_content_id(id));
}

ImageView ImageDesk::view(Image image) const {
  ImageView view{.image = std::move(image), .containers = 0};
  if (users_ != nullptr) {
    view.containers = users_->count_users(api_content_id(view.image.content_id));
  }
  return view;
}

Result<ResolvedImage> ImageDesk::resolve(const std::string& reference) const {
  TRY_ASSIGN(const Image image, store_.find(reference));
  return ResolvedImage{
      .content_id = api_content_id(image.content_id),
      .layers = {fmt::format(
          "{}/layers/{}/fs", parts_.host.directories.root, image.content_id.hex())},
  };
}

Result<ImageView> ImageDesk::find(const std::string& reference) const {
  TRY_ASSIGN(Image image, store_.find(reference));
  return view(std::move(image));
}

std::vector<ImageView> ImageDesk::list() const {
  std::vector<ImageView> all;
  for (Image& image : store_.list()) all.push_back(view(std::move(image)));
  std::ranges::sort(all, {}, [](const ImageView& each) {
    return std::tuple(each.image.created, each.image.content_id);
  });
  return all;
}

// --- what is under way ----------------------------------------------------------------------

void ImageDesk::post(runtime::Task task) {
  parts_.reactor.post([alive = std::weak_ptr(alive_), task = std::move(task)]() mutable {
    if (alive.lock()) task();
  });
}

void ImageDesk::begin(const WorkPtr& work, std::string object, std::string operation) {
  work->entry.emplace(parts_.table, std::move(object), std::move(operation), nullptr);
  under_way_.insert(work);
}

void ImageDesk::end(const WorkPtr& work) {
  work->timer.reset();
  work->entry.reset();
  under_way_.erase(work);
}

void ImageDesk::on_worker(const WorkPtr& work,
                          const std::function<Result<>()>& job,
                          const std::function<void(Result<>)>& then) {
  auto submitted = parts_.workers.submit(
      [this, job, then] { post([then, result = job()]() mutable { then(std::move(result)); }); });
  if (submitted) return;
  work->timer = parts_.reactor.after(kBusyRetry, [this, weak = std::weak_ptr(work), job, then] {
    if (const WorkPtr again = weak.lock()) on_worker(again, job, then);
  });
}

// --- import ---------------------------------------------------------------------------------

void ImageDesk::import_image(ImportRequest request, std::function<void(Result<ImageView>)> done) {
  auto import = std::make_shared<Import>();
  import->request = std::move(request);
  import->done = std::move(done);
  begin(import, describe(import->request), "import");
  auto queued = threads_.submit([this, import] { stage(import); });
  if (queued) return;
  finish(import, std::move(queued).error());
  end(import);
}

void ImageDesk::stage(const ImportPtr& import) {
  auto staged = try_stage(import);
  post([this, import, staged = std::move(staged)]() mutable { commit(import, std::move(staged)); });
}

Result<StagedLayer> ImageDesk::try_stage(const ImportPtr& import) {
  TRY_ASSIGN(const ImportSource source, open_source(import));
  import->entry->at_step(std::string(kStage));
  TRY(parts_.failpoints.hit(kStage));
  TRY_ASSIGN(StagedLayer staged, unpack(*import, source));
  import->entry->at_step(std::string(kCommit));
  // Here and not on the reactor, which an armed delay would stop.
  auto hit = parts_.failpoints.hit(kCommit);
  if (hit) return staged;
  static_cast<void>(layers_.discard(staged));
  static_cast<void>(layers_.settle());
  return std::move(hit).error();
}

Result<ImportSource> ImageDesk::open_source(const ImportPtr& import) {
  if (stopping_ || import->abandoned()) return hung_up();
  auto* path = std::get_if<std::string>(&import->request.source);
  if (path == nullptr) return std::move(std::get<ImportSource>(import->request.source));
  import->entry->at_step("import.open");
  post([this, import] { limit_opening(import); });
  auto source = open_import_source(*path, parts_.host.bind_sources);
  post([import] { import->timer.reset(); });
  return source;
}

// A thread may hang in a dead file system; its caller need not.
void ImageDesk::limit_opening(const ImportPtr& import) {
  import->timer = parts_.reactor.after(kOpenDeadline, [this, weak = std::weak_ptr(import)] {
    const ImportPtr late = weak.lock();
    if (late) finish(late, too_late(std::get<std::string>(late->request.source)));
  });
}

Result<StagedLayer> ImageDesk::unpack(const Import& import, const ImportSource& source) {
  if (stopping_ || import.abandoned()) return hung_up();
  images::UnpackJob job;
  job.source_kind = source.kind;
  job.source = source.fd.get();
  job.cgroup = group_ ? &join_ : nullptr;
  return layers_.stage(*unpacker_, job, parts_.clock);
}

void ImageDesk::commit(const ImportPtr& import, Result<StagedLayer> staged) {
  import->timer.reset();
  if (!staged) {
    finish(import, std::move(staged).error());
    return end(import);
  }
  // The stream of a caller that dies ends as if it were complete, and by now we know.
  if (!import->done || import->abandoned()) {
    static_cast<void>(layers_.discard(*staged));
    return take_back(import, hung_up());
  }
  import->fresh = !store_.find(api_content_id(staged->info.content_id)).has_value();
  auto image = store_.commit(*staged, import->request.names);
  if (!image) return take_back(import, std::move(image).error());
  import->image = std::move(*image);
  import->entry->at_step(std::string(kSettle));
  on_worker(
      import,
      [this] { return settle_import(); },
      [this, import](Result<> result) { settled(import, std::move(result)); });
}

Result<> ImageDesk::settle_import() {
  TRY(parts_.failpoints.hit(kSettle));
  return layers_.settle();
}

void ImageDesk::settled(const ImportPtr& import, Result<> result) {
  const std::string id = api_content_id(import->image.content_id);
  if (!result) {
    if (import->fresh) {
      const auto removed =
          store_.remove(id, [this](const ContentId& content) { return in_use(content); });
      if (!removed) parts_.trace.error("a failed import stays", removed.error(), {{"image", id}});
    }
    return take_back(import, std::move(result).error().wrap("keep the image"));
  }
  parts_.store.durable([this, alive = std::weak_ptr(alive_), import](Result<> durable) {
    if (!alive.lock()) return;
    if (durable) {
      finish(import, view(import->image));
    } else {
      finish(import, std::move(durable).error().wrap("record the image"));
    }
    end(import);
  });
}

// What was retired is deleted before the caller hears of the failure.
void ImageDesk::take_back(const ImportPtr& import, Error why) {
  import->entry->at_step("undo import.stage");
  on_worker(
      import,
      [this] { return layers_.settle(); },
      [this, import, why = std::move(why)](const Result<>& result) {
        if (!result) parts_.trace.error("left-overs of an import stay", result.error());
        finish(import, why);
        end(import);
      });
}

void ImageDesk::finish(const ImportPtr& import, Result<ImageView> result) {
  const auto done = std::exchange(import->done, nullptr);
  if (!done) return;
  if (result) {
    parts_.trace.info("image imported",
                      {{"image", api_content_id(result->image.content_id)},
                       {"object", describe(import->request)}});
  } else {
    parts_.trace.error("import failed", result.error(), {{"object", describe(import->request)}});
  }
  done(std::move(result));
}

// --- removal --------------------------------------------------------------------------------

void ImageDesk::remove(const std::string& reference,
                       std::function<void(Result<ImageRemoval>)> done) {
  auto allowed = parts_.failpoints.hit(kRemove);
  if (!allowed) return done(std::move(allowed).error());
  auto removed =
      store_.remove(reference, [this](const ContentId& content) { return in_use(content); });
  if (!removed) return done(std::move(removed).error());
  auto removal = std::make_shared<Removal>();
  removal->removed = std::move(*removed);
  removal->done = std::move(done);
  begin(removal, "image " + reference, "remove");
  removal->entry->at_step(std::string(kRemoveSettle));
  on_worker(
      removal,
      [this]() -> Result<> {
        TRY(parts_.failpoints.hit(kRemoveSettle));
        return layers_.settle();
      },
      [this, removal](const Result<>& result) {
        // It is gone all the same; the next start deletes what is left.
        if (!result) parts_.trace.error("a removed image is not deleted", result.error());
        end(removal);
        removal->done(std::move(removal->removed));
      });
}

}  // namespace skerry::agent
