// A plan with every operation and every field away from its default.
#pragma once

#include <sched.h>

#include "plan/plan.h"

namespace skerry::plan {

inline LaunchPlan sample_plan() {
  LaunchPlan plan;
  plan.uid = "0123456789abcdef0123456789abcdef";
  plan.shim = {.control = 0,
               .listener = 1,
               .exit_record = 2,
               .log = {.directory = 3,
                       .name = "log",
                       .max_bytes = 4096,
                       .max_files = 2,
                       .overflow = LogOverflow::kDrop},
               .open_stdin = true,
               .slow_reader = SlowReader::kIsWaitedFor,
               .terminal = {.wanted = true, .rows = 30, .columns = 100, .devpts = 10}};
  plan.namespaces = CLONE_NEWNS | CLONE_NEWPID;
  plan.join_pid_namespace = 11;
  plan.cgroup_namespace = true;
  plan.join = {.clone_into = 4, .tasks = {5, 6}};
  plan.enter = {.process = 12, .namespaces = CLONE_NEWNS | CLONE_NEWNET};
  plan.operations = {
      JoinNamespace{.fd = 7, .kind = CLONE_NEWNET},
      SetRoot{.fd = 8},
      AttachMount{.fd = 9, .target = "/data", .create = TargetKind::kFile},
      MountPseudo{.type = "proc", .target = "/proc", .flags = 14, .data = "hidepid=2"},
      MaskPath{.path = "/proc/kcore"},
      ReadOnlyPath{.path = "/proc/sys"},
      MakeDir{.path = "/run/x", .mode = 0700},
      Symlink{.target = "/proc/self/fd", .path = "/dev/fd"},
      RootReadOnly{},
      EnterRoot{},
      Hostname{.name = "web"},
      Sysctl{.key = "net.ipv4.ip_forward", .value = "1"},
      LoopbackUp{},
      Rlimit{.resource = 7, .soft = 1024, .hard = ~0ULL},
      OomScoreAdj{.value = -5},
      SetIds{.uid = 1000, .gid = 1001, .groups = {5, 6}},
      WorkingDirectory{.path = "/srv", .create = true},
      Capabilities{.bounding = 1, .effective = 2, .permitted = 3, .inheritable = 4, .ambient = 5},
      NoNewPrivs{},
      Seccomp{.program = {6, 0, 0, 0, 0, 0, 0xFF, 0x7F}},
  };
  plan.hold = false;
  plan.exec = {.arguments = {"sh", "-c", "echo \"hi\"\n"}, .environment = {"PATH=/bin", "A="}};
  return plan;
}

}  // namespace skerry::plan
