#include "isolators/volumes/volumes.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "isolators/filesystem/target.h"
#include "isolators/refusal.h"

namespace skerry::isolators {
namespace {

/// Of a container whose checkpoint does not say which volumes it had.
constexpr const char* kUnknownLane = "volume";

/// A volume's mount and its place among all mounts of the spec.
struct PlacedMount {
  std::size_t position = 0;
  const VolumeMount* mount = nullptr;
};

std::vector<PlacedMount> volume_mounts(const ContainerConfig& config) {
  std::vector<PlacedMount> out;
  for (std::size_t i = 0; i < config.mounts.size(); ++i) {
    const auto* mount = std::get_if<VolumeMount>(&config.mounts[i]);
    if (mount != nullptr) out.push_back({.position = i, .mount = mount});
  }
  return out;
}

// As against a container that never got as far as a checkpoint: version 0.
bool is_nothing(const Checkpoint& checkpoint) {
  return checkpoint.version > 0 && checkpoint.bytes.empty();
}

class VolumesIsolator final : public Isolator {
 public:
  explicit VolumesIsolator(VolumeProvider& provider) : provider_(provider) {}

  std::string_view name() const override { return kVolumesIsolator; }
  // The root is where the targets are looked up.
  std::vector<std::string_view> after() const override { return {"filesystem"}; }

  std::vector<std::string> foreign_code(const ContainerConfig& config) const override {
    std::vector<std::string> lanes;
    for (const PlacedMount& placed : volume_mounts(config)) {
      const auto driver = provider_.foreign_driver(config.tenant, *placed.mount);
      if (driver) add_lane(*driver, lanes);
    }
    return lanes;
  }

  std::vector<std::string> foreign_code(const Checkpoint& checkpoint) const override {
    if (is_nothing(checkpoint)) return {};
    const auto holding = decode_volume_holding(checkpoint.bytes);
    if (!holding) return {kUnknownLane};
    std::vector<std::string> lanes;
    for (const HeldVolume& volume : holding->volumes) {
      if (provider_.is_foreign(volume.driver)) add_lane(volume.driver, lanes);
    }
    return lanes;
  }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    for (const PlacedMount& placed : volume_mounts(config)) {
      auto checked = provider_.check(config.tenant, *placed.mount);
      if (!checked) return named(std::move(checked).error(), *placed.mount);
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    const ContainerConfig& config = context.config;
    const std::vector<PlacedMount> placed = volume_mounts(config);
    if (placed.empty()) return nothing_to_remember(kVolumesIsolator);
    VolumeRequest request{
        .uid = config.uid, .tenant = config.tenant, .mounts = {}, .stop = context.stop};
    for (const PlacedMount& one : placed) {
      TRY(check_target_in_root(context.plan.fd(context.plan.root()),
                               clean_path(one.mount->target)));
      request.mounts.push_back(one.mount);
    }
    auto acquired = provider_.acquire(request);
    if (!acquired) {
      if (context.left_behind != nullptr && provider_.holds(config.uid)) {
        context.left_behind->emplace(
            Checkpoint{.isolator = std::string(kVolumesIsolator), .version = 0, .bytes = {}});
      }
      return std::move(acquired).error();
    }
    for (std::size_t i = 0; i < placed.size(); ++i) {
      PublishedVolume& volume = acquired->mounts[i];
      const auto create =
          volume.is_directory ? plan::TargetKind::kDirectory : plan::TargetKind::kFile;
      context.plan.add_user_mount(placed[i].position,
                                  {.fd = context.plan.add_fd(std::move(volume.mount)),
                                   .target = clean_path(placed[i].mount->target),
                                   .create = create});
    }
    return Checkpoint{.isolator = std::string(kVolumesIsolator),
                      .version = 1,
                      .bytes = encode_volume_holding(acquired->holding)};
  }

  Result<> cleanup(const Uid& uid, const Checkpoint& checkpoint) override {
    if (is_nothing(checkpoint)) return {};
    if (checkpoint.bytes.empty()) return provider_.release(uid, nullptr);
    TRY_ASSIGN(const VolumeHolding holding, decode_volume_holding(checkpoint.bytes));
    return provider_.release(uid, &holding);
  }

 private:
  static void add_lane(const std::string& driver, std::vector<std::string>& lanes) {
    std::string lane = volume_lane(driver);
    if (std::ranges::find(lanes, lane) == lanes.end()) lanes.push_back(std::move(lane));
  }
  static Error named(Error error, const VolumeMount& mount) {
    return std::move(error).wrap(fmt::format("mount \"{}\"", mount.target));
  }

  VolumeProvider& provider_;
};

}  // namespace

std::unique_ptr<Isolator> make_volumes_isolator(VolumeProvider& provider) {
  return std::make_unique<VolumesIsolator>(provider);
}

std::string volume_lane(const std::string& driver) { return fmt::format("volume/{}", driver); }

}  // namespace skerry::isolators
