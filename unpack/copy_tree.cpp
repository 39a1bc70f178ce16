#include "unpack/copy_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/directory.h"
#include "os/path.h"
#include "unpack/sha256.h"
#include "unpack/tree_reader.h"

namespace skerry::unpack {
namespace {

constexpr std::size_t kMaxDepth = 512;
constexpr std::size_t kBufferSize = 128UL * 1024;

Metadata metadata_of(const struct stat& info) {
  return {.mode = info.st_mode & 07777U,
          .uid = info.st_uid,
          .gid = info.st_gid,
          .modified = info.st_mtim,
          .xattrs = {}};
}

class Copy final {
 public:
  Copy(int source, int root, const Limits& limits)
      : source_(source), budget_(limits), writer_(root, budget_, Whiteouts::kLiteral) {}

  Result<Unpacked> run() {
    hash_.update(std::string_view("skerry-tree-1"));
    buffer_.resize(kBufferSize);
    TRY_ASSIGN(UniqueFd top, os::open_beneath(source_, ".", O_RDONLY | O_DIRECTORY));
    TRY(enter(std::move(top), {}));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = level.names[level.next++];
      const EntryName entry{level.path, name};
      auto copied = copy_entry(level.fd.get(), entry);
      if (!copied) return std::move(copied).error().with_object(printable_name(entry.path()));
    }
    TRY(writer_.finish());
    return Unpacked{hash_.finish(), budget_.bytes(), budget_.entries()};
  }

 private:
  struct Level {
    UniqueFd fd;
    std::string path;
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  Result<> enter(UniqueFd fd, const EntryName& entry) {
    if (levels_.size() == kMaxDepth) {
      return Error(Code::kInvalidArgument, fmt::format("deeper than {} levels", kMaxDepth))
          .with_reason("SOURCE_TOO_DEEP");
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return Error::from_errno(errno, "stat");
    Metadata metadata = metadata_of(info);
    TRY_ASSIGN(metadata.xattrs, carried_xattrs(fd.get()));
    hash_header(entry, info, metadata);
    TRY(writer_.make_directory(entry, metadata));
    TRY_ASSIGN(auto names, os::list_directory(fd.get()));
    levels_.push_back({std::move(fd), entry.path(), std::move(names)});
    return {};
  }

  Result<> copy_entry(int directory, const EntryName& entry) {
    struct stat info {};
    if (::fstatat(directory, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return source_changed();
      return Error::from_errno(errno, "stat");
    }
    if (S_ISSOCK(info.st_mode)) return {};
    TRY_ASSIGN(const EntryName checked, parse_entry_name(entry.path()));
    TRY(budget_.charge_entry());
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
      const auto [first, is_new] = names_.try_emplace({info.st_dev, info.st_ino}, checked);
      if (!is_new) return link_to(first->second, checked);
      TRY(budget_.charge_kept_names(checked.path().size() + 128));
    }
    switch (info.st_mode & S_IFMT) {
      case S_IFDIR: {
        TRY_ASSIGN(UniqueFd fd,
                   os::open_beneath(directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        return enter(std::move(fd), checked);
      }
      case S_IFREG:
        return copy_file(directory, checked);
      case S_IFLNK:
        return copy_symlink(directory, checked, info);
      default:
        hash_header(checked, info, metadata_of(info));
        hash_.update_number(info.st_rdev);
        return writer_.make_node(checked, info.st_mode & S_IFMT, info.st_rdev, metadata_of(info));
    }
  }

  Result<> link_to(const EntryName& first, const EntryName& entry) {
    hash_.update_field(entry.path());
    hash_.update_number(0);
    hash_.update_field(first.path());
    return writer_.make_hard_link(entry, first);
  }

  Result<> copy_symlink(int directory, const EntryName& entry, const struct stat& info) {
    std::string target(PATH_MAX, '\0');
    const ssize_t length =
        ::readlinkat(directory, entry.name.c_str(), target.data(), target.size());
    if (length <= 0) return source_changed();
    target.resize(static_cast<std::size_t>(length));
    hash_header(entry, info, metadata_of(info));
    hash_.update_field(target);
    return writer_.make_symlink(entry, target, metadata_of(info));
  }

  Result<> copy_file(int directory, const EntryName& entry) {
    // Without O_NONBLOCK a fifo put here after the stat would hold us up.
    TRY_ASSIGN(const UniqueFd from,
               os::open_beneath(directory, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (::fstat(from.get(), &info) != 0) return Error::from_errno(errno, "stat");
    if (!S_ISREG(info.st_mode)) return source_changed();
    TRY(budget_.charge_content(static_cast<std::uint64_t>(info.st_size)));
    Metadata metadata = metadata_of(info);
    TRY_ASSIGN(metadata.xattrs, carried_xattrs(from.get()));
    hash_header(entry, info, metadata);
    hash_.update_number(static_cast<std::uint64_t>(info.st_size));
    TRY_ASSIGN(const UniqueFd to, writer_.create_file(entry));
    TRY(copy_content(from.get(), to.get(), info.st_size));
    TRY(apply_metadata(to.get(), metadata));
    return apply_modified_time(to.get(), metadata.modified);
  }

  Result<> copy_content(int from, int to, off_t size) {
    off_t at = 0;
    while (true) {
      const ssize_t count = ::read(from, buffer_.data(), buffer_.size());
      if (count < 0) {
        if (errno == EINTR) continue;
        return Error::from_errno(errno, "read");
      }
      if (count == 0) break;
      if (count > size - at) return source_changed();
      const std::string_view piece(buffer_.data(), static_cast<std::size_t>(count));
      hash_.update(piece);
      TRY(write_at(to, piece, at));
      at += count;
    }
    if (at != size) return source_changed();
    if (::ftruncate(to, size) != 0) return Error::from_errno(errno, "set size");
    return {};
  }

  // Runs of zeros stay holes.
  static Result<> write_at(int to, std::string_view piece, off_t at) {
    if (piece.find_first_not_of('\0') == std::string_view::npos) return {};
    while (!piece.empty()) {
      const ssize_t count = ::pwrite(to, piece.data(), piece.size(), at);
      if (count < 0) {
        if (errno == EINTR) continue;
        return Error::from_errno(errno, "write");
      }
      piece.remove_prefix(static_cast<std::size_t>(count));
      at += count;
    }
    return {};
  }

  void hash_header(const EntryName& entry, const struct stat& info, const Metadata& metadata) {
    hash_.update_field(entry.path());
    hash_.update_number(info.st_mode);
    hash_.update_number(info.st_uid);
    hash_.update_number(info.st_gid);
    hash_.update_number(static_cast<std::uint64_t>(info.st_mtim.tv_sec));
    hash_.update_number(static_cast<std::uint64_t>(info.st_mtim.tv_nsec));
    hash_.update_number(metadata.xattrs.size());
    for (const Xattr& xattr : metadata.xattrs) {
      hash_.update_field(xattr.name);
      hash_.update_field(xattr.value);
    }
  }

  int source_;
  Budget budget_;
  TreeWriter writer_;
  Sha256 hash_;
  std::string buffer_;
  std::vector<Level> levels_;
  /// First name of every file that has several.
  std::map<std::pair<dev_t, ino_t>, EntryName> names_;
};

}  // namespace

Result<Unpacked> copy_tree(int source, int root, const Limits& limits) {
  auto copied = Copy(source, root, limits).run();
  if (!copied) return explain_full_disk(std::move(copied).error());
  return copied;
}

}  // namespace skerry::unpack
