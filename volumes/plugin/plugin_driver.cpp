#include "volumes/plugin/plugin_driver.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "volumes/mountpoint.h"

namespace skerry::volumes {
namespace {

constexpr std::string_view kPluginError = "PLUGIN_ERROR";
constexpr std::string_view kCallMissing = "PLUGIN_CALL_MISSING";
constexpr std::string_view kReplyInvalid = "PLUGIN_REPLY_INVALID";

/// The plugin was asked and has answered with a refusal.
bool is_refusal(const Error& error) { return error.reason() == kPluginError; }

}  // namespace

std::string PluginDriver::mount_id(const Volume& volume) const {
  // With the volume's name, because some plugins make a directory of the id alone.
  return fmt::format("skerry-{}-{}", client_.host_id(), volume.name);
}

Error PluginDriver::named(Error error, const Volume& volume) const {
  return std::move(error).wrap(fmt::format("volume \"{}/{}\"", name(), volume.name));
}

Error PluginDriver::explain(Error error, const Volume& volume, const CallLimits& limits) {
  if (!is_refusal(error)) return error;
  // Its words cannot be read, and "Get" may fail for other reasons; a list without the volume can.
  const auto volumes = list(limits);
  if (!volumes || std::ranges::find(*volumes, volume.name, &VolumeInfo::name) != volumes->end())
    return error;
  return std::move(error).with_code(Code::kNotFound).with_reason("VOLUME_NOT_FOUND");
}

Result<Capabilities> PluginDriver::capabilities(const CallLimits& limits) {
  {
    const std::lock_guard lock(mutex_);
    if (capabilities_) return *capabilities_;
  }
  TRY_ASSIGN(const HttpReply reply, client_.call("Capabilities", "{}", limits));
  const auto scope = parse_capabilities(reply);
  const Capabilities said{.scope = scope.value_or(Scope::kLocal), .keeps_catalog = true};
  const std::lock_guard lock(mutex_);
  capabilities_ = said;
  return said;
}

Result<> PluginDriver::create(const Volume& volume, const CallLimits& limits) {
  // Asked first, because plugins refuse to create what is there, and the answer to an earlier
  // Create may have been lost.
  TRY_ASSIGN(const HttpReply found, client_.call("Get", name_request(volume.name), limits));
  if (parse_volume(found, volume.name)) return {};
  TRY_ASSIGN(const HttpReply reply, client_.call("Create", create_request(volume), limits));
  auto done = parse_done(reply);
  if (!done) return named(std::move(done).error(), volume);
  return {};
}

Result<> PluginDriver::remove(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const HttpReply reply, client_.call("Remove", name_request(volume.name), limits));
  auto done = parse_done(reply);
  if (done) return {};
  auto error = explain(std::move(done).error(), volume, limits);
  if (error.code() == Code::kNotFound) return {};
  return named(std::move(error), volume);
}

Result<VolumeInfo> PluginDriver::get(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const HttpReply reply, client_.call("Get", name_request(volume.name), limits));
  auto info = parse_volume(reply, volume.name);
  if (info) return info;
  if (info.error().reason() == kCallMissing || info.error().reason() == kReplyInvalid) {
    TRY_ASSIGN(const auto volumes, list(limits));
    const auto found = std::ranges::find(volumes, volume.name, &VolumeInfo::name);
    if (found != volumes.end()) return *found;
    return named(Error(Code::kNotFound, "does not exist").with_reason("VOLUME_NOT_FOUND"), volume);
  }
  return named(explain(std::move(info).error(), volume, limits), volume);
}

Result<std::vector<VolumeInfo>> PluginDriver::list(const CallLimits& limits) {
  TRY_ASSIGN(const HttpReply reply, client_.call("List", "{}", limits));
  auto volumes = parse_volumes(reply);
  if (volumes) return volumes;
  return std::move(volumes).error().wrap(fmt::format("volume plugin \"{}\": List", name()));
}

Result<std::string> PluginDriver::path_of(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const HttpReply reply, client_.call("Path", name_request(volume.name), limits));
  return parse_mountpoint(reply);
}

Result<std::string> PluginDriver::mount(const Volume& volume, const CallLimits& limits) {
  TRY_ASSIGN(const HttpReply reply,
             client_.call("Mount", mount_request(volume.name, mount_id(volume)), limits));
  auto mountpoint = parse_mountpoint(reply);
  if (mountpoint && !mountpoint->empty()) return mountpoint;
  auto path = path_of(volume, limits);
  if (mountpoint) return path;
  // Refused: also what plugins say to the id that has it mounted already.
  if (path && is_refusal(mountpoint.error())) {
    const auto presence = look(*path, limits);
    if (presence && *presence == Presence::kMount) return path;
  }
  return explain(std::move(mountpoint).error(), volume, limits);
}

