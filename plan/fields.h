// The fields of every struct of a plan, in the order they are encoded: the one place that codec and
// bounds share. A new field is added here and in plan.h, with a new kPlanVersion.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>

#include "plan/plan.h"

namespace skerry::plan {

/// T or const T.
template <class V, class T>
concept Is = std::same_as<std::remove_const_t<V>, T>;

/// References to the fields of `v`, const as `v` is.
auto fields_of(Is<JoinNamespace> auto& v) { return std::tie(v.fd, v.kind); }
auto fields_of(Is<SetRoot> auto& v) { return std::tie(v.fd); }
auto fields_of(Is<AttachMount> auto& v) { return std::tie(v.fd, v.target, v.create); }
auto fields_of(Is<MountPseudo> auto& v) { return std::tie(v.type, v.target, v.flags, v.data); }
auto fields_of(Is<MaskPath> auto& v) { return std::tie(v.path); }
auto fields_of(Is<ReadOnlyPath> auto& v) { return std::tie(v.path); }
auto fields_of(Is<MakeDir> auto& v) { return std::tie(v.path, v.mode); }
auto fields_of(Is<Symlink> auto& v) { return std::tie(v.target, v.path); }
auto fields_of(Is<RootReadOnly> auto&) { return std::tie(); }
auto fields_of(Is<EnterRoot> auto&) { return std::tie(); }
auto fields_of(Is<Hostname> auto& v) { return std::tie(v.name); }
auto fields_of(Is<Sysctl> auto& v) { return std::tie(v.key, v.value); }
auto fields_of(Is<LoopbackUp> auto&) { return std::tie(); }
auto fields_of(Is<Rlimit> auto& v) { return std::tie(v.resource, v.soft, v.hard); }
auto fields_of(Is<OomScoreAdj> auto& v) { return std::tie(v.value); }
auto fields_of(Is<SetIds> auto& v) { return std::tie(v.uid, v.gid, v.groups); }
auto fields_of(Is<WorkingDirectory> auto& v) { return std::tie(v.path, v.create); }
auto fields_of(Is<Capabilities> auto& v) {
  return std::tie(v.bounding, v.effective, v.permitted, v.inheritable, v.ambient);
}
auto fields_of(Is<NoNewPrivs> auto&) { return std::tie(); }
auto fields_of(Is<Seccomp> auto& v) { return std::tie(v.program); }
auto fields_of(Is<Exec> auto& v) { return std::tie(v.arguments, v.environment); }
auto fields_of(Is<Join> auto& v) { return std::tie(v.clone_into, v.tasks); }
auto fields_of(Is<Log> auto& v) {
  return std::tie(v.directory, v.name, v.max_bytes, v.max_files, v.overflow);
}
auto fields_of(Is<Terminal> auto& v) { return std::tie(v.wanted, v.rows, v.columns, v.devpts); }
auto fields_of(Is<Shim> auto& v) {
  return std::tie(
      v.control, v.listener, v.exit_record, v.log, v.open_stdin, v.slow_reader, v.terminal);
}
auto fields_of(Is<Enter> auto& v) { return std::tie(v.process, v.namespaces); }
auto fields_of(Is<LaunchPlan> auto& v) {
  return std::tie(v.uid,
                  v.shim,
                  v.namespaces,
                  v.join_pid_namespace,
                  v.cgroup_namespace,
                  v.join,
                  v.enter,
                  v.operations,
                  v.hold,
                  v.init,
                  v.standby,
                  v.exec);
}
auto fields_of(Is<SandboxPlan> auto& v) { return std::tie(v.uid, v.namespaces, v.operations); }

/// The highest enumerator, above which a decoded byte is malformed.
constexpr TargetKind last_enumerator(TargetKind) { return TargetKind::kFile; }
constexpr LogOverflow last_enumerator(LogOverflow) { return LogOverflow::kDrop; }
constexpr SlowReader last_enumerator(SlowReader) { return SlowReader::kIsWaitedFor; }

}  // namespace skerry::plan
