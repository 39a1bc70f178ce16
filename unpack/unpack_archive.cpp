#include "unpack/unpack_archive.h"

#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "unpack/tar_stream.h"

namespace skerry::unpack {
namespace {

Error refused(std::string_view reason, std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(reason);
}

Result<Metadata> metadata_of(archive_entry* entry) {
  Metadata out;
  out.mode = ::archive_entry_perm(entry);
  const auto uid = ::archive_entry_uid(entry);
  const auto gid = ::archive_entry_gid(entry);
  // All ones is "leave as it is" to chown(2).
  constexpr la_int64_t kMaxId = 0xfffffffe;
  if (uid < 0 || uid > kMaxId || gid < 0 || gid > kMaxId)
    return refused("ENTRY_OWNER_INVALID", fmt::format("owner {}:{} is out of range", uid, gid));
  out.uid = static_cast<uid_t>(uid);
  out.gid = static_cast<gid_t>(gid);
  if (::archive_entry_mtime_is_set(entry) != 0) {
    out.modified = {.tv_sec = ::archive_entry_mtime(entry),
                    .tv_nsec = ::archive_entry_mtime_nsec(entry)};
  }
  ::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == 0) {
    if (name == nullptr) continue;
    out.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  return out;
}

/// One archive on its way into one tree.
class Unpacking final {
 public:
  Unpacking(int source, int root, const Limits& limits, Whiteouts whiteouts)
      : budget_(limits), stream_(source, budget_), writer_(root, budget_, whiteouts) {}
  Unpacking(int source, int root, const Limits& limits, const CopyTarget& target)
      : budget_(limits),
        stream_(source, budget_),
        writer_(root, budget_, Whiteouts::kLiteral, Existing::kKeepsKinds),
        target_(&target) {}

  Result<Unpacked> run() {
    TRY(stream_.open());
    while (true) {
      TRY_ASSIGN(archive_entry* const entry, stream_.next_entry());
      if (entry == nullptr) break;
      auto made = take(entry);
      if (!made) {
        const char* name = ::archive_entry_pathname(entry);
        return std::move(made).error().with_object(printable_name(name == nullptr ? "" : name));
      }
    }
    TRY(writer_.finish());
    TRY_ASSIGN(const Digest digest, stream_.finish());
    return Unpacked{digest, budget_.bytes(), budget_.entries()};
  }

 private:
  Result<> take(archive_entry* entry) {
    TRY(budget_.charge_entry());
    const char* raw = ::archive_entry_pathname(entry);
    if (raw == nullptr) return refused("ENTRY_NAME_INVALID", "the name is not UTF-8");
    TRY_ASSIGN(const EntryName parsed, parse_entry_name(raw));
    if (target_ != nullptr && parsed.is_root()) return {};
    const EntryName name = in_target(parsed);
    TRY_ASSIGN(const bool was_whiteout, writer_.take_whiteout(name));
    if (was_whiteout) return {};
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      TRY_ASSIGN(const EntryName target_name, parse_entry_name(target));
      return writer_.make_hard_link(name, in_target(target_name));
    }
    TRY_ASSIGN(Metadata metadata, metadata_of(entry));
    if (target_ != nullptr && target_->owner) {
      metadata.uid = target_->owner->first;
      metadata.gid = target_->owner->second;
    }
    return make(entry, name, metadata);
  }

  EntryName in_target(EntryName name) const {
    if (target_ == nullptr || target_->path.empty() || name.is_root()) return name;
    name.parent = name.parent.empty() ? target_->path : target_->path + "/" + name.parent;
    return name;
  }

  Result<> make(archive_entry* entry, const EntryName& name, const Metadata& metadata) {
    const mode_t type = ::archive_entry_filetype(entry);
    switch (type) {
      case S_IFDIR:
        return writer_.make_directory(name, metadata);
      case S_IFREG:
        return make_file(entry, name, metadata);
      case S_IFLNK: {
        const char* target = ::archive_entry_symlink(entry);
        if (target == nullptr || *target == '\0')
          return refused("ENTRY_LINK_INVALID", "a symbolic link to nothing");
        return writer_.make_symlink(name, target, metadata);
      }
      case S_IFCHR:
      case S_IFBLK:
        return writer_.make_node(name, type, ::archive_entry_rdev(entry), metadata);
      case S_IFIFO:
        return writer_.make_node(name, type, 0, metadata);
      default:
        return refused("ENTRY_TYPE_REFUSED", fmt::format("file type {:o} is refused", type));
    }
  }

  Result<> make_file(archive_entry* entry, const EntryName& name, const Metadata& metadata) {
    const la_int64_t size = ::archive_entry_size(entry);
    if (size < 0) return refused("ARCHIVE_CORRUPT", "a file of negative size");
    TRY(budget_.charge_content(static_cast<std::uint64_t>(size)));
    TRY_ASSIGN(const UniqueFd fd, writer_.create_file(name));
    while (true) {
      TRY_ASSIGN(const auto block, stream_.next_block());
      if (!block) break;
      TRY(write_block(fd.get(), *block, size));
    }
    // What a sparse file ends with may be a hole.
    if (::ftruncate(fd.get(), size) != 0) return Error::from_errno(errno, "set size");
    TRY(apply_metadata(fd.get(), metadata));
    return apply_modified_time(fd.get(), metadata.modified);
  }

  static Result<> write_block(int fd, const ContentBlock& block, la_int64_t size) {
    const auto length = static_cast<la_int64_t>(block.bytes.size());
    if (block.offset < 0 || block.offset > size || length > size - block.offset)
      return refused("ARCHIVE_CORRUPT", "content beyond the end of the file");
    auto left = block.bytes;
    off_t at = block.offset;
    while (!left.empty()) {
      const ssize_t count = ::pwrite(fd, left.data(), left.size(), at);
      if (count < 0) {
        if (errno == EINTR) continue;
        return Error::from_errno(errno, "write");
      }
      left = left.subspan(static_cast<std::size_t>(count));
      at += count;
    }
    return {};
  }

  Budget budget_;
  TarStream stream_;
  TreeWriter writer_;
  const CopyTarget* target_ = nullptr;
};

}  // namespace

Error explain_full_disk(Error error) {
  if (error.sys_errno() == ENOSPC || error.sys_errno() == EDQUOT)
    return std::move(error).with_reason("DISK_FULL");
  return error;
}

Result<Unpacked> unpack_into(int source, int root, const CopyTarget& target, const Limits& limits) {
  auto unpacked = Unpacking(source, root, limits, target).run();
  if (!unpacked) return explain_full_disk(std::move(unpacked).error());
  return unpacked;
}

Result<Unpacked> unpack_archive(int source, int root, const Limits& limits, Whiteouts whiteouts) {
  auto unpacked = Unpacking(source, root, limits, whiteouts).run();
  if (!unpacked) return explain_full_disk(std::move(unpacked).error());
  return unpacked;
}

}  // namespace skerry::unpack
