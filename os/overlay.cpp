#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "os/fs_context.h"
#include "os/mount.h"
#include "os/mount_flags.h"
#include "os/pidfd.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

constexpr std::size_t kMaxLowers = 500;
/// fsconfig(2) refuses strings of 256 bytes and more, its ending zero included.
constexpr std::size_t kMaxFsconfigString = 255;
/// mount(2) copies one page of options, its ending zero included.
constexpr std::size_t kMaxMountOptions = 4095;

Result<> check(const OverlaySpec& spec) {
  if (spec.lowers.empty() || spec.lowers.size() > kMaxLowers) {
    return Error(Code::kInvalidArgument,
                 fmt::format("overlay of {} layers: 1 to {}", spec.lowers.size(), kMaxLowers));
  }
  if (spec.upper.has_value() != spec.work.has_value())
    return Error(Code::kInvalidArgument,
                 "overlay with upper and no work directory, or the reverse");
  if (!spec.upper && spec.lowers.size() < 2)
    return Error(Code::kInvalidArgument, "read-only overlay of one layer");
  return {};
}

Result<UniqueFd> open_layer(const HostPath& path) {
  const int dir = path.dir < 0 ? AT_FDCWD : path.dir;
  UniqueFd fd(
      ::openat(dir, path.path.empty() ? "." : path.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open layer \"{}\"", kernel_path(path)));
  return fd;
}

Result<> add_layer(FsContext& context, const std::string& key, const HostPath& path) {
  const auto direct = kernel_path(path);
  if (direct.size() <= kMaxFsconfigString) return context.set_string(key, direct);
  TRY_ASSIGN(const auto fd, open_layer(path));
  return context.set_string(key, kernel_path({.dir = fd.get(), .path = {}}));
}

Result<UniqueFd> overlay_layer_by_layer(const OverlaySpec& spec) {
  TRY_ASSIGN(auto context, FsContext::open("overlay"));
  TRY(context.set_string("source", "overlay"));
  for (const auto& lower : spec.lowers) TRY(add_layer(context, "lowerdir+", lower));
  if (spec.upper) {
    TRY(add_layer(context, "upperdir", *spec.upper));
    TRY(add_layer(context, "workdir", *spec.work));
  }
  if (spec.is_volatile) TRY(context.set_flag("volatile"));
  return context.mount(spec.flags);
}

/// One directory of the overlay: as the caller named it, and by path for the scratch namespace.
struct NamedLayer {
  UniqueFd fd;
  std::string path;
  int scratch_fd = -1;
};

/// What the scratch process needs and what it found; it shares our memory while we wait.
struct ScratchMount {
  std::vector<NamedLayer> layers;  ///< The lowers, then upper and work where there are.
  std::size_t lowers = 0;
  bool is_volatile = false;
  std::array<char, kMaxMountOptions + 1> options{};
  std::size_t length = 0;
  int mount = -1;
  int sys_errno = 0;
  const char* failed_call = nullptr;

  // A child killed half-way leaves its descriptors in the table it shares with us.
  ~ScratchMount() {
    for (const auto& layer : layers) UniqueFd(layer.scratch_fd).reset();
    UniqueFd(mount).reset();
  }

  bool append(std::string_view text) {
    if (length + text.size() > kMaxMountOptions) return false;
    std::memcpy(options.data() + length, text.data(), text.size());
    length += text.size();
    return true;
  }
  bool append(std::string_view key, int number) {
    std::array<char, 12> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
    return append(key) && append({digits.data(), static_cast<std::size_t>(end - digits.begin())});
  }
  bool compose() {
    bool fits = true;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      std::string_view key = i == 0 ? "lowerdir=" : ":";
      if (i == lowers) key = ",upperdir=";
      if (i == lowers + 1) key = ",workdir=";
      fits = fits && append(key, layers[i].scratch_fd);
    }
    return fits && (!is_volatile || append(",volatile"));
  }
};

