#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <array>
#include <cerrno>

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

/// What the scratch process needs and what it found; it shares our memory while we wait.
struct ScratchMount {
  const char* options;
  int mount = -1;
  int sys_errno = 0;
  const char* failed_call = nullptr;
};

int fail(ScratchMount& scratch, const char* call) {
  scratch.sys_errno = errno;
  scratch.failed_call = call;
  return 1;
}

// Runs in a process of its own that has a copy of our mount namespace and shares memory and
// descriptors with us: system calls only. The layers are named by descriptor number relative to
// /proc/self/fd, the shortest names there are. The overlay is mounted over /proc because that is a
// directory every host has; the working directory keeps the old /proc in reach.
int mount_in_scratch(void* argument) {
  auto& scratch = *static_cast<ScratchMount*>(argument);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(scratch, "make mounts private");
  if (::chdir("/proc/self/fd") != 0) return fail(scratch, "enter /proc/self/fd");
  if (::mount("overlay", "/proc", "overlay", 0, scratch.options) != 0)
    return fail(scratch, "mount overlay");
  scratch.mount = ::open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (scratch.mount < 0) return fail(scratch, "clone mount of overlay");
  return 0;
}

Result<UniqueFd> run_scratch_mount(const std::string& options) {
  ScratchMount scratch{.options = options.c_str()};
  alignas(16) std::array<char, 64UL * 1024> stack;
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
  if (pid < 0) return Error::from_errno(sys_errno, "clone scratch process for overlay");
  const UniqueFd process(pidfd);
  UniqueFd mount(scratch.mount);
  TRY(wait_and_reap(process.get()));
  if (scratch.failed_call != nullptr)
    return Error::from_errno(scratch.sys_errno, scratch.failed_call);
  return mount;
}

Result<UniqueFd> overlay_by_one_string(const OverlaySpec& spec) {
  std::vector<UniqueFd> layers;
  std::string options = "lowerdir=";
  for (const auto& lower : spec.lowers) {
    TRY_ASSIGN(auto fd, open_layer(lower));
    if (!layers.empty()) options.push_back(':');
    options += std::to_string(fd.get());
    layers.push_back(std::move(fd));
  }
  if (spec.upper) {
    TRY_ASSIGN(auto upper, open_layer(*spec.upper));
    TRY_ASSIGN(auto work, open_layer(*spec.work));
    options += fmt::format(",upperdir={},workdir={}", upper.get(), work.get());
    layers.push_back(std::move(upper));
    layers.push_back(std::move(work));
  }
  if (spec.is_volatile) options += ",volatile";
  if (options.size() > kMaxMountOptions)
    return Error(Code::kResourceExhausted, "overlay options are longer than a page");
  TRY_ASSIGN(auto mount, run_scratch_mount(options));
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
