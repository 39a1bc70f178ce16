#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/ids.h"
#include "os/path.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

// Descriptors held at a time. What lies deeper is renamed to the top of the tree and done later.
constexpr std::size_t kMaxDepth = 48;

struct Entry {
  std::string name;
  bool may_be_file;
};

/// One directory being emptied, with the part of its listing that was read.
class Level final {
 public:
  Level(UniqueFd fd, std::string name)
      : fd_(std::move(fd)), name_(std::move(name)), buffer_(std::make_unique<Buffer>()) {}

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }

  Result<std::optional<Entry>> next() {
    while (true) {
      if (offset_ == size_) {
        const ssize_t count = ::getdents64(fd_.get(), buffer_->bytes.data(), buffer_->bytes.size());
        if (count < 0) return Error::from_errno(errno, fmt::format("list \"{}\"", name_));
        if (count == 0) return std::optional<Entry>{};
        size_ = static_cast<std::size_t>(count);
        offset_ = 0;
      }
      const char* record = buffer_->bytes.data() + offset_;
      std::uint16_t length = 0;
      std::memcpy(&length, record + offsetof(dirent64, d_reclen), sizeof(length));
      offset_ += length;
      const char* name = record + offsetof(dirent64, d_name);
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      return std::optional<Entry>(Entry{name, record[offsetof(dirent64, d_type)] != DT_DIR});
    }
  }

  void rewind() {
    ::lseek(fd_.get(), 0, SEEK_SET);
    offset_ = size_ = 0;
  }

  bool removed_something = false;

 private:
  struct Buffer {
    alignas(dirent64) std::array<char, 8192> bytes;
  };

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<Buffer> buffer_;
  std::size_t offset_ = 0;
  std::size_t size_ = 0;
};

class TreeRemover final {
 public:
  explicit TreeRemover(int dir) : dir_(dir) {}

  Result<> remove(const std::string& name) {
    TRY(remove_entry({name, true}));
    while (!levels_.empty()) {
      TRY_ASSIGN(const auto entry, levels_.back().next());
      if (entry) {
        TRY(remove_entry(*entry));
      } else {
        TRY(finish_level());
      }
    }
    return {};
  }

 private:
  int current() const { return levels_.empty() ? dir_ : levels_.back().fd(); }

  void note_progress() {
    if (!levels_.empty()) levels_.back().removed_something = true;
  }

  Result<> remove_entry(const Entry& entry) {
    if (entry.may_be_file) {
      if (::unlinkat(current(), entry.name.c_str(), 0) == 0 || errno == ENOENT) {
        note_progress();
        return {};
      }
      if (errno != EISDIR)
        return Error::from_errno(errno, fmt::format("remove \"{}\"", entry.name));
    }
    if (levels_.size() == kMaxDepth) return lift(entry.name);
    return descend(entry.name);
  }

  Result<> descend(const std::string& name) {
    const open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .mode = 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
    };
    UniqueFd fd(sys::openat2(current(), name.c_str(), how));
    if (!fd) {
      const int sys_errno = errno;
      if (sys_errno == ENOENT) return {};
      auto error = Error::from_errno(sys_errno, fmt::format("remove directory \"{}\"", name));
      if (sys_errno == EXDEV)
        return Error(Code::kFailedPrecondition,
                     fmt::format("remove directory \"{}\": a file system is mounted there", name));
      return error;
    }
    levels_.emplace_back(std::move(fd), name);
    return {};
  }

  Result<> lift(const std::string& name) {
    const std::string fresh = ".skerry-deep-" + random_hex(16);
    if (::renameat2(
            current(), name.c_str(), levels_.front().fd(), fresh.c_str(), RENAME_NOREPLACE) != 0)
      return Error::from_errno(errno, fmt::format("lift directory \"{}\"", name));
    note_progress();
    return {};
  }

  Result<> finish_level() {
    Level& level = levels_.back();
    const int parent = levels_.size() == 1 ? dir_ : levels_[levels_.size() - 2].fd();
    if (::unlinkat(parent, level.name().c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      const int sys_errno = errno;
      // Something was lifted here or written meanwhile; without progress it would be forever.
      if (sys_errno == ENOTEMPTY && level.removed_something) {
        level.removed_something = false;
        level.rewind();
        return {};
      }
      return Error::from_errno(sys_errno, fmt::format("remove directory \"{}\"", level.name()));
    }
    levels_.pop_back();
    note_progress();
    return {};
  }

  int dir_;
  std::vector<Level> levels_;
};

}  // namespace

Result<> remove_tree(int dir, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    return Error(Code::kInvalidArgument, fmt::format("remove \"{}\": not one component", name));
  auto removed = TreeRemover(dir).remove(name);
  if (!removed) return std::move(removed).error().wrap(fmt::format("remove tree \"{}\"", name));
  return {};
}

}  // namespace skerry::os
