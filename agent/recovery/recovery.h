// After a start: first exactly what was saved (coldplug), then what happened meanwhile (catch up),
// then what nobody owns any more (sweep). Containers run throughout; none is told to have exited
// that has not. Runs on the reactor's thread before the reactor turns, so that the first request
// finds the truth.
//
//   records ──► containers ──► shims asked: Hello{state}  ──► adopted in that state
//                                  no answer: exit record ──► exited as recorded
//                                  neither                ──► SHIM_LOST, HOST_REBOOT, LAUNCH_FAILED
//   run directory without a record in state.db (it was lost) ──► adopted from its launch record
//   journal ──► releases and removals begun again
//   cgroups, directories of nobody ──► killed, removed
#pragma once

#include "agent/containers/manager.h"

namespace skerry::agent {

class Recovery final {
 public:
  struct Parts {
    ContainerManager& containers;
    PodDoor& pods;
    store::Store& store;
    runtime::WorkerPool& workers;
    runtime::Trace& trace;
    const Clock& clock;
    const config::Config& config;
    const operations::FailpointRegistry& failpoints;
    Host& host;
  };
  explicit Recovery(Parts parts) : parts_(parts) {}

  /// Makes the phases known, as "recovery.load" and so on.
  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  /// A bad record is quarantined and traced. Errors: only what keeps the daemon from working at all
  /// (the state cannot be read). Blocks: kernel and disk; at most a few seconds for silent shims.
  Result<> run();

 private:
  /// A live container's answer to the knock on its shim's door.
  struct Knock {
    Container* container = nullptr;
    UniqueFd socket;
  };

  Result<> load_records();
  void adopt_lost_records();
  void restore(Record record);
  Result<> restore_spec(Container& container);
  void restore_networks(Container& container) const;
  void restore_volumes(const Container& container) const;
  void adopt_volumes(const Container& container) const;
  void catch_up();
  Knock knock(Container& container) const;
  void adopt(Knock knock, SteadyTime deadline);
  void bury(Container& container);
  Result<> resume_operations();
  void sweep();
  void sweep_networks();
  void sweep_volumes();
  /// Whether a container or pod of that uid is there and not released.
  bool holds_anything(const std::string& text) const;
  void sweep_cgroups();
  void sweep_cgroups_in(const os::CgroupPath& parent);
  void sweep_directories();

  Parts parts_;
};

}  // namespace skerry::agent
