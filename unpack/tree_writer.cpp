#include "unpack/tree_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "os/path.h"

namespace skerry::unpack {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";
constexpr std::string_view kAufsPrefix = ".wh..wh.";

Error refused(std::string_view reason, std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(reason);
}

/// What is at `name` in `parent`, not following a link; absent when nothing is.
Result<std::optional<struct stat>> look_at(int parent, const std::string& name) {
  struct stat info {};
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return std::optional(info);
  if (errno == ENOENT) return std::optional<struct stat>{};
  return Error::from_errno(errno, "stat");
}

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == ::makedev(0, 0);
}

Result<> set_opaque(int directory) {
  if (::fsetxattr(directory, "trusted.overlay.opaque", "y", 1, 0) != 0)
    return Error::from_errno(errno, "mark directory opaque");
  return {};
}

Result<> require_name(const EntryName& entry) {
  if (entry.is_root()) return refused("ENTRY_NAME_INVALID", "only a directory can be the root");
  return {};
}

/// Links and devices, which cannot be opened to work on, and have no attributes we carry. Who may
/// write to the directory in a container that runs can put another file in their place meanwhile,
/// which is not given away.
Result<> apply_unopened(int parent,
                        const std::string& name,
                        mode_t type,
                        const Metadata& metadata) {
  if (!metadata.xattrs.empty()) {
    return refused("ENTRY_XATTR_REFUSED",
                   fmt::format("extended attribute \"{}\" on a link or device is refused",
                               printable_name(metadata.xattrs.front().name)));
  }
  TRY_ASSIGN(const UniqueFd made, os::open_beneath(parent, name, O_PATH | O_NOFOLLOW));
  struct stat info {};
  if (::fstat(made.get(), &info) != 0) return Error::from_errno(errno, "stat");
  if ((info.st_mode & S_IFMT) != type || info.st_nlink != 1)
    return Error(Code::kAborted, "something else was put in its place")
        .with_reason("ENTRY_REPLACED");
  if (::fchownat(made.get(), "", metadata.uid, metadata.gid, AT_EMPTY_PATH) != 0) {
    return Error::from_errno(errno,
                             fmt::format("change owner to {}:{}", metadata.uid, metadata.gid));
  }
  const std::array<timespec, 2> times = {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                         metadata.modified};
  if (::utimensat(made.get(), "", times.data(), AT_EMPTY_PATH) != 0)
    return Error::from_errno(errno, "set modification time");
  return {};
}

}  // namespace

Result<> TreeWriter::clear_place(int parent, const std::string& name) const {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR) return Error::from_errno(errno, "replace");
  if (existing_ == Existing::kKeepsKinds) {
    return refused("WOULD_REPLACE_DIRECTORY", "a directory is in its place");
  }
  return os::remove_tree(parent, name);
}

