#include "os/cgroup/v1/controllers.h"
#include "os/path.h"

namespace skerry::os::cgroup_v1 {
namespace {

Result<> fill_one(int parent, int dir, const std::string& name) {
  constexpr std::size_t kMaxList = 16UL << 10U;
  TRY_ASSIGN(const auto own, read_file_at(dir, name, kMaxList));
  if (own != "\n" && !own.empty()) return {};
  TRY_ASSIGN(const auto above, read_file_at(parent, name, kMaxList));
  return write_value_at(dir, name, above);
}

}  // namespace

Result<> fill_cpuset(int parent, int dir) {
  TRY(fill_one(parent, dir, "cpuset.cpus"));
  return fill_one(parent, dir, "cpuset.mems");
}

Result<> inherit_cpuset_below(int dir) { return write_value_at(dir, "cgroup.clone_children", "1"); }

}  // namespace skerry::os::cgroup_v1
