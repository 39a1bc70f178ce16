// One group of cgroup v2: a directory with limits and, for a container, the leaf "main" with its
// processes.
#pragma once

#include "os/cgroup/cgroup.h"
#include "os/cgroup/v2/controllers.h"

namespace skerry::os::cgroup_v2 {

class Group final : public Cgroup {
 public:
  /// `leaf` is where processes go; without one they go into the group itself.
  Group(CgroupPath path, UniqueFd dir, UniqueFd leaf)
      : path_(std::move(path)), dir_(std::move(dir)), leaf_(std::move(leaf)) {}

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
  Result<> limit(std::string_view controller, Result<> result) const;

  CgroupPath path_;
  UniqueFd dir_;
  UniqueFd leaf_;
  mutable UsageFiles usage_files_;
};

}  // namespace skerry::os::cgroup_v2
