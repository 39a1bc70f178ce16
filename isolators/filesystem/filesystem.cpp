#include "isolators/filesystem/filesystem.h"

#include <utility>

#include "isolators/filesystem/dev.h"
#include "isolators/filesystem/mounts.h"
#include "isolators/filesystem/pseudo.h"
#include "isolators/filesystem/rootfs.h"
#include "isolators/refusal.h"
#include "os/foreign_path.h"

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
    TRY_ASSIGN(Scratch scratch, Scratch::open(config.root));
    TRY_ASSIGN(UniqueFd root,
               make_root({.config = config.root,
                          .scratch = scratch,
                          .arm = context.host.overlay_arm(),
                          .foreign = foreign_,
                          .deadline = options_.foreign_deadline,
                          .bind_sources = options_.bind_sources}));
    TRY_ASSIGN(auto mounts,
               open_mounts({.config = config,
                            .host_memory = context.host.memory_total,
                            .root = root.get(),
                            .foreign = foreign_,
                            .deadline = options_.foreign_deadline,
                            .bind_sources = options_.bind_sources}));
    TRY_ASSIGN(UniqueFd dev, make_dev());
    TRY_ASSIGN(UniqueFd cgroups, make_v1_cgroup_directory(options_.v1_hierarchies));

    // Nothing can fail from here on.
    scratch.keep();
    PlanBuilder& plan = context.plan;
    plan.set_root(plan.add_fd(std::move(root)));
    plan.add(Phase::kRoot, plan::SetRoot{.fd = plan.root()});
    const bool shared = config.pod && config.pod->shares_ipc;
    add_pseudo(plan, std::move(dev), shared ? SharedMemory::kOfThePod : SharedMemory::kOwn);
    add_cgroup_mounts(plan, std::move(cgroups), options_.v1_hierarchies);
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

 private:
  FilesystemOptions options_;
  os::ForeignPaths foreign_;
};

}  // namespace

std::unique_ptr<Isolator> make_filesystem_isolator(FilesystemOptions options) {
  return std::make_unique<FilesystemIsolator>(std::move(options));
}

}  // namespace skerry::isolators
