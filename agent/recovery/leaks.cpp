#include "agent/recovery/leaks.h"

#include <algorithm>

#include "agent/networks/orphans.h"
#include "agent/recovery/directory_names.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::agent {
namespace {

constexpr std::size_t kMaxMountinfo = 64ULL << 20U;

struct Known {
  std::set<std::string> all;         ///< every container
  std::set<std::string> unreleased;  ///< those that still hold a cgroup and a run directory
  std::set<std::string> pods;        ///< every pod
  std::set<std::string> held_pods;   ///< those that still hold theirs

  bool holds(const std::string& uid) const {
    return unreleased.contains(uid) || held_pods.contains(uid);
  }
};

Known known_objects(const Snapshot& snapshot, const PodSnapshot& pods) {
  Known known;
  for (const ViewPtr& view : snapshot.all()) {
    known.all.insert(view->container.uid());
    if (!view->container.released()) known.unreleased.insert(view->container.uid());
  }
  for (const PodViewPtr& view : pods.all()) {
    known.pods.insert(view->pod.uid());
    if (!view->pod.released()) known.held_pods.insert(view->pod.uid());
  }
  return known;
}

void find_cgroups_in(const Host& host,
                     const os::CgroupPath& parent,
                     const Known& known,
                     const std::set<std::string>& standby,
                     std::vector<Leak>& leaks) {
  const auto names = host.cgroups->children(parent);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!Uid::parse(name) || known.holds(name) || standby.contains(name)) continue;
    const bool is_known = known.all.contains(name) || known.pods.contains(name);
    leaks.push_back({.kind = "cgroup",
                     .object = parent + "/" + name,
                     .uid = name,
                     .detail = is_known ? "its container or pod has been released"
                                        : "there is no such container or pod"});
  }
}

// Containers live in the scope, or in the groups of their pods.
void find_cgroups(const Host& host,
                  const Known& known,
                  const PodSnapshot& pods,
                  const std::set<std::string>& standby,
                  std::vector<Leak>& leaks) {
  find_cgroups_in(host, host.parent, known, standby, leaks);
  for (const PodViewPtr& view : pods.all()) {
    if (view->pod.released()) continue;
    find_cgroups_in(host, view->pod.cgroup_path(), known, standby, leaks);
  }
}

void find_pod_directories(const Directories& directories,
                          const Known& known,
                          std::vector<Leak>& leaks) {
  for (const std::string& name : directory_names(directories.pods.get())) {
    if (known.pods.contains(name)) continue;
    leaks.push_back({.kind = "directory",
                     .object = directories.root + "/pods/" + name,
                     .uid = name,
                     .detail = "there is no such pod"});
  }
  for (const std::string& name : directory_names(directories.run_pods.get())) {
    if (known.held_pods.contains(name)) continue;
    leaks.push_back({.kind = "run directory",
                     .object = directories.run + "/pods/" + name,
                     .uid = name,
                     .detail = known.pods.contains(name) ? "its pod has been released"
                                                         : "there is no such pod"});
  }
}

void find_directories(const Directories& directories,
                      const Known& known,
                      std::vector<Leak>& leaks) {
  for (const std::string& name : directory_names(directories.containers.get())) {
    if (known.all.contains(name)) continue;
    leaks.push_back({.kind = "directory",
                     .object = directories.root + "/containers/" + name,
                     .uid = name,
                     .detail = "there is no such container"});
  }
  for (const std::string& name : directory_names(directories.run_containers.get())) {
    if (known.unreleased.contains(name)) continue;
    leaks.push_back({.kind = "run directory",
                     .object = directories.run + "/containers/" + name,
                     .uid = name,
                     .detail = known.all.contains(name) ? "its container has been released"
                                                        : "there is no such container"});
  }
}

void find_trash(const Directories& directories,
                const std::set<std::string>& being_deleted,
                std::vector<Leak>& leaks) {
  for (const std::string& name : directory_names(directories.trash.get())) {
    if (being_deleted.contains(name)) continue;
    leaks.push_back({.kind = "trash",
                     .object = directories.root + "/trash/" + name,
                     .uid = {},
                     .detail = "nobody is deleting it"});
  }
}

// A directory of every exec that is known of, a leaf of every one that has not ended.
void find_execs(const Host& host,
                const Snapshot& snapshot,
                const ExecViews& execs,
                std::vector<Leak>& leaks) {
  std::set<std::string> known;
  std::set<std::string> living;
  for (const ExecViewPtr& view : execs) {
    known.insert(view->exec.uid());
    if (view->exec.state() != skerry::v1::EXEC_STATE_EXITED) living.insert(view->exec.uid());
  }
  for (const std::string& name : directory_names(host.directories.run_execs.get())) {
    if (known.contains(name)) continue;
    leaks.push_back({.kind = "run directory",
                     .object = host.directories.run + "/execs/" + name,
                     .uid = {},
                     .detail = "there is no such exec"});
  }
  for (const ViewPtr& view : snapshot.all()) {
    const skerry::v1::Container& container = view->container;
    if (container.released() || container.pid() == 0) continue;
    const auto names = host.cgroups->children(container.cgroup_path());
    if (!names) continue;
    for (const std::string& name : *names) {
      if (!name.starts_with("x-") || living.contains(name.substr(2))) continue;
      leaks.push_back({.kind = "cgroup",
                       .object = container.cgroup_path() + "/" + name,
                       .uid = container.uid(),
                       .detail = "there is no such exec, or it has ended"});
    }
  }
}

