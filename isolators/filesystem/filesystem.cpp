#include "isolators/filesystem/filesystem.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "isolators/filesystem/dev.h"
#include "isolators/filesystem/mounts.h"
#include "isolators/filesystem/pseudo.h"
#include "isolators/filesystem/rootfs.h"
#include "isolators/refusal.h"
#include "os/foreign_path.h"
#include "os/path.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "filesystem";

class FilesystemIsolator final : public Isolator {
 public:
  explicit FilesystemIsolator(FilesystemOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    TRY(check_root(config.root));
    return check_mounts(config.mounts);
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    const ContainerConfig& config = context.config;
    ReadyMounts none;
    ReadyMounts& ready = context.ready != nullptr ? *context.ready : none;
    TRY_ASSIGN(const bool foreseen, is_of(ready, config.root));
    if (ready.root && !foreseen) {
      ready.root.reset();
      TRY(Scratch::forget_ready(config.root));
    }
    if (foreseen) TRY(Scratch::take_ready(config.root));
    UniqueFd root = std::move(ready.root);
    std::optional<Scratch> scratch;
    if (!root) {
      TRY_ASSIGN(Scratch opened, Scratch::open(config.root));
      scratch.emplace(std::move(opened));
      TRY_ASSIGN(root, make_root_of(config.root, *scratch, context.host));
    }
    TRY_ASSIGN(auto mounts,
               open_mounts({.config = config,
                            .host_memory = context.host.memory_total,
                            .root = root.get(),
                            .foreign = foreign_,
                            .deadline = options_.foreign_deadline,
                            .bind_sources = options_.bind_sources}));
    TRY(make_pseudo(ready));

    // Nothing can fail from here on.
    if (scratch) scratch->keep();
    PlanBuilder& plan = context.plan;
    plan.set_root(plan.add_fd(std::move(root)));
    plan.add(Phase::kRoot, plan::SetRoot{.fd = plan.root()});
    const bool shared = config.pod && config.pod->shares_ipc;
    add_pseudo(plan, std::move(ready.dev), shared ? SharedMemory::kOfThePod : SharedMemory::kOwn);
    add_cgroup_mounts(plan, std::move(ready.cgroups), options_.v1_hierarchies);
    for (auto& mount : mounts) {
      plan.add_user_mount(mount.position,
                          {.fd = plan.add_fd(std::move(mount.fd)),
                           .target = std::move(mount.target),
                           .create = mount.create});
    }
    add_masks(plan);
    if (config.root.read_only) plan.add(Phase::kMasks, plan::RootReadOnly{});
    plan.add(Phase::kEnterRoot, plan::EnterRoot{});
    return nothing_to_remember(kName);
  }

  Result<> make_ready(const Foreseen& container, ReadyMounts& out) override {
    TRY(make_pseudo(out));
    if (container.layers.empty()) return {};
    const RootFilesystem config{
        .layers = container.layers, .scratch = container.scratch, .durable = container.durable};
    TRY_ASSIGN(out.trees, trees_of(container.layers));
    TRY_ASSIGN(Scratch scratch, Scratch::open_ready(config));
    TRY_ASSIGN(out.root, make_root_of(config, scratch, container.host));
    scratch.keep();
    out.layers = container.layers;
    out.durable = container.durable;
    return {};
  }

 private:
  static Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> trees_of(
      const std::vector<std::string>& layers) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> trees;
    for (const std::string& layer : layers) {
      struct stat status {};
      if (::stat(layer.c_str(), &status) != 0)
        return Error::from_errno(errno, "stat layer \"" + layer + "\"");
      trees.emplace_back(status.st_dev, status.st_ino);
    }
    return trees;
  }

  // An image that was removed and came back has the same paths, and other trees: the mount keeps
  // the old ones, so their numbers are not used again.
  static Result<bool> is_of(const ReadyMounts& ready, const RootFilesystem& root) {
    if (!ready.root || root.foreign_layers || ready.layers != root.layers ||
        ready.durable != root.durable) {
      return false;
    }
    TRY_ASSIGN(const auto trees, trees_of(root.layers));
    return trees == ready.trees;
  }

  Result<UniqueFd> make_root_of(const RootFilesystem& root,
                                const Scratch& scratch,
                                const os::HostFacts& host) {
    return make_root({.config = root,
                      .scratch = scratch,
                      .arm = host.overlay_arm(),
                      .foreign = foreign_,
                      .deadline = options_.foreign_deadline,
                      .bind_sources = options_.bind_sources});
  }

  // The same for every container, but each has its own.
  Result<> make_pseudo(ReadyMounts& mounts) const {
    if (mounts.dev) return {};
    TRY_ASSIGN(mounts.dev, make_dev());
    TRY_ASSIGN(mounts.cgroups, make_v1_cgroup_directory(options_.v1_hierarchies));
    return {};
  }

  FilesystemOptions options_;
  os::ForeignPaths foreign_;
};

}  // namespace

std::unique_ptr<Isolator> make_filesystem_isolator(FilesystemOptions options) {
  return std::make_unique<FilesystemIsolator>(std::move(options));
}

}  // namespace skerry::isolators
