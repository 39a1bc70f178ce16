#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "base/ids.h"
#include "os/path.h"

namespace skerry::os {
namespace {

Result<> fsync_fd(int fd, std::string_view what) {
  if (::fsync(fd) != 0) return Error::from_errno(errno, fmt::format("fsync \"{}\"", what));
  return {};
}

Result<> write_and_sync(int fd, const std::string& name, std::string_view bytes, mode_t mode) {
  TRY(write_all(fd, bytes));
  if (::fchmod(fd, mode) != 0) return Error::from_errno(errno, fmt::format("chmod \"{}\"", name));
  return fsync_fd(fd, name);
}

}  // namespace

Result<std::string> read_file(int fd, std::size_t max) {
  constexpr std::size_t kFirst = 4096;
  std::string bytes;
  std::size_t used = 0;
  while (true) {
    // One byte above the limit tells "exactly full" from "too long".
    bytes.resize(std::min(max + 1, std::max(kFirst, used * 2)));
    const ssize_t count = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (count < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "read");
    }
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > max)
      return Error(Code::kResourceExhausted, fmt::format("file is longer than {} bytes", max));
  }
  bytes.resize(used);
  return bytes;
}

Result<std::string> read_file(const std::string& path, std::size_t max) {
  return read_file_at(AT_FDCWD, path, max);
}

Result<std::string> read_file_at(int dir, const std::string& name, std::size_t max) {
  const UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", name));
  auto bytes = read_file(fd.get(), max);
  if (!bytes) return std::move(bytes).error().wrap(fmt::format("\"{}\"", name));
  return bytes;
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> write_value_at(int dir, const std::string& name, std::string_view value) {
  const UniqueFd fd(::openat(dir, name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", name));
  const ssize_t count = ::write(fd.get(), value.data(), value.size());
  if (count < 0)
    return Error::from_errno(errno, fmt::format("write \"{}\" to \"{}\"", value, name));
  if (static_cast<std::size_t>(count) != value.size())
    return Error(Code::kInternal, fmt::format("\"{}\" took only a part of \"{}\"", name, value));
  return {};
}

Result<> write_file_atomic(int dir, const std::string& name, std::string_view bytes, mode_t mode) {
  const std::string temporary = ".tmp-" + random_hex(8);
  {
    const UniqueFd fd(::openat(
        dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Error::from_errno(errno, fmt::format("make \"{}\"", temporary));
    auto written = write_and_sync(fd.get(), name, bytes, mode);
    if (!written) {
      ::unlinkat(dir, temporary.c_str(), 0);
      return std::move(written).error().wrap(fmt::format("\"{}\"", name));
    }
  }
  if (::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
    const int sys_errno = errno;
    ::unlinkat(dir, temporary.c_str(), 0);
    return Error::from_errno(sys_errno, fmt::format("rename to \"{}\"", name));
  }
  // Opened again, because `dir` may be an O_PATH descriptor, which cannot be synced.
  TRY_ASSIGN(const auto readable, open_dir_at(dir, "."));
  return fsync_fd(readable.get(), name);
}

Result<std::string> rename_to_trash(int dir, const std::string& name, int trash) {
  std::string fresh = random_hex(16);
  if (::renameat2(dir, name.c_str(), trash, fresh.c_str(), RENAME_NOREPLACE) != 0)
    return Error::from_errno(errno, fmt::format("rename \"{}\" to trash", name));
  return fresh;
}

}  // namespace skerry::os
