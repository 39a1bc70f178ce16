#include "isolators/filesystem/filesystem.h"

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
    const bool foreseen = is_of(ready, config.root);
    if (ready.root && !foreseen) TRY(forget_root(ready, config.root));
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
    TRY_ASSIGN(Scratch scratch, Scratch::open(config));
    TRY_ASSIGN(out.root, make_root_of(config, scratch, container.host));
    scratch.keep();
    out.layers = container.layers;
    out.durable = container.durable;
    return {};
  }

 private:
  static bool is_of(const ReadyMounts& ready, const RootFilesystem& root) {
    return ready.root && !root.foreign_layers && ready.layers == root.layers &&
           ready.durable == root.durable;
  }

  // The wrong image: what its root left in the scratch would show in this one's.
  static Result<> forget_root(ReadyMounts& ready, const RootFilesystem& root) {
    ready.root.reset();
    TRY_ASSIGN(const UniqueFd scratch, os::open_dir(root.scratch));
    TRY(os::remove_tree(scratch.get(), "upper"));
    return os::remove_tree(scratch.get(), "work");
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
