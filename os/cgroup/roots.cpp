#include <algorithm>

#include <fmt/format.h>

#include "os/cgroup/cgroup.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::os {
namespace {

constexpr std::size_t kMaxMountinfoBytes = 16UL << 20U;

// The super options of a v1 mount name its controllers among ordinary options.
std::string controllers_of(std::string_view super_options) {
  static constexpr auto kKnown = std::to_array<std::string_view>({"blkio",
                                                                  "cpu",
                                                                  "cpuacct",
                                                                  "cpuset",
                                                                  "debug",
                                                                  "devices",
                                                                  "freezer",
                                                                  "hugetlb",
                                                                  "memory",
                                                                  "misc",
                                                                  "net_cls",
                                                                  "net_prio",
                                                                  "perf_event",
                                                                  "pids",
                                                                  "rdma"});
  std::string names;
  for (const auto option : split(super_options, ',')) {
    if (!option.starts_with("name=") && std::ranges::find(kKnown, option) == kKnown.end()) continue;
    if (!names.empty()) names.push_back(',');
    names += option;
  }
  return names;
}

bool is_known(const CgroupRoots& roots, const std::string& names) {
  return std::ranges::any_of(roots.hierarchies,
                             [&](const auto& entry) { return entry.first == names; });
}

}  // namespace

Result<CgroupRoots> find_cgroup_roots(std::string_view mountinfo_path) {
  TRY_ASSIGN(const auto text, read_file(std::string(mountinfo_path), kMaxMountinfoBytes));
  CgroupRoots roots;
  for (const auto raw : split(text, '\n')) {
    const auto line = parse_mountinfo_line(raw);
    // The first mount of each counts: later ones are copies, such as those of containers.
    if (!line) continue;
    if (line->file_system == "cgroup2" && roots.unified.empty()) roots.unified = line->mount_point;
    if (line->file_system != "cgroup") continue;
    auto names = controllers_of(line->super_options);
    if (!names.empty() && !is_known(roots, names))
      roots.hierarchies.emplace_back(std::move(names), line->mount_point);
  }
  if (roots.unified.empty() && roots.hierarchies.empty())
    return Error(Code::kFailedPrecondition, "no cgroup file system is mounted");
  if (roots.hierarchies.empty()) {
    roots.mode = CgroupMode::kV2;
  } else {
    roots.mode = roots.unified.empty() ? CgroupMode::kV1 : CgroupMode::kHybrid;
  }
  return roots;
}

}  // namespace skerry::os
