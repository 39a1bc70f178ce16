#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "launcher/operations.h"
#include "os/network.h"
#include "os/path.h"
#include "os/syscalls.h"

namespace skerry::launcher {
namespace {

constexpr ino_t kProcRootInode = 1;

// Not a subdirectory of a proc bound there, nor a directory of the image that looks like one.
Result<UniqueFd> open_proc_root(OperationState& state) {
  if (state.proc >= 0) return UniqueFd(::fcntl(state.proc, F_DUPFD_CLOEXEC, 3));
  TRY_ASSIGN(const int root, root_of(state));
  TRY_ASSIGN(auto proc, os::open_in_root(root, "/proc", O_PATH | O_DIRECTORY));
  struct statfs file_system {};
  struct stat info {};
  if (::fstatfs(proc.get(), &file_system) != 0 || ::fstat(proc.get(), &info) != 0)
    return Error::from_errno(errno, "look at /proc");
  if (file_system.f_type != PROC_SUPER_MAGIC || info.st_ino != kProcRootInode)
    return Error::from_errno(EXDEV, "/proc is not procfs");
  return proc;
}

// No link and no other mount on the way: what is written is the file of this proc.
Result<> write_proc_file(OperationState& state, const std::string& path, std::string_view value) {
  TRY_ASSIGN(const auto proc, open_proc_root(state));
  const UniqueFd file(
      os::sys::openat2(proc.get(),
                       path.c_str(),
                       {.flags = O_WRONLY | O_CLOEXEC,
                        .mode = 0,
                        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS}));
  if (!file) return Error::from_errno(errno, "open \"/proc/" + path + "\"");
  if (::write(file.get(), value.data(), value.size()) < 0)
    return Error::from_errno(errno, "write \"/proc/" + path + "\"");
  return {};
}

}  // namespace

std::string sysctl_path(std::string_view key) {
  std::string path(key);
  const auto first = path.find_first_of("./");
  if (first == std::string::npos || path[first] == '/') return path;
  for (char& c : path) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return path;
}

Result<> apply(OperationState& state, const plan::JoinNamespace& operation) {
  TRY_ASSIGN(const int fd, state.fds.get(operation.fd));
  if (operation.kind == CLONE_NEWPID) return Error::from_errno(EINVAL, "join pid namespace");
  if (::setns(fd, static_cast<int>(operation.kind)) != 0)
    return Error::from_errno(errno, "join namespace");
  if (operation.kind == CLONE_NEWNS) state.root.reset();
  return {};
}

Result<> apply(OperationState&, const plan::Hostname& operation) {
  if (::sethostname(operation.name.data(), operation.name.size()) != 0)
    return Error::from_errno(errno, "set hostname");
  return {};
}

Result<> apply(OperationState& state, const plan::Sysctl& operation) {
  return write_proc_file(state, "sys/" + sysctl_path(operation.key), operation.value);
}

Result<> apply(OperationState&, const plan::LoopbackUp&) { return os::set_interface_up("lo"); }

Result<> apply(OperationState&, const plan::Rlimit& operation) {
  const rlimit limit{.rlim_cur = operation.soft, .rlim_max = operation.hard};
  if (::setrlimit(static_cast<__rlimit_resource>(operation.resource), &limit) != 0)
    return Error::from_errno(errno, "set rlimit");
  return {};
}

// By number: /proc/self is a link, and the number is ours in the namespace the proc belongs to.
Result<> apply(OperationState& state, const plan::OomScoreAdj& operation) {
  return write_proc_file(
      state, std::to_string(::getpid()) + "/oom_score_adj", std::to_string(operation.value));
}

}  // namespace skerry::launcher