Result<UniqueFd> TreeWriter::open_directory(const std::string& path) {
  return os::open_in_root(root_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
}

Result<UniqueFd> TreeWriter::open_parent(const EntryName& entry) {
  auto parent =
      os::open_in_root(root_, entry.parent.empty() ? "." : entry.parent, O_PATH | O_DIRECTORY);
  if (!parent && parent.error().sys_errno() == ENOENT) {
    const auto slashes = std::count(entry.parent.begin(), entry.parent.end(), '/');
    TRY(budget_.charge_implied(static_cast<std::uint64_t>(slashes) + 1));
    parent = os::make_dirs_in_root(root_, entry.parent, 0755);
  }
  if (parent) return parent;
  const int sys_errno = parent.error().sys_errno();
  if (sys_errno != ENOTDIR && sys_errno != ELOOP) return std::move(parent).error();
  return std::move(parent)
      .error()
      .with_code(Code::kInvalidArgument)
      .with_reason("ENTRY_PARENT_NOT_DIRECTORY");
}

Result<> TreeWriter::apply_to_directory(const EntryName& entry, int fd, const Metadata& metadata) {
  TRY(apply_metadata(fd, metadata));
  std::string path = entry.path();
  TRY(budget_.charge_kept_names(path.size() + sizeof(DirectoryTime)));
  directory_times_.push_back({std::move(path), metadata.modified});
  return {};
}

Result<> TreeWriter::make_directory(const EntryName& entry, const Metadata& metadata) {
  if (entry.is_root()) {
    TRY_ASSIGN(const UniqueFd root, open_directory(""));
    return apply_to_directory(entry, root.get(), metadata);
  }
  TRY_ASSIGN(const UniqueFd parent, open_parent(entry));
  TRY_ASSIGN(const auto there, look_at(parent.get(), entry.name));
  const bool hides_lower = whiteouts_ == Whiteouts::kOverlay && there && is_whiteout(*there);
  if (there && !S_ISDIR(there->st_mode) && existing_ == Existing::kKeepsKinds) {
    return refused("WOULD_REPLACE_FILE", "something that is no directory is in its place");
  }
  if (!there || !S_ISDIR(there->st_mode)) {
    TRY(clear_place(parent.get(), entry.name));
    if (::mkdirat(parent.get(), entry.name.c_str(), 0700) != 0)
      return Error::from_errno(errno, "make directory");
  }
  TRY_ASSIGN(const UniqueFd fd,
             os::open_beneath(parent.get(), entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (hides_lower) TRY(set_opaque(fd.get()));
  return apply_to_directory(entry, fd.get(), metadata);
}

Result<UniqueFd> TreeWriter::create_file(const EntryName& entry) {
  TRY(require_name(entry));
  TRY_ASSIGN(const UniqueFd parent, open_parent(entry));
  TRY(clear_place(parent.get(), entry.name));
  return os::open_beneath(parent.get(), entry.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

Result<> TreeWriter::make_symlink(const EntryName& entry,
                                  const std::string& target,
                                  const Metadata& meta) {
  TRY(require_name(entry));
  TRY_ASSIGN(const UniqueFd parent, open_parent(entry));
  TRY(clear_place(parent.get(), entry.name));
  if (::symlinkat(target.c_str(), parent.get(), entry.name.c_str()) != 0)
    return Error::from_errno(errno, "make symbolic link");
  return apply_unopened(parent.get(), entry.name, S_IFLNK, meta);
}

Result<> TreeWriter::make_hard_link(const EntryName& entry, const EntryName& target) {
  TRY(require_name(entry));
  if (target.is_root()) return refused("ENTRY_LINK_INVALID", "a hard link to the root is refused");
  auto target_parent =
      os::open_in_root(root_, target.parent.empty() ? "." : target.parent, O_PATH | O_DIRECTORY);
  Result<std::optional<struct stat>> source = std::optional<struct stat>{};
  if (target_parent) source = look_at(target_parent->get(), target.name);
  if (!source) return std::move(source).error();
  if (!*source || S_ISDIR((*source)->st_mode)) {
    return refused("ENTRY_LINK_INVALID",
                   fmt::format("a hard link to \"{}\", which is no file of this tree",
                               printable_name(target.path())));
  }
  TRY_ASSIGN(const UniqueFd parent, open_parent(entry));
  TRY_ASSIGN(const auto there, look_at(parent.get(), entry.name));
  // A link to itself must not remove the file first.
  if (there && there->st_dev == (*source)->st_dev && there->st_ino == (*source)->st_ino) return {};
  TRY(clear_place(parent.get(), entry.name));
  if (::linkat(target_parent->get(), target.name.c_str(), parent.get(), entry.name.c_str(), 0) != 0)
    return Error::from_errno(errno, "make hard link");
  return {};
}

Result<> TreeWriter::make_node(const EntryName& entry,
                               mode_t type,
                               dev_t device,
                               const Metadata& metadata) {
  TRY(require_name(entry));
  if (type == S_IFCHR && device == ::makedev(0, 0))
    return refused("ENTRY_TYPE_REFUSED", "character device 0:0 is refused");
  TRY_ASSIGN(const UniqueFd parent, open_parent(entry));
  TRY(clear_place(parent.get(), entry.name));
  if (::mknodat(parent.get(), entry.name.c_str(), type | (metadata.mode & 07777U), device) != 0)
    return Error::from_errno(errno, "make device or fifo");
  return apply_unopened(parent.get(), entry.name, type, metadata);
}

Result<bool> TreeWriter::take_whiteout(const EntryName& entry) {
  if (whiteouts_ != Whiteouts::kOverlay || !entry.name.starts_with(kWhiteoutPrefix)) return false;
  if (entry.name == kOpaqueName) {
    TRY_ASSIGN(const UniqueFd place, open_parent(entry));
    TRY_ASSIGN(const UniqueFd parent, open_directory(entry.parent));
    TRY(set_opaque(parent.get()));
    return true;
  }
  if (entry.name.starts_with(kAufsPrefix)) return true;
  EntryName hidden = entry;
  hidden.name.erase(0, kWhiteoutPrefix.size());
  if (hidden.name.empty() || hidden.name == "." || hidden.name == "..")
    return refused("ENTRY_NAME_INVALID", "a whiteout of no name is refused");
  TRY(make_whiteout(hidden));
  return true;
}

Result<> TreeWriter::make_whiteout(const EntryName& hidden) {
  TRY_ASSIGN(const UniqueFd parent, open_parent(hidden));
  TRY_ASSIGN(const auto there, look_at(parent.get(), hidden.name));
  if (there && S_ISDIR(there->st_mode)) {
    TRY_ASSIGN(const UniqueFd fd,
               os::open_beneath(parent.get(), hidden.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return set_opaque(fd.get());
  }
  if (there) return {};
  if (::mknodat(parent.get(), hidden.name.c_str(), S_IFCHR, ::makedev(0, 0)) != 0)
    return Error::from_errno(errno, "make whiteout");
  return {};
}

Result<> TreeWriter::finish() {
  for (const DirectoryTime& time : directory_times_) {
    auto fd = os::open_in_root(
        root_, time.path.empty() ? "." : time.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    // A later entry may have put something else there.
    if (!fd) continue;
    TRY(apply_modified_time(fd->get(), time.modified));
  }
  directory_times_.clear();
  return {};
}

}  // namespace skerry::unpack
