#include "unpack/tree_packer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/directory.h"
#include "os/path.h"
#include "unpack/entry_name.h"
#include "unpack/tree_reader.h"

namespace skerry::unpack {
namespace {

constexpr std::size_t kMaxDepth = 512;
constexpr std::size_t kBufferSize = 128UL * 1024;

struct EntryFree {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, EntryFree>;

struct WriteFree {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
using Writer = std::unique_ptr<archive, WriteFree>;

// What the kernel makes up has no content to carry away, and no end.
bool is_made_up(int directory) {
  struct statfs info {};
  if (::fstatfs(directory, &info) != 0) return true;
  switch (static_cast<unsigned long>(info.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case 0x19800202:  // mqueue
      return true;
    default:
      return false;
  }
}

Error gone_or(Error error) {
  const int sys_errno = error.sys_errno();
  const bool missing = sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ELOOP;
  return missing ? std::move(error).with_code(Code::kNotFound).with_reason("PATH_NOT_FOUND")
                 : std::move(error);
}

/// A path to pack: what is opened, and what it is called.
struct Start {
  std::string parent;  ///< of the last component
  std::string name;    ///< as the archive calls it
  bool follow = false;
};

Start split(std::string path) {
  Start start;
  bool dot = false;
  for (;;) {
    if (path.ends_with("/.")) {
      path.pop_back();
      dot = true;
    } else if (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
      start.follow = true;
    } else {
      break;
    }
  }
  const std::size_t slash = path.rfind('/');
  start.name = slash == std::string::npos ? path : path.substr(slash + 1);
  start.parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (dot || start.name.empty() || start.name == "..") {
    start.parent = path;
    start.name = ".";
  }
  return start;
}

class Packer final {
 public:
  Packer(int root, int out, const Limits& limits) : root_(root), out_(out), budget_(limits) {}

  Result<Unpacked> run(const std::string& path) {
    buffer_.resize(kBufferSize);
    writer_.reset(::archive_write_new());
    if (!writer_ || ::archive_write_set_format_pax_restricted(writer_.get()) != ARCHIVE_OK ||
        ::archive_write_set_bytes_in_last_block(writer_.get(), 1) != ARCHIVE_OK ||
        ::archive_write_open_fd(writer_.get(), out_) != ARCHIVE_OK) {
      return failure();
    }
    TRY(start(split(path)));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = level.names[level.next++];
      const std::string called = level.path + "/" + name;
      auto packed = pack(level.fd.get(), name, called);
      // Somebody removed it since the directory was read.
      if (!packed && packed.error().code() == Code::kNotFound) continue;
      if (!packed) return std::move(packed).error().with_object(printable_name(called));
    }
    if (::archive_write_close(writer_.get()) != ARCHIVE_OK) return failure();
    return Unpacked{.digest = {}, .bytes = budget_.bytes(), .entries = budget_.entries()};
  }

 private:
  struct Level {
    UniqueFd fd;
    std::string path;
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  Result<> start(const Start& start) {
    auto parent = os::open_in_root(root_, start.parent, O_PATH | O_DIRECTORY);
    if (!parent) return gone_or(std::move(parent).error());
    if (start.name == ".") return begin_directory(std::move(*parent), start.name);
    if (start.follow) {
      auto directory =
          os::open_in_root(root_, start.parent + "/" + start.name, O_PATH | O_DIRECTORY);
      if (!directory) return gone_or(std::move(directory).error());
      return begin_directory(std::move(*directory), start.name);
    }
    auto packed = pack(parent->get(), start.name, start.name);
    if (!packed) return gone_or(std::move(packed).error());
    return packed;
  }

  Result<> begin_directory(UniqueFd directory, const std::string& called) {
    TRY(budget_.charge_entry());
    TRY_ASSIGN(UniqueFd fd, os::open_beneath(directory.get(), ".", O_RDONLY | O_DIRECTORY));
    return enter(std::move(fd), called);
  }

  Result<> pack(int directory, const std::string& name, const std::string& called) {
    struct stat info {};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::from_errno(errno, "stat");
    if (S_ISSOCK(info.st_mode)) return {};
    TRY(budget_.charge_entry());
    if (S_ISDIR(info.st_mode)) {
      TRY_ASSIGN(UniqueFd fd,
                 os::open_beneath(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      return enter(std::move(fd), called);
    }
    if (info.st_nlink > 1) {
      const auto [first, is_new] = names_.try_emplace({info.st_dev, info.st_ino}, called);
      if (!is_new) return pack_hard_link(called, first->second);
      TRY(budget_.charge_kept_names(called.size() + 128));
    }
    if (S_ISREG(info.st_mode)) return pack_file(directory, name, called);
    const Entry entry = make_entry(info, called);
    if (S_ISLNK(info.st_mode)) {
      std::array<char, PATH_MAX> target{};
      const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
      if (length <= 0) return Error::from_errno(errno, "read link");
      const std::string text(target.data(), static_cast<std::size_t>(length));
      ::archive_entry_set_symlink(entry.get(), text.c_str());
    }
    return write_header(entry.get());
  }

  static Entry make_entry(const struct stat& info, const std::string& called) {
    Entry entry(::archive_entry_new());
    ::archive_entry_copy_stat(entry.get(), &info);
    ::archive_entry_unset_atime(entry.get());
    ::archive_entry_unset_ctime(entry.get());
    ::archive_entry_set_pathname(entry.get(), called.c_str());
    if (!S_ISREG(info.st_mode)) ::archive_entry_set_size(entry.get(), 0);
    return entry;
  }

  static Result<> add_xattrs(archive_entry* entry, int fd) {
    TRY_ASSIGN(const auto xattrs, carried_xattrs(fd));
    for (const Xattr& xattr : xattrs) {
      ::archive_entry_xattr_add_entry(
          entry, xattr.name.c_str(), xattr.value.data(), xattr.value.size());
    }
    return {};
  }

  Result<> enter(UniqueFd fd, const std::string& called) {
    if (levels_.size() == kMaxDepth) {
      return Error(Code::kInvalidArgument, fmt::format("deeper than {} levels", kMaxDepth))
          .with_reason("SOURCE_TOO_DEEP");
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return Error::from_errno(errno, "stat");
    const Entry entry = make_entry(info, called);
    const bool made_up = is_made_up(fd.get());
    if (!made_up) TRY(add_xattrs(entry.get(), fd.get()));
    TRY(write_header(entry.get()));
    if (made_up) return {};
    TRY_ASSIGN(auto names, os::list_directory(fd.get()));
    levels_.push_back({std::move(fd), called, std::move(names)});
    return {};
  }

  Result<> pack_hard_link(const std::string& called, const std::string& first) {
    const Entry entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), called.c_str());
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    ::archive_entry_set_hardlink(entry.get(), first.c_str());
    return write_header(entry.get());
  }

  Result<> pack_file(int directory, const std::string& name, const std::string& called) {
    // Without O_NONBLOCK a fifo put here after the stat would hold us up.
    TRY_ASSIGN(const UniqueFd from,
               os::open_beneath(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (::fstat(from.get(), &info) != 0) return Error::from_errno(errno, "stat");
    if (!S_ISREG(info.st_mode)) return source_changed();
    if (is_made_up(from.get())) info.st_size = 0;
    TRY(budget_.charge_content(static_cast<std::uint64_t>(info.st_size)));
    const Entry entry = make_entry(info, called);
    TRY(add_xattrs(entry.get(), from.get()));
    TRY(write_header(entry.get()));
    return write_content(from.get(), info.st_size);
  }

  // As long as the header said: what was cut off meanwhile is zeros, what was added is left out.
  Result<> write_content(int from, off_t size) {
    off_t left = size;
    while (left > 0) {
      const std::size_t wanted =
          std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(left));
      ssize_t count = ::read(from, buffer_.data(), wanted);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error::from_errno(errno, "read");
      if (count == 0) {
        std::fill_n(buffer_.begin(), wanted, '\0');
        count = static_cast<ssize_t>(wanted);
      }
      if (::archive_write_data(writer_.get(), buffer_.data(), static_cast<std::size_t>(count)) !=
          count) {
        return failure();
      }
      left -= count;
    }
    return {};
  }

  // A warning is a name that is not UTF-8, which goes as it is.
  Result<> write_header(archive_entry* entry) {
    if (::archive_write_header(writer_.get(), entry) < ARCHIVE_WARN) return failure();
    return {};
  }

  Error failure() const {
    const int sys_errno = writer_ ? ::archive_errno(writer_.get()) : ENOMEM;
    if (sys_errno == EPIPE) return Error(Code::kAborted, "nobody reads the archive any more");
    const char* text = writer_ ? ::archive_error_string(writer_.get()) : nullptr;
    return Error(Code::kInternal, fmt::format("write the archive: {}", text ? text : "no memory"));
  }

  int root_;
  int out_;
  Budget budget_;
  Writer writer_;
  std::string buffer_;
  std::vector<Level> levels_;
  /// First name of every file that has several.
  std::map<std::pair<dev_t, ino_t>, std::string> names_;
};

}  // namespace

Result<Unpacked> pack_tree(int root, const std::string& path, int out, const Limits& limits) {
  return Packer(root, out, limits).run(path);
}

}  // namespace skerry::unpack
