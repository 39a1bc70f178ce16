#include <array>
#include <cerrno>

#include "os/cgroup/settings.h"
#include "os/cgroup/v2/controllers.h"
#include "os/cgroup/v2/device_program.h"
#include "os/syscalls.h"

namespace skerry::os::cgroup_v2 {
namespace {

// The kernel holds at most this many programs a group (BPF_CGROUP_MAX_PROGS).
constexpr std::size_t kMaxPrograms = 64;

Result<UniqueFd> load_program(const std::vector<bpf_insn>& code) {
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insn_cnt = static_cast<std::uint32_t>(code.size());
  attributes.insns = reinterpret_cast<std::uintptr_t>(code.data());
  attributes.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
  UniqueFd program(sys::bpf(BPF_PROG_LOAD, attributes));
  if (!program) return Error::from_errno(errno, "load device program");
  return program;
}

/// The device programs attached to the group itself, those of its ancestors aside.
Result<std::vector<UniqueFd>> attached_programs(int dir) {
  std::array<std::uint32_t, kMaxPrograms> ids{};
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<std::uint32_t>(dir);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  attributes.query.prog_cnt = kMaxPrograms;
  if (sys::bpf(BPF_PROG_QUERY, attributes) != 0)
    return Error::from_errno(errno, "list device programs");
  std::vector<UniqueFd> programs;
  for (std::size_t i = 0; i < attributes.query.prog_cnt; ++i) {
    bpf_attr wanted{};
    wanted.prog_id = ids.at(i);
    UniqueFd program(sys::bpf(BPF_PROG_GET_FD_BY_ID, wanted));
    if (!program) return Error::from_errno(errno, "open device program");
    programs.push_back(std::move(program));
  }
  return programs;
}

int attach(int dir, int program, std::uint32_t flags, int replaced) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(dir);
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = flags;
  attributes.replace_bpf_fd = static_cast<std::uint32_t>(replaced);
  return sys::bpf(BPF_PROG_ATTACH, attributes);
}

Result<> detach(int dir, int program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(dir);
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  if (sys::bpf(BPF_PROG_DETACH, attributes) != 0)
    return Error::from_errno(errno, "detach device program");
  return {};
}

}  // namespace

// ALLOW_MULTI, so that programs of ancestors (systemd's) keep their say. Several programs on one
// group must all agree, so a moment with both the old and the new one only refuses more.
Result<> set_devices(int dir, const std::vector<DeviceRule>& allowed) {
  for (const auto& rule : allowed) TRY(check_device_rule(rule));
  TRY_ASSIGN(const auto program, load_program(assemble_device_program(allowed)));
  TRY_ASSIGN(const auto old, attached_programs(dir));
  std::size_t replaced = 0;
  if (!old.empty() &&
      attach(dir, program.get(), BPF_F_ALLOW_MULTI | BPF_F_REPLACE, old.front().get()) == 0) {
    replaced = 1;
  } else if (attach(dir, program.get(), BPF_F_ALLOW_MULTI, 0) != 0) {
    return Error::from_errno(errno, "attach device program");
  }
  for (std::size_t i = replaced; i < old.size(); ++i) TRY(detach(dir, old[i].get()));
  return {};
}

}  // namespace skerry::os::cgroup_v2
