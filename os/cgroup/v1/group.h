// One group on a host with v1 hierarchies: a directory in each, and one in the unified tree of a
// hybrid host, which is preferred for kill, freeze and waiting.
#pragma once

#include "os/cgroup/cgroup.h"
#include "os/cgroup/v1/controllers.h"
#include "os/cgroup/v1/layout.h"

namespace skerry::os::cgroup_v1 {

/// The directories of one group. `dirs` has one entry for each hierarchy of the layout.
struct GroupDirs {
  std::vector<UniqueFd> dirs;
  UniqueFd unified;
};

/// What the group is for: limits are a container's, an exec shares them.
enum class GroupKind : std::uint8_t { kFull, kExec };

class Group final : public Cgroup {
 public:
  Group(CgroupPath path, const Layout& layout, GroupDirs dirs, GroupKind kind)
      : path_(std::move(path)), layout_(layout), dirs_(std::move(dirs)), kind_(kind) {}

  const CgroupPath& path() const override { return path_; }
  Result<CgroupJoin> join() const override;
  Result<> set_cpu(const CpuSettings& settings) override;
  Result<> set_memory(const MemorySettings& settings) override;
  Result<> set_pids_max(std::uint64_t max) override;
  Result<> set_devices(const std::vector<DeviceRule>& allowed) override;
  Result<CgroupUsage> usage() const override;
  Result<std::uint64_t> oom_kills() const override;
  Result<UniqueFd> open_oom_events() const override;
  Result<bool> populated() const override;
  Result<std::vector<pid_t>> processes() const override;
  Result<> freeze() override;
  Result<> thaw() override;
  Result<> kill() override;
  Result<> wait_empty(std::chrono::milliseconds deadline) const override;

 private:
  /// The directory of a controller, or FAILED_PRECONDITION when this host or this kind of group
  /// has none.
  Result<int> limit_dir(int hierarchy, std::string_view controller) const;
  Result<> named(Result<> result) const;
  /// The tree that says who is in the group.
  int member_dir() const;
  int freezer_dir() const;

  CgroupPath path_;
  const Layout& layout_;
  GroupDirs dirs_;
  GroupKind kind_;
  mutable UsageFiles usage_files_;
};

}  // namespace skerry::os::cgroup_v1
