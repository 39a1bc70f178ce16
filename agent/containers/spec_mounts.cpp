#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/spec_parts.h"
#include "agent/containers/spec_sections.h"

namespace skerry::agent {
namespace {

using isolators::ContainerConfig;

// As the text says; what links make of it is looked at when it is opened.
Result<> check_host_path(const std::filesystem::path& path,
                         std::string_view field,
                         const config::Config& config) {
  const auto allowed = [&path](const std::filesystem::path& base) {
    return is_below(path.lexically_normal(), base);
  };
  if (std::ranges::any_of(config.bind_sources, allowed)) return {};
  return Error(Code::kPermissionDenied,
               fmt::format("{}: the configuration allows no use of \"{}\" (mounts.bind_sources)",
                           field,
                           path.string()))
      .with_reason("BIND_REFUSED");
}

Result<isolators::TmpfsMount> tmpfs_mount(const v1::Mount& mount, std::string_view field) {
  constexpr std::uint64_t kMinTmpfs = 4096;
  constexpr std::uint32_t kMaxMode = 07777;
  const v1::TmpfsMount& spec = mount.tmpfs();
  isolators::TmpfsMount out;
  out.target = mount.target();
  if (spec.has_size_bytes()) {
    if (spec.size_bytes() < kMinTmpfs) {
      return refused(field,
                     fmt::format("tmpfs size {} is below 4096 bytes", spec.size_bytes()),
                     "LIMIT_TOO_SMALL");
    }
    out.size = Bytes(spec.size_bytes());
  }
  if (spec.has_mode()) {
    if (spec.mode() > kMaxMode) return invalid(field, "tmpfs mode is above 07777");
    out.mode = spec.mode();
  }
  out.read_only = mount.read_only();
  out.no_exec = !spec.exec();
  return out;
}

Result<isolators::BindMount> bind_mount(const v1::Mount& mount,
                                        std::string_view field,
                                        const config::Config& config) {
  const std::filesystem::path source = mount.bind().source();
  if (!source.is_absolute()) {
    return invalid(field, fmt::format("source \"{}\" is not an absolute path", source.string()));
  }
  TRY(check_host_path(source, field, config));
  return isolators::BindMount{
      .source = source.string(),
      .target = mount.target(),
      .read_only = mount.read_only(),
      .recursive = mount.bind().has_recursive() ? mount.bind().recursive() : true};
}

// Which volume that is, and whether it can be, the isolator asks the volumes.
isolators::VolumeMount volume_mount(const v1::Mount& mount) {
  const v1::VolumeMount& volume = mount.volume();
  return {.name = volume.name(),
          .driver = volume.driver(),
          .options = {volume.options().begin(), volume.options().end()},
          .target = mount.target(),
          .read_only = mount.read_only()};
}

}  // namespace

Result<> check_root(const v1::RootFilesystem& root,
                    const config::Config& daemon,
                    ContainerConfig& config) {
  switch (root.source_case()) {
    case v1::RootFilesystem::kImage:
      if (root.image().empty()) return invalid("spec.root.image", "is empty");
      break;
    case v1::RootFilesystem::kDirectory:
      if (!std::filesystem::path(root.directory()).is_absolute()) {
        return invalid("spec.root.directory",
                       fmt::format("\"{}\" is not an absolute path", root.directory()));
      }
      TRY(check_host_path(root.directory(), "spec.root.directory", daemon));
      config.root.layers = {root.directory()};
      config.root.foreign_layers = true;
      break;
    case v1::RootFilesystem::SOURCE_NOT_SET:
      return invalid("spec.root", "neither image nor directory is set");
  }
  config.root.read_only = root.read_only();
  config.root.durable = root.durable();
  return {};
}

Result<> check_mounts(const v1::ContainerSpec& spec,
                      const config::Config& config,
                      ContainerConfig& out) {
  for (int i = 0; i < spec.mounts_size(); ++i) {
    const v1::Mount& mount = spec.mounts(i);
    const std::string field = fmt::format("spec.mounts[{}]", i);
    switch (mount.kind_case()) {
      case v1::Mount::kBind: {
        TRY_ASSIGN(isolators::BindMount bind, bind_mount(mount, field, config));
        out.mounts.emplace_back(std::move(bind));
        break;
      }
      case v1::Mount::kTmpfs: {
        TRY_ASSIGN(isolators::TmpfsMount tmpfs, tmpfs_mount(mount, field));
        out.mounts.emplace_back(std::move(tmpfs));
        break;
      }
      case v1::Mount::kVolume:
        out.mounts.emplace_back(volume_mount(mount));
        break;
      case v1::Mount::KIND_NOT_SET:
        return invalid(field, "none of bind, tmpfs and volume is set");
    }
  }
  return {};
}

}  // namespace skerry::agent
