#include "agent/copies/container_root.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ranges>

#include "agent/containers/record.h"
#include "agent/execs/exec_launch.h"
#include "agent/processes/printable.h"
#include "isolators/filesystem/mounts.h"
#include "isolators/filesystem/rootfs.h"
#include "os/mount.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

constexpr std::chrono::milliseconds kForeignDeadline{10'000};

// Without the writable layer as such, so that nothing is left behind by looking.
Result<UniqueFd> mount_to_read(const isolators::RootFilesystem& files,
                               const Host& host,
                               os::ForeignPaths& foreign) {
  std::vector<UniqueFd> layers;
  auto upper = os::open_dir(files.scratch + "/upper");
  if (upper) {
    layers.push_back(std::move(*upper));
  } else if (upper.error().code() != Code::kNotFound) {
    return std::move(upper).error();
  }
  for (const std::string& path : files.layers | std::views::reverse) {
    if (files.foreign_layers) {
      TRY_ASSIGN(os::ForeignPath layer, foreign.open(path, kForeignDeadline));
      TRY(isolators::check_source(host.bind_sources, "root", path, layer.fd.get()));
      layers.push_back(std::move(layer.fd));
    } else {
      TRY_ASSIGN(UniqueFd layer, os::open_dir(path));
      layers.push_back(std::move(layer));
    }
  }
  const os::MountFlags flags{.read_only = true, .nosuid = true, .nodev = true, .noexec = true};
  if (layers.size() == 1) {
    return os::clone_tree({.dir = layers.front().get(), .path = {}}, os::MountScope::kOne, flags);
  }
  os::OverlaySpec spec;
  for (const UniqueFd& layer : layers) spec.lowers.push_back({.dir = layer.get(), .path = {}});
  spec.flags = flags;
  return os::make_overlay(spec, host.facts.overlay_arm());
}

Result<UniqueFd> mount_to_write(const isolators::RootFilesystem& files,
                                const Host& host,
                                os::ForeignPaths& foreign) {
  TRY_ASSIGN(isolators::Scratch scratch, isolators::Scratch::open(files));
  TRY_ASSIGN(UniqueFd root,
             isolators::make_root({.config = files,
                                   .scratch = scratch,
                                   .arm = host.facts.overlay_arm(),
                                   .foreign = foreign,
                                   .deadline = kForeignDeadline,
                                   .bind_sources = host.bind_sources}));
  scratch.keep();
  return root;
}

skerry::v1::PathKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return skerry::v1::PATH_KIND_FILE;
  if (S_ISDIR(mode)) return skerry::v1::PATH_KIND_DIRECTORY;
  if (S_ISLNK(mode)) return skerry::v1::PATH_KIND_LINK;
  return skerry::v1::PATH_KIND_OTHER;
}

std::string last_component(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<RootSubject> root_subject(const Container& container) {
  const bool runs =
      container.state() >= State::kCreated && is_live(container.state()) && container.process.pidfd;
  const bool lies = container.state() == State::kExited && !container.removing;
  if (!runs && !lies) {
    return wrong_state(container, container.removing ? "being removed" : "");
  }
  RootSubject subject{.uid = container.uid, .process = {}, .files = container.spec.config.root};
  if (runs) {
    subject.process.pid = container.process.pid;
    subject.process.pidfd.reset(::fcntl(container.process.pidfd.get(), F_DUPFD_CLOEXEC, 0));
    if (!subject.process.pidfd) return Error::from_errno(errno, "copy a descriptor");
  }
  return subject;
}

Result<ContainerRoot> open_container_root(const RootSubject& subject,
                                          RootAccess access,
                                          const Host& host,
                                          os::ForeignPaths& foreign) {
  ContainerRoot root;
  if (subject.process.pidfd) {
    TRY_ASSIGN(root.directory, open_process_root(subject.process.pid, subject.process.pidfd.get()));
    root.handle.reset(::fcntl(subject.process.pidfd.get(), F_DUPFD_CLOEXEC, 0));
    if (!root.handle) return Error::from_errno(errno, "copy a descriptor");
    root.is_process = true;
    return root;
  }
  if (access == RootAccess::kRead) {
    TRY_ASSIGN(root.handle, mount_to_read(subject.files, host, foreign));
  } else {
    TRY_ASSIGN(root.handle, mount_to_write(subject.files, host, foreign));
  }
  TRY_ASSIGN(root.directory, os::open_dir_at(root.handle.get(), "."));
  return root;
}

Result<skerry::v1::PathInfo> look_at_path(int root, const std::string& path) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument, "path: is not absolute").with_reason("FIELD_INVALID");
  }
  const bool follow = path.ends_with('/') || path.ends_with("/.");
  auto found = os::open_in_root(root, path, O_PATH | (follow ? O_DIRECTORY : O_NOFOLLOW));
  if (!found) {
    const int sys_errno = found.error().sys_errno();
    if (sys_errno != ENOENT && sys_errno != ENOTDIR && sys_errno != ELOOP) {
      return std::move(found).error();
    }
    return std::move(found).error().with_code(Code::kNotFound).with_reason("PATH_NOT_FOUND");
  }
  struct stat info {};
  if (::fstat(found->get(), &info) != 0) return Error::from_errno(errno, "look at the path");
  skerry::v1::PathInfo out;
  out.set_name(last_component(path));
  out.set_kind(kind_of(info.st_mode));
  if (S_ISREG(info.st_mode)) out.set_size_bytes(static_cast<std::uint64_t>(info.st_size));
  out.set_mode(info.st_mode & 07777U);
  *out.mutable_modified_at() = to_timestamp(WallTime(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
  if (S_ISLNK(info.st_mode)) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(found->get(), "", target.data(), target.size());
    if (length > 0) {
      out.set_link_target(printable({target.data(), static_cast<std::size_t>(length)}, '?'));
    }
  }
  return out;
}

}  // namespace skerry::agent
