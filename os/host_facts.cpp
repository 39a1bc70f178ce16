#include "os/host_facts.h"

#include <linux/seccomp.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/cgroup/tree.h"
#include "os/path.h"
#include "os/pidfd.h"
#include "os/proc_files.h"
#include "os/syscalls.h"

namespace skerry::os {
namespace {

constexpr std::size_t kMaxBytes = 64UL << 10U;

std::string line_of(const std::string& path) {
  auto text = read_file(path, kMaxBytes).value_or("");
  return text.substr(0, text.find('\n'));
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool has_openat2() {
  const open_how how = {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_IN_ROOT};
  return static_cast<bool>(UniqueFd(sys::openat2(AT_FDCWD, ".", how)));
}

// Runs a child that does nothing.
bool has_clone3() {
  alignas(16) std::array<char, 16UL * 1024> stack;
  int pidfd = -1;
  sys::CloneArgs args;
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.stack = reinterpret_cast<std::uintptr_t>(stack.data());
  args.stack_size = stack.size();
  if (sys::clone3_call(
          args, [](void*) { return 0; }, nullptr) < 0)
    return false;
  const UniqueFd process(pidfd);
  const auto status = wait_and_reap(process.get());
  return status && *status == ExitStatus{};
}

bool has_seccomp_filter() {
  std::uint32_t action = SECCOMP_RET_ERRNO;
  return sys::seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// memory.swap.max is in every group with the memory controller but the root.
bool has_swap_accounting_v2(const std::string& root) {
  const auto dir = open_dir(root);
  if (!dir) return false;
  const auto children = child_groups(dir->get());
  if (!children) return false;
  return std::ranges::any_of(*children, [&](const std::string& child) {
    return exists(root + "/" + child + "/memory.swap.max");
  });
}

bool has_swap_accounting(const CgroupRoots& roots) {
  if (roots.mode == CgroupMode::kV2) return has_swap_accounting_v2(roots.unified);
  return std::ranges::any_of(roots.hierarchies, [](const auto& hierarchy) {
    return exists(hierarchy.second + "/memory.memsw.limit_in_bytes");
  });
}

void probe_cgroups(HostFacts& facts) {
  const auto roots = find_cgroup_roots();
  if (!roots) return;
  const auto manager = make_cgroup_manager(*roots);
  if (!manager) return;
  facts.has_cgroups = true;
  facts.cgroup_mode = (*manager)->mode();
  facts.cgroup_controllers = (*manager)->controllers();
  facts.swap_accounting = has_swap_accounting(*roots);
}

void probe_machine(HostFacts& facts) {
  utsname names{};
  if (::uname(&names) == 0) {
    facts.kernel_release = names.release;
    facts.hostname = names.nodename;
  }
  facts.boot_id = line_of("/proc/sys/kernel/random/boot_id");
  facts.cpus = static_cast<std::uint32_t>(std::max(0L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  constexpr std::uint64_t kKibi = 1024;
  const auto meminfo = read_file("/proc/meminfo", kMaxBytes).value_or("");
  facts.memory_total = Bytes{find_keyed_number(meminfo, "MemTotal:").value_or(0) * kKibi};
  facts.swap_total = Bytes{find_keyed_number(meminfo, "SwapTotal:").value_or(0) * kKibi};
}

}  // namespace

HostFacts probe_host() {
  HostFacts facts;
  probe_machine(facts);
  probe_cgroups(facts);
  facts.cgroup_namespaces = exists("/proc/self/ns/cgroup");
  facts.openat2 = has_openat2();
  facts.clone3 = has_clone3();
  facts.move_mount = kernel_has_move_mount();
  facts.mount_setattr = kernel_has_mount_setattr();
  facts.lowerdir_plus = kernel_has_lowerdir_plus();
  facts.seccomp_filter = has_seccomp_filter();
  return facts;
}

}  // namespace skerry::os
