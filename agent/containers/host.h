// What operations on containers need of this host: made once in main, used by every worker.
#pragma once

#include <string>

#include "agent/containers/launcher_client.h"
#include "agent/networks/network_desk.h"
#include "agent/volumes/volume_desk.h"
#include "base/unique_fd.h"
#include "isolators/isolator.h"
#include "isolators/pod/pod.h"
#include "os/cgroup/cgroup.h"
#include "os/host_facts.h"

namespace skerry::agent {

/// The daemon's directories, held open for its life.
struct Directories {
  std::string root;         ///< ROOT
  std::string run;          ///< RUN
  UniqueFd containers;      ///< ROOT/containers: <uid>/{upper,work,log,exit}
  UniqueFd run_containers;  ///< RUN/containers: <uid>/{shim.sock,record,plan}
  UniqueFd run_execs;       ///< RUN/execs: <uid>/{shim.sock,record,exit}
  UniqueFd pods;            ///< ROOT/pods: <uid>/etc
  UniqueFd run_pods;        ///< RUN/pods: <uid>/{record,shim.sock,exit}
  UniqueFd trash;           ///< ROOT/trash: what is being deleted
};

/// Makes what is missing and opens all. Errors: by errno. Blocks: kernel.
Result<Directories> open_directories(const std::string& root, const std::string& run);

/// Thread: any; outlives every operation.
struct Host {
  os::HostFacts facts;
  Directories directories;
  UniqueFd run_directory;  ///< RUN itself
  /// Our own cgroup: SCOPE/shims, SCOPE/plugins.
  std::string scope;
  /// Cgroup below which containers live: PARENT/<uid>. The scope, unless configured.
  std::string parent;
  std::unique_ptr<os::CgroupManager> cgroups;
  /// Null only where no container is ever launched.
  std::unique_ptr<NetworkDesk> networks;
  /// As above.
  std::unique_ptr<VolumeDesk> volumes;
  /// Null only where nothing joins a pod. Before the isolators, which use it.
  std::unique_ptr<isolators::PodProvider> pod_namespaces;
  isolators::IsolatorChain isolators;
  std::unique_ptr<LauncherClient> launcher;
  /// Real paths at and below which containers may have files of the host.
  std::vector<std::string> bind_sources = {"/"};
};

}  // namespace skerry::agent
