#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floor.h"

// One rule of the allow-list; -1 as the minor number means any.
struct rule {
  int major, minor;
};

static const struct rule kRules[] = {
    {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}};

static struct bpf_insn load(int to, int offset) {
  return (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                           .dst_reg = (unsigned)to & 0xfU,
                           .src_reg = BPF_REG_1,
                           .off = (int16_t)offset};
}

static struct bpf_insn jump_unless_equal(int what, int value, int over) {
  return (struct bpf_insn){.code = BPF_JMP | BPF_JNE | BPF_K,
                           .dst_reg = (unsigned)what & 0xfU,
                           .off = (int16_t)over,
                           .imm = value};
}

static struct bpf_insn answer(int value) {
  return (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value};
}

static const struct bpf_insn leave = {.code = BPF_JMP | BPF_EXIT};

// r2 access and type, r3 access alone, r4 major, r5 minor. mknod alone is allowed for every device,
// a rule's character device for everything, the rest for nothing.
static int write_program(struct bpf_insn* to) {
  int n = 0;
  to[n++] = load(BPF_REG_2, 0);
  to[n++] = load(BPF_REG_4, 4);
  to[n++] = load(BPF_REG_5, 8);
  to[n++] = (struct bpf_insn){
      .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_2};
  to[n++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_3, .imm = 16};
  to[n++] = jump_unless_equal(BPF_REG_3, BPF_DEVCG_ACC_MKNOD, 2);
  to[n++] = answer(1);
  to[n++] = leave;
  to[n++] =
      (struct bpf_insn){.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = BPF_REG_2, .imm = 0xffff};
  for (size_t i = 0; i < sizeof kRules / sizeof *kRules; i++) {
    const bool any = kRules[i].minor < 0;
    to[n++] = jump_unless_equal(BPF_REG_2, BPF_DEVCG_DEV_CHAR, any ? 3 : 4);
    to[n++] = jump_unless_equal(BPF_REG_4, kRules[i].major, any ? 2 : 3);
    if (!any) to[n++] = jump_unless_equal(BPF_REG_5, kRules[i].minor, 2);
    to[n++] = answer(1);
    to[n++] = leave;
  }
  to[n++] = answer(0);
  to[n++] = leave;
  return n;
}

int devices_load(void) {
  struct bpf_insn program[16 + 5 * (sizeof kRules / sizeof *kRules)];
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insn_cnt = (uint32_t)write_program(program);
  attributes.insns = (uintptr_t)program;
  attributes.license = (uintptr_t) "Apache-2.0";
  const int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (fd < 0) fail("bpf load", "device program");
  return fd;
}

void devices_attach(int program, int cgroup_fd) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup_fd;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes) != 0) {
    fail("bpf attach", "device program");
  }
}
