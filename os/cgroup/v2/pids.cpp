#include "os/cgroup/v2/controllers.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os::cgroup_v2 {

Result<> set_pids_max(int dir, std::uint64_t max) {
  return write_value_at(dir, "pids.max", max == 0 ? "max" : std::to_string(max));
}

Result<> read_pids_usage(int dir, UsageFiles& files, CgroupUsage& usage) {
  const auto text = files.pids_current.read(dir);
  if (text) usage.pids_current = parse_number(*text).value_or(0);
  return {};
}

}  // namespace skerry::os::cgroup_v2
