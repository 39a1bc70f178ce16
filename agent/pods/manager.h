// The pods of this host: as ContainerManager. Every request and every event that concerns one ends
// here, on the reactor, and becomes a checked transition, a transaction and a published event.
//
//   Create ─► accepted ─► preparing ──────────► ready ◄──── containers join
//                            │ pod.* steps        │ Stop, its init lost, a container failed
//                            └─ failed ─► stopped │
//                                            ▲    ▼
//                                            │  stopping   containers, last joined first
//                                            └────┤        pod-end.* steps
//                                                 ▼
//   Remove ─► its containers removed ─► pod-remove.* ─► gone
//
//   manager.cpp  lookup, transactions, telling     stop.cpp     how a pod ends, and is removed
//   create.cpp   acceptance and creation           recover.cpp  after a restart of the daemon
//   update.cpp   labels and limits                 members.cpp  the containers in it
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/containers/manager.h"
#include "agent/containers/pod_door.h"
#include "agent/pods/board.h"
#include "agent/pods/pod.h"
#include "agent/pods/pod_launch.h"
#include "skerry/v1/pod_service.pb.h"

namespace skerry::agent {

struct CreatePod {
  std::string tenant;
  std::string id;
  std::string name;
  skerry::v1::PodSpec spec;
  CheckedPod checked;
};

/// Thread: reactor, every member. Replies are called on the reactor, at the end of the turn, when
/// the snapshot already shows what they tell of.
class PodManager final : public PodDoor {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    runtime::Trace& trace;
    const Clock& clock;
    const config::Config& config;
    store::Store& store;
    events::EventLog& events;
    operations::Interpreter& interpreter;
    operations::DebtKeeper& debts;
    const operations::FailpointRegistry& failpoints;
    Host& host;
    ContainerManager& containers;
    PodBoard& board;
  };
  /// Becomes the door of the containers.
  explicit PodManager(Parts parts);
  ~PodManager() override;

  /// Reads what state.db, or else RUN/pods, says: before the containers' recovery. Errors: only
  /// what keeps the daemon from working at all. Blocks: disk.
  Result<> load();
  /// Compares it with what there is, takes up what was under way, sweeps: after the containers'
  /// recovery, before the reactor turns. Blocks: kernel; a few seconds for silent shims.
  Result<> recover();

  // Requests. Errors are those PodService documents.
  void create(CreatePod request, PodReply reply);
  void stop(const skerry::v1::PodRef& ref,
            std::optional<std::chrono::milliseconds> grace,
            PodReply reply);
  /// Answered with null when the pod is gone.
  void remove(const skerry::v1::PodRef& ref, bool force, PodReply reply);
  void update(const skerry::v1::PodRef& ref, const UpdateRequest& request, PodReply reply);

  /// Finds by uid, id or name. Errors: NOT_FOUND (reasons POD_NOT_FOUND, REMOVED); INVALID_ARGUMENT
  /// when the reference names nothing.
  Result<Pod*> find(const skerry::v1::PodRef& ref);
  Pod* find(const Uid& uid);
  const std::unordered_map<std::string, std::unique_ptr<Pod>>& pods() const { return pods_; }
  /// Its containers, in the order in which they joined.
  std::vector<Container*> members(const Uid& pod) const;

  Result<PodSeat> join(const std::string& tenant, const skerry::v1::PodRef& ref) override;
  std::optional<PodSeat> seat(const Uid& uid) const override;
  bool holds(const Uid& uid) const override;
  std::vector<os::CgroupPath> cgroups() const override;

  /// Makes every step, and every place it may fail at, known.
  static void declare_failpoints(operations::FailpointRegistry& failpoints);

 private:
  /// Why a pod stops.
  struct StopReason {
    skerry::v1::PodStopCause cause;
    std::string message;
  };

  // manager.cpp
  Pod& insert(std::unique_ptr<Pod> pod);
  void erase(Pod& pod);
  Result<> transit(Pod& pod, PodTransition transition);
  skerry::v1::Event make_event(const Pod& pod, skerry::v1::EventType type) const;
  skerry::v1::Event state_event(const Pod& pod, PodState from) const;
  events::NewEvent record(store::Transaction& transaction,
                          Pod& pod,
                          const skerry::v1::Event& event);
  /// The same for what has happened anyway: a full disk only delays the writing of it.
  void record_fact(Pod& pod, const skerry::v1::Event& event, RecordMore<Pod> more = {});
  void record_networks(store::Transaction& transaction, Pod& pod, skerry::v1::EventType type);
  void save_later(Pod& pod, UnsavedFact<Pod> fact);
  void changed(Pod& pod);
  void check_waiters(Pod& pod);
  void wait_until(Pod& pod, PodWaiter waiter);
  void answer(PodReply reply, Result<PodViewPtr> result);
  void end_turn();

  // create.cpp
  Result<Pod*> find_existing(const CreatePod& request);
  Result<std::unique_ptr<Pod>> accept(CreatePod& request);
  Result<> validate(const Pod& pod) const;
  void begin_creation(Pod& pod, store::Transaction& transaction);
  void created(const Uid& uid,
               const std::shared_ptr<PodJob>& job,
               const operations::Outcome& outcome);
  void creation_succeeded(Pod& pod, PodJob& job, const operations::Outcome& outcome);
  void creation_failed(Pod& pod, const operations::Outcome& outcome);
  static void record_error(Pod& pod, const Error& error);
  void watch_init(Pod& pod);
  void on_init_gone(Pod& pod);

  // stop.cpp
  void begin_stop(Pod& pod, const StopReason& reason);
  void stop_next(Pod& pod);
  void begin_end(Pod& pod);
  void ended(const Uid& uid, const operations::Outcome& outcome);
  void plan_removal(Pod& pod);
  void begin_removal(Pod& pod);
  void removed(const Uid& uid, const operations::Outcome& outcome);
  void removal_failed(Pod& pod, const Error& error);
  void register_debts();
  void soon(const Uid& uid, void (PodManager::*what)(Pod&));

  // update.cpp
  struct UpdatePlan;
  Result<UpdatePlan> plan_update(const Pod& pod, const UpdateRequest& request) const;
  void apply_update(Pod& pod, UpdatePlan plan, PodReply reply);
  Result<> record_update(Pod& pod, const UpdatePlan& plan);
  void updated(Pod& pod, const PodReply& reply, Result<> result);
  void restore_limits(Pod& pod, Error why, const PodReply& reply);

  // members.cpp
  void container_changed(const Container& container);
  void on_member_exited(Pod& pod, const Container& container);

  // recover.cpp
  Result<> load_tombstone(const store::ObjectRow& row);
  void forget_removed();
  void adopt_lost_records();
  void restore(PodRecord record);
  void catch_up(Pod& pod);
  void adopt(Pod& pod);
  void sweep();

  Parts parts_;
  std::unordered_map<std::string, std::unique_ptr<Pod>> pods_;   ///< by uid
  std::map<std::pair<std::string, std::string>, Pod*> by_id_;    ///< (tenant, id)
  std::map<std::pair<std::string, std::string>, Pod*> by_name_;  ///< (tenant, name)
  /// (tenant, id) to when it was removed: tombstones, kept for a day.
  std::map<std::pair<std::string, std::string>, WallTime> removed_ids_;
  runtime::Timer forget_timer_;
  std::map<std::string, std::map<std::uint64_t, Uid>> members_;  ///< pod uid → in order
  std::uint64_t next_ordinal_ = 1;
  std::vector<std::pair<PodReply, Result<PodViewPtr>>> answers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