int fail(ScratchMount& scratch, int sys_errno, const char* call) {
  scratch.sys_errno = sys_errno;
  scratch.failed_call = call;
  return 1;
}

// The kernel takes layers only from the namespace of whoever mounts, so descriptors of ours will
// not do: each path is opened again, and must lead to the same directory.
bool reopen(NamedLayer& layer) {
  layer.scratch_fd = ::open(layer.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (layer.scratch_fd < 0) return false;
  struct stat wanted {};
  struct stat found {};
  if (::fstat(layer.fd.get(), &wanted) != 0 || ::fstat(layer.scratch_fd, &found) != 0) return false;
  errno = ESTALE;
  return wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

// Runs in a process of its own that has a copy of our mount namespace and shares memory and
// descriptors with us: system calls only. The layers are named by descriptor number relative to
// /proc/self/fd, the shortest names there are. The overlay is mounted over /proc because that is a
// directory every host has; the working directory keeps the old /proc in reach.
int mount_in_scratch(void* argument) {
  auto& scratch = *static_cast<ScratchMount*>(argument);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(scratch, errno, "make mounts private");
  for (auto& layer : scratch.layers) {
    if (!reopen(layer)) return fail(scratch, errno, "open layer again");
  }
  if (!scratch.compose()) return fail(scratch, E2BIG, "compose options");
  if (::chdir("/proc/self/fd") != 0) return fail(scratch, errno, "enter /proc/self/fd");
  if (::mount("overlay", "/proc", "overlay", 0, scratch.options.data()) != 0)
    return fail(scratch, errno, "mount overlay");
  scratch.mount = ::open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (scratch.mount < 0) return fail(scratch, errno, "clone mount of overlay");
  return 0;
}

Result<> run_in_scratch(ScratchMount& scratch) {
  alignas(16) std::array<char, 32UL * 1024> stack;
  int pidfd = -1;
  sys::CloneArgs args;
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.stack = reinterpret_cast<std::uintptr_t>(stack.data());
  args.stack_size = stack.size();
  // A signal handler of ours must not run in the child, on our memory.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = sys::clone3_call(args, mount_in_scratch, &scratch);
  const int sys_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return Error::from_errno(sys_errno, "clone scratch process");
  const UniqueFd process(pidfd);
  TRY(wait_and_reap(process.get()));
  if (scratch.failed_call != nullptr)
    return Error::from_errno(scratch.sys_errno, scratch.failed_call);
  return {};
}

Result<> add_named(ScratchMount& scratch, const HostPath& path) {
  TRY_ASSIGN(auto fd, open_layer(path));
  std::array<char, PATH_MAX> target{};
  const auto link = fmt::format("/proc/self/fd/{}", fd.get());
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) return Error::from_errno(errno, fmt::format("read \"{}\"", link));
  scratch.layers.push_back(
      {.fd = std::move(fd), .path = {target.data(), static_cast<std::size_t>(length)}});
  return {};
}

Result<UniqueFd> overlay_by_one_string(const OverlaySpec& spec) {
  ScratchMount scratch;
  scratch.lowers = spec.lowers.size();
  scratch.is_volatile = spec.is_volatile;
  for (const auto& lower : spec.lowers) TRY(add_named(scratch, lower));
  if (spec.upper) {
    TRY(add_named(scratch, *spec.upper));
    TRY(add_named(scratch, *spec.work));
  }
  TRY(run_in_scratch(scratch));
  UniqueFd mount(std::exchange(scratch.mount, -1));
  TRY(set_mount_flags(mount.get(), spec.flags, MountScope::kOne));
  return mount;
}

}  // namespace

Result<UniqueFd> make_overlay(const OverlaySpec& spec, OverlayArm arm) {
  TRY(check(spec));
  auto mount =
      arm == OverlayArm::kLayerByLayer ? overlay_layer_by_layer(spec) : overlay_by_one_string(spec);
  if (!mount) return std::move(mount).error().wrap("overlay");
  return mount;
}

}  // namespace skerry::os
