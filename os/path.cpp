#include "os/path.h"

#include <sys/stat.h>

#include <cerrno>

#include <fmt/format.h>

#include "os/proc_files.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

// A rename or mount elsewhere in the system makes openat2 give up with EAGAIN while it checks "..".
constexpr int kResolveAttempts = 64;

Result<UniqueFd> resolve(int dir, const std::string& path, open_how how) {
  how.flags |= O_CLOEXEC;
  for (int attempt = 0;; ++attempt) {
    const int fd = sys::openat2(dir, path.c_str(), how);
    if (fd >= 0) return UniqueFd(fd);
    const int sys_errno = errno;
    if ((sys_errno == EAGAIN || sys_errno == EINTR) && attempt < kResolveAttempts) continue;
    auto error = Error::from_errno(sys_errno, fmt::format("open \"{}\"", path));
    if (sys_errno == EXDEV || sys_errno == ELOOP)
      return std::move(error).with_code(Code::kFailedPrecondition);
    return error;
  }
}

Error not_a_directory(std::string_view path) {
  return Error::from_errno(ENOTDIR, fmt::format("open \"{}\"", path))
      .with_code(Code::kFailedPrecondition);
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

Result<UniqueFd> open_dir(const std::string& path) { return open_dir_at(AT_FDCWD, path); }

Result<UniqueFd> open_dir_at(int dir, const std::string& path) {
  const int fd = ::openat(dir, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno(errno, fmt::format("open directory \"{}\"", path));
  return UniqueFd(fd);
}

Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  return resolve(root,
                 path,
                 {.flags = static_cast<std::uint64_t>(flags),
                  .mode = mode,
                  .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS});
}

Result<UniqueFd> open_beneath(int dir, const std::string& path, int flags, mode_t mode) {
  return resolve(dir,
                 path,
                 {.flags = static_cast<std::uint64_t>(flags),
                  .mode = mode,
                  .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS});
}

Result<UniqueFd> make_dirs_in_root(int root, const std::string& path, mode_t mode) {
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  auto whole = open_in_root(root, path.empty() ? "." : path, kFlags);
  if (whole || whole.error().sys_errno() != ENOENT) {
    if (!whole && whole.error().sys_errno() == ENOTDIR) return not_a_directory(path);
    return whole;
  }
  // Each prefix is resolved from the root again, because a component may be a link; a missing one
  // is made in the directory that the prefix before it led to.
  TRY_ASSIGN(UniqueFd current, open_in_root(root, ".", kFlags));
  std::string prefix;
  for (const auto component : split(path, '/')) {
    prefix.append("/").append(component);
    auto next = open_in_root(root, prefix, kFlags);
    if (!next && next.error().sys_errno() == ENOENT) {
      const std::string name(component);
      if (::mkdirat(current.get(), name.c_str(), mode) != 0 && errno != EEXIST)
        return Error::from_errno(errno, fmt::format("make directory \"{}\"", prefix));
      next = open_in_root(root, prefix, kFlags);
    }
    if (!next) {
      // After mkdir said EEXIST, "not found" is a link to nowhere.
      const int sys_errno = next.error().sys_errno();
      if (sys_errno == ENOENT || sys_errno == ENOTDIR) return not_a_directory(prefix);
      return std::move(next).error();
    }
    current = std::move(*next);
  }
  return current;
}

Result<UniqueFd> create_file_in_root(int root, const std::string& path, mode_t mode) {
  auto found = open_in_root(root, path, O_PATH);
  if (!found && found.error().sys_errno() == ENOENT) {
    TRY_ASSIGN(const auto parent, make_dirs_in_root(root, parent_of(path), 0755));
    const std::string name = path.substr(path.find_last_of('/') + 1);
    const int fd = ::openat(
        parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    const int sys_errno = errno;
    if (fd < 0 && sys_errno != EEXIST) {
      return Error::from_errno(sys_errno, fmt::format("make file \"{}\"", path))
          .with_code(sys_errno == EISDIR ? Code::kFailedPrecondition : Code::kInternal);
    }
    const UniqueFd made(fd);
    found = open_in_root(root, path, O_PATH);
  }
  if (!found) return std::move(found).error();
  struct stat info {};
  if (::fstat(found->get(), &info) != 0)
    return Error::from_errno(errno, fmt::format("stat \"{}\"", path));
  if (S_ISDIR(info.st_mode)) {
    return Error::from_errno(EISDIR, fmt::format("file \"{}\"", path))
        .with_code(Code::kFailedPrecondition);
  }
  return std::move(*found);
}

}  // namespace skerry::os