// The host's mount table stays flat: any mount below our directories is one too many.
void find_mounts(const Directories& directories, std::vector<Leak>& leaks) {
  const auto text = os::read_file("/proc/self/mountinfo", kMaxMountinfo);
  if (!text) return;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto mount = os::parse_mountinfo_line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!mount) continue;
    for (const std::string& base : {directories.root + "/", directories.run + "/"}) {
      if (!mount->mount_point.starts_with(base)) continue;
      leaks.push_back({.kind = "mount",
                       .object = mount->mount_point,
                       .uid = {},
                       .detail = "mounted on the host, where nothing of ours is ever mounted"});
    }
  }
}

// By the name it gives itself: holder and launcher have other ones.
bool is_shim(pid_t pid) {
  constexpr std::size_t kMaxName = 64;
  const auto name = os::read_file("/proc/" + std::to_string(pid) + "/comm", kMaxName);
  return name && *name == "skerry-shim\n";
}

// Every process beside the holder and the launcher in our scope is the shim of a container whose
// output is not all in its log yet.
void find_processes(const Host& host,
                    const Snapshot& snapshot,
                    const ExecViews& execs,
                    std::size_t standby,
                    const PodSnapshot& pods,
                    std::vector<Leak>& leaks) {
  const auto group = host.cgroups->open(host.scope + "/shims");
  if (!group) return;
  const auto processes = (*group)->processes();
  if (!processes) return;
  std::size_t live = standby;
  for (const ViewPtr& view : snapshot.all()) {
    if (view->container.state() != skerry::v1::CONTAINER_STATE_EXITED) ++live;
  }
  live += static_cast<std::size_t>(std::ranges::count_if(execs, [](const ExecViewPtr& view) {
    return view->has_shim || view->exec.state() == skerry::v1::EXEC_STATE_STARTING;
  }));
  // A pod that is being made may have its init already.
  live += static_cast<std::size_t>(std::ranges::count_if(pods.all(), [](const PodViewPtr& view) {
    return view->has_init || view->pod.state() == skerry::v1::POD_STATE_PREPARING;
  }));
  std::size_t shims = 0;
  for (const pid_t pid : *processes) {
    if (is_shim(pid)) ++shims;
  }
  if (shims <= live) return;
  leaks.push_back({.kind = "process",
                   .object = host.scope + "/shims",
                   .uid = {},
                   .detail = std::to_string(shims) + " shims for " + std::to_string(live) +
                             " living containers, execs, pods and standby processes"});
}

void find_networks(const Host& host, const Known& known, std::vector<Leak>& leaks) {
  if (host.networks == nullptr) return;
  const auto is_holder = [&known](const std::string& uid) { return known.holds(uid); };
  for (NetworkOrphan& orphan :
       find_network_orphans(*host.networks, host.launcher.get(), is_holder)) {
    leaks.push_back({.kind = std::string(orphan_word(orphan.kind)),
                     .object = std::move(orphan.object),
                     .uid = std::move(orphan.uid),
                     .detail = std::move(orphan.detail)});
  }
}

// References of containers that are gone, and what is mounted for nobody and owed by nobody.
void find_volumes(const Host& host,
                  const Known& known,
                  const std::set<std::string>& owed,
                  std::vector<Leak>& leaks) {
  if (host.volumes == nullptr) return;
  const auto orphans = host.volumes->orphans(
      [&known](const std::string& uid) { return known.unreleased.contains(uid); },
      [&owed](const std::string& key) { return owed.contains(key); });
  for (const VolumeOrphan& orphan : orphans) {
    const bool is_reference = !orphan.uid.empty();
    leaks.push_back({.kind = is_reference ? "volume reference" : "volume mount",
                     .object = orphan.key.str(),
                     .uid = orphan.uid,
                     .detail = is_reference ? "there is no such container, or it has been released"
                                            : "it may be mounted, and nobody uses it"});
  }
  const std::string directory = host.directories.root + "/volumes";
  const auto opened = os::open_dir(directory);
  if (!opened) return;
  for (const std::string& name : directory_names(opened->get())) {
    // What begins with a dot is the driver's own.
    if (name.starts_with('.') || host.volumes->book().find(volume_id_of(name))) continue;
    leaks.push_back({.kind = "directory",
                     .object = directory + "/" + name,
                     .uid = {},
                     .detail = "there is no such volume"});
  }
}

}  // namespace

std::vector<Leak> find_leaks(const Host& host,
                             const Snapshot& snapshot,
                             const ExecViews& execs,
                             const PodSnapshot& pods,
                             const std::set<std::string>& being_deleted,
                             const std::set<std::string>& standby) {
  std::vector<Leak> leaks;
  const Known known = known_objects(snapshot, pods);
  find_cgroups(host, known, pods, standby, leaks);
  find_directories(host.directories, known, leaks);
  find_pod_directories(host.directories, known, leaks);
  find_trash(host.directories, being_deleted, leaks);
  find_mounts(host.directories, leaks);
  find_execs(host, snapshot, execs, leaks);
  find_processes(host, snapshot, execs, standby.size(), pods, leaks);
  find_networks(host, known, leaks);
  find_volumes(host, known, being_deleted, leaks);
  return leaks;
}

}  // namespace skerry::agent