Result<Staged> PluginDriver::stage(const Volume& volume, const CallLimits& limits) {
  auto mountpoint = mount(volume, limits);
  if (!mountpoint) return named(std::move(mountpoint).error(), volume);
  auto opened = open_mountpoint(paths_, *mountpoint, limits);
  if (!opened) return named(std::move(opened).error(), volume);
  return Staged{.mountpoint = *mountpoint, .is_mount = opened->is_mount_root};
}

Result<Published> PluginDriver::publish(const Volume& volume,
                                        const Staged& staged,
                                        const PublishRequest& request,
                                        const CallLimits& limits) {
  Staged now = staged;
  auto opened = open_mountpoint(paths_, now.mountpoint, limits);
  const bool is_lost =
      opened ? staged.is_mount && !opened->is_mount_root : opened.error().code() == Code::kNotFound;
  if (is_lost) {
    TRY_ASSIGN(now, stage(volume, limits));
    opened = open_mountpoint(paths_, now.mountpoint, limits);
  }
  if (!opened) return named(std::move(opened).error(), volume);
  // A plugin that says it mounted, and mounts no more, would give out the directory below.
  if (staged.is_mount && !opened->is_mount_root) {
    return named(Error(Code::kUnavailable,
                       fmt::format("nothing is mounted at \"{}\" any more", now.mountpoint))
                     .with_reason("VOLUME_DISCONNECTED")
                     .as_retryable(),
                 volume);
  }
  auto mount = clone_for(request, opened->fd.get(), {.nodev = true});
  if (!mount) return named(std::move(mount).error(), volume);
  return Published{.detached_mount = std::move(*mount),
                   .is_directory = opened->is_directory,
                   .staged = std::move(now)};
}

Result<> PluginDriver::unstage(const Volume& volume,
                               const std::optional<Staged>& staged,
                               const CallLimits& limits) {
  const auto reply = client_.call("Unmount", mount_request(volume.name, mount_id(volume)), limits);
  auto done = reply ? parse_done(*reply) : Result<>(reply.error());
  if (done) return {};
  // A plugin that was uninstalled can say nothing; the kernel can.
  if (!is_refusal(done.error()) && done.error().reason() != "VOLUME_DRIVER_NOT_FOUND") return done;
  auto settled = settle_unmount(std::move(done).error(), volume, staged, limits);
  if (!settled) return named(std::move(settled).error(), volume);
  return {};
}

Result<> PluginDriver::settle_unmount(Error refusal,
                                      const Volume& volume,
                                      const std::optional<Staged>& staged,
                                      const CallLimits& limits) {
  std::string mountpoint = staged ? staged->mountpoint : "";
  if (!staged) mountpoint = path_of(volume, limits).value_or("");
  TRY_ASSIGN(const Presence presence, look(mountpoint, limits));
  const bool was_directory = staged && !staged->is_mount && presence == Presence::kDirectory;
  if (presence == Presence::kMount || was_directory || mountpoint.empty()) {
    // Whether a plain directory, or one we are not told of, is in use only the plugin can know.
    auto error = explain(std::move(refusal), volume, limits);
    // A plugin that is not there, perhaps not yet, has not said that it knows no such volume.
    const bool unknown =
        error.code() == Code::kNotFound && error.reason() != "VOLUME_DRIVER_NOT_FOUND";
    if (unknown && presence != Presence::kMount) return {};
    return error;
  }
  if (presence != Presence::kDeadMount) return {};
  // Only one that we had asked for: what a plugin merely names may be somebody else's.
  if (!staged) return refusal;
  TRY_ASSIGN(const auto dead, paths_.open(mountpoint, path_patience(limits)));
  return os::detach_dead_mount(dead.fd.get());
}

Result<PluginDriver::Presence> PluginDriver::look(const std::string& mountpoint,
                                                  const CallLimits& limits) {
  if (!check_mountpoint(mountpoint)) return Presence::kNothing;
  auto opened = paths_.open(mountpoint, path_patience(limits));
  if (!opened) {
    if (opened.error().code() == Code::kNotFound) return Presence::kNothing;
    return std::move(opened).error();
  }
  if (!opened->is_mount_root) return Presence::kDirectory;
  const auto alive = paths_.open_alive(mountpoint, path_patience(limits));
  if (alive) return Presence::kMount;
  if (alive.error().sys_errno() == ENOTCONN) return Presence::kDeadMount;
  return alive.error();
}

}  // namespace skerry::volumes
