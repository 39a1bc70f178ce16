#include "os/cgroup/v2/device_program.h"

#include <cstddef>

namespace skerry::os::cgroup_v2 {
namespace {

// What each register holds while the rules run; r1 is the context at the start, then scratch.
constexpr std::uint8_t kResult = BPF_REG_0;
constexpr std::uint8_t kScratch = BPF_REG_1;
constexpr std::uint8_t kType = BPF_REG_2;
constexpr std::uint8_t kAccess = BPF_REG_3;
constexpr std::uint8_t kMajor = BPF_REG_4;
constexpr std::uint8_t kMinor = BPF_REG_5;

bpf_insn instruction(int code, std::uint8_t target, std::uint8_t source, std::int32_t value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = target & 0xFU;
  made.src_reg = source & 0xFU;
  made.imm = value;
  return made;
}

bpf_insn load_field(std::uint8_t target, std::size_t offset) {
  auto made = instruction(BPF_LDX | BPF_MEM | BPF_W, target, kScratch, 0);
  made.off = static_cast<std::int16_t>(offset);
  return made;
}

bpf_insn move_value(std::uint8_t target, std::int32_t value) {
  return instruction(BPF_ALU64 | BPF_MOV | BPF_K, target, 0, value);
}

std::int32_t access_mask(const std::string& access) {
  std::int32_t mask = 0;
  for (const char letter : access) {
    if (letter == 'm') mask |= BPF_DEVCG_ACC_MKNOD;
    if (letter == 'r') mask |= BPF_DEVCG_ACC_READ;
    if (letter == 'w') mask |= BPF_DEVCG_ACC_WRITE;
  }
  return mask;
}

// A rule falls through to "return 1"; every test that fails jumps behind it.
std::vector<bpf_insn> assemble_rule(const DeviceRule& rule) {
  std::vector<bpf_insn> code;
  const auto skip_unless = [&](std::uint8_t held, std::int64_t wanted) {
    code.push_back(
        instruction(BPF_JMP | BPF_JNE | BPF_K, held, 0, static_cast<std::int32_t>(wanted)));
  };
  skip_unless(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  const auto mask = access_mask(rule.access);
  if (mask != (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)) {
    code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_X, kScratch, kAccess, 0));
    code.push_back(instruction(BPF_ALU64 | BPF_AND | BPF_K, kScratch, 0, mask));
    code.push_back(instruction(BPF_JMP | BPF_JNE | BPF_X, kScratch, kAccess, 0));
  }
  if (rule.major >= 0) skip_unless(kMajor, rule.major);
  if (rule.minor >= 0) skip_unless(kMinor, rule.minor);
  code.push_back(move_value(kResult, 1));
  code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0));
  for (std::size_t i = 0; i < code.size(); ++i) {
    if ((code[i].code & 0xF0U) == BPF_JNE && (code[i].code & 0x07U) == BPF_JMP)
      code[i].off = static_cast<std::int16_t>(code.size() - i - 1);
  }
  return code;
}

}  // namespace

std::vector<bpf_insn> assemble_device_program(const std::vector<DeviceRule>& allowed) {
  constexpr std::int32_t kTypeBits = 0xFFFF;
  constexpr std::int32_t kAccessShift = 16;
  std::vector<bpf_insn> code = {
      load_field(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, kAccess, kType, 0),
      instruction(BPF_ALU64 | BPF_RSH | BPF_K, kAccess, 0, kAccessShift),
      instruction(BPF_ALU64 | BPF_AND | BPF_K, kType, 0, kTypeBits),
      load_field(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      load_field(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  for (const auto& rule : allowed) {
    const auto part = assemble_rule(rule);
    code.insert(code.end(), part.begin(), part.end());
  }
  code.push_back(move_value(kResult, 0));
  code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0));
  return code;
}

}  // namespace skerry::os::cgroup_v2
