// The containers of this host: every request and every event of the kernel that concerns one ends
// here, on the reactor, and becomes a checked transition, a transaction and a published event.
//
//   manager.cpp   requests, lookup, transactions        stop.cpp     signals, stop
//   attempt.cpp   launch and start                      pause.cpp    pause and resume
//   terminal.cpp  output and terminal for clients       update.cpp   new limits and labels
//                 and execs                             release.cpp  release, removal, time to live
//   exit.cpp      how an attempt ends                   networks.cpp what the API shows of them
//   oom.cpp       kills at the memory limit             pod_member.cpp those that join a pod
//   (recovery/    restores what was recorded)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/config/config.h"
#include "agent/containers/container.h"
#include "agent/containers/host.h"
#include "agent/containers/pod_door.h"
#include "agent/containers/trash.h"
#include "agent/events/event_log.h"
#include "agent/operations/debt_keeper.h"
#include "agent/operations/failpoint.h"
#include "agent/operations/interpreter.h"
#include "agent/runtime/trace.h"
#include "agent/runtime/worker_pool.h"
#include "agent/store/store.h"
#include "skerry/v1/container_service.pb.h"
#include "skerry/v1/event.pb.h"

namespace skerry::agent {

/// An image as a launch needs it.
struct ResolvedImage {
  std::string content_id;
  std::vector<std::string> layers;  ///< host directories, lowest first
};

enum class LaunchGoal : std::uint8_t { kAccepted, kCreated, kRunning };
enum class WaitGoal : std::uint8_t { kExited, kReleased, kRemoved };

struct LaunchRequest {
  std::string tenant;
  std::string id;
  std::string name;
  skerry::v1::ContainerSpec spec;
  CheckedSpec checked;
  /// Create: the process is held at its barrier.
  bool hold = false;
  /// When the call arrived.
  SteadyTime received;
  LaunchGoal goal = LaunchGoal::kRunning;
};

struct StopRequest {
  std::optional<int> signal;
  std::optional<std::chrono::milliseconds> grace;
};

struct UpdateRequest {
  std::optional<std::uint64_t> expected_revision;
  /// Absent: labels stay.
  std::optional<std::map<std::string, std::string>> labels;
  /// Changes the recorded resources in place; absent: they stay.
  std::function<Result<>(skerry::v1::Resources&)> resources;
};

/// Thread: reactor, every member. Replies are called on the reactor, at the end of the turn, when
/// the snapshot already shows what they tell of.
class ContainerManager final {
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
    SnapshotBoard& board;
    /// Names to layers; called on the reactor, never blocks.
    std::function<Result<ResolvedImage>(const std::string& image)> resolve_image;
    /// Null: every launch makes its own process.
    StandbyShelf* standby = nullptr;
  };
  explicit ContainerManager(Parts parts);
  ContainerManager(const ContainerManager&) = delete;
  ContainerManager& operator=(const ContainerManager&) = delete;
  ~ContainerManager();

  /// The pods containers may join; before anything is recovered.
  void set_pods(PodDoor& pods) { pods_ = &pods; }

  // Requests. Errors are those ContainerService documents.
  void launch(LaunchRequest request, Reply reply);
  void start(const skerry::v1::ContainerRef& ref, Reply reply);
  void stop(const skerry::v1::ContainerRef& ref, const StopRequest& request, Reply reply);
  void kill(const skerry::v1::ContainerRef& ref, int signal, bool all, Reply reply);
  void pause(const skerry::v1::ContainerRef& ref, Reply reply);
  void resume(const skerry::v1::ContainerRef& ref, Reply reply);
  void update(const skerry::v1::ContainerRef& ref, const UpdateRequest& request, Reply reply);
  /// `abandoned` says whether the caller has hung up: its waiter is dropped then.
  void wait(const skerry::v1::ContainerRef& ref,
            WaitGoal goal,
            Reply reply,
            std::function<bool()> abandoned);
  /// Answered when every byte of the container's output is in its log, and no more will come.
  void wait_for_log(const Uid& uid, Reply reply, std::function<bool()> abandoned);
  /// Done when the container is gone.
  void remove(const skerry::v1::ContainerRef& ref, bool force, Reply reply);

  /// The write end of a container's standard input. `release_stdin` gives it back.
  void open_stdin(const skerry::v1::ContainerRef& ref,
                  std::function<void(Result<std::pair<Uid, UniqueFd>>)> done);
  void release_stdin(const Uid& uid, bool close);

  /// The output from now on, ending what was attached before. Errors: UNAVAILABLE without a shim.
  void attach_output(const Uid& uid, std::function<void(Result<AttachedOutput>)> done);
  /// The container's devpts, for an exec with a terminal.
  static void get_devpts(Container& container, std::function<void(Result<UniqueFd>)> done);
  /// For an exec that is on its way in: a pause waits while what is returned lives.
  std::shared_ptr<const void> keep_thawed(Container& container);
  /// Errors: FAILED_PRECONDITION, reasons NO_TERMINAL and STATE.
  Result<> resize(const skerry::v1::ContainerRef& ref, const TerminalSize& size);
  /// Called after every change of a container, its removal (`gone`) too, for the manager's life.
  void on_change(std::function<void(const Container&)> listener);

  /// Finds by uid, id or name. Errors: NOT_FOUND (reasons CONTAINER_NOT_FOUND, REMOVED);
  /// INVALID_ARGUMENT when the reference names nothing.
  Result<Container*> find(const skerry::v1::ContainerRef& ref);
  Container* find(const Uid& uid);

  /// A reader of the log came (+1) or went (-1): a removal on exit waits for the last one.
  void count_log_reader(const Uid& uid, int change);

  /// Whether a container, in any state, is made from the image.
  bool uses_image(const std::string& content_id) const;
  std::uint32_t count_users(const std::string& content_id) const;

  /// For recovery and stats.
  const std::unordered_map<std::string, std::unique_ptr<Container>>& containers() const {
    return containers_;
  }

  /// Where removed directories go.
  Trash& trash() { return trash_; }

  /// Makes every step this manager runs, and every place it may fail at, known.
  static void declare_failpoints(operations::FailpointRegistry& failpoints,
                                 const isolators::IsolatorChain& isolators);

 private:
  friend class Recovery;

  // manager.cpp
  Result<Container*> find_existing(const LaunchRequest& request);
  Result<std::unique_ptr<Container>> accept(LaunchRequest& request, const Uid& uid);
  std::optional<StandbyWish> standby_for(const LaunchRequest& request) const;
  Container& insert(std::unique_ptr<Container> container);
  void erase(Container& container);
  /// Checks the transition and changes the state; in memory only.
  Result<> transit(Container& container, Transition transition);
  skerry::v1::Event make_event(const Container& container, skerry::v1::EventType type) const;
  skerry::v1::Event state_event(const Container& container, State from) const;
  /// Puts the record, one revision on, and the event into the transaction.
  events::NewEvent record(store::Transaction& transaction,
                          Container& container,
                          const skerry::v1::Event& event);
  /// The same for what has happened anyway: a full disk only delays the writing of it.
  void record_fact(Container& container,
                   const skerry::v1::Event& event,
                   RecordMore<Container> more = {});
  void save_later(Container& container, UnsavedFact<Container> fact, const Error& why);
  static Error not_recorded(const Container& container);
  void changed(Container& container);
  void check_waiters(Container& container);
  void wait_until(Container& container, Waiter waiter);
  void answer(Reply reply, Result<ViewPtr> result);
  void end_turn();

  // attempt.cpp
  /// `from` is State{} for a container that is new.
  void begin_attempt(Container& container, store::Transaction& transaction, State from);
  static std::shared_ptr<LaunchJob> make_job(Container& container);
  void launched(const Uid& uid,
                const std::shared_ptr<LaunchJob>& job,
                const operations::Outcome& outcome);
  void launch_succeeded(Container& container, LaunchJob& job, const operations::Outcome& outcome);
  /// What a failed launch has not undone itself.
  enum class Leftover : std::uint8_t { kNothing, kStandby };
  void launch_failed(Container& container, const operations::Outcome& outcome, Leftover leftover);
  void hurry_shim(Container& container);
  void start_when_over(Container& container, const skerry::v1::ContainerRef& ref, Reply reply);
  Result<> begin_start(Container& container);
  Result<> begin_again(Container& container);
  Result<> let_go(Container& container);
  void adopt_process(Container& container, LaunchJob& job);
  void attach_shim(Container& container, UniqueFd socket);
  void watch_shim(Container& container);
  void on_stdin(Container& container, ShimReport& report);
  static void give_up_stdin(Container& container, const Error& why);
  void on_shim_report(Container& container, std::optional<ShimReport> report);
  void on_running(Container& container, std::uint64_t time_ns);
  void on_start_failed(Container& container, const launcher::ShimPacket& packet);

  // networks.cpp
  void show_networks_attaching(Container& container);
  static void show_networks_attached(Container& container);
  static void show_networks_detached(Container& container, const operations::Outcome& outcome);
  void record_attached(store::Transaction& transaction, Container& container);
  void record_detached(store::Transaction& transaction, Container& container);

  // pod_member.cpp
  static Result<> fit_into_pod(const skerry::v1::ContainerSpec& spec,
                               const PodSeat& seat,
                               isolators::Resources& resources);
  static void sit_down(Container& container, const PodSeat& seat);
  Result<> take_seat(const skerry::v1::ContainerSpec& spec, Container& container);
  Result<> rejoin(Container& container);
  void restore_seat(Container& container);
  void show_pod_networks(Container& container);

  // exit.cpp
  void on_exit(Container& container, const PendingExit& exit);
  void on_shim_gone(Container& container);
  void settle_exit(Container& container);
  void kill_what_is_left(Container& container);
  void finish_exit(Container& container, std::uint64_t oom_kills);
  static void record_launch_error(Container& container, const Error& error);

  // oom.cpp
  void begin_oom_watch(Container& container, std::chrono::nanoseconds delay);
  void watch_oom(Container& container);
  void look_for_oom(Container& container, std::chrono::nanoseconds delay);
  void count_oom(Container& container);
  static void end_oom_watch(Container& container);

  // stop.cpp
  void begin_stop(Container& container, int signal, std::chrono::milliseconds grace);
  void kill_group(const Container& container, Reply reply);
  void kill_all(Container& container);
  void repeat_kill(Container& container);

  // pause.cpp
  void change_freezer(const skerry::v1::ContainerRef& ref, Transition transition, Reply reply);
  void freeze_or_thaw(Container& container, Transition transition, const Reply& reply);
  void frozen_or_thawed(const Uid& uid, Transition transition, Result<> result, const Reply& reply);
  void freezer_settled(Container& container, const Reply& reply, Result<> result);

  // update.cpp
  struct UpdatePlan;
  Result<UpdatePlan> plan_update(Container& container, const UpdateRequest& request) const;
  void apply_update(Container& container, UpdatePlan plan, Reply reply);
  Result<> record_update(Container& container, const UpdatePlan& plan);
  void updated(Container& container, const Reply& reply, Result<> result);
  void restore_limits(Container& container, Error why, const Reply& reply);

  // release.cpp
  void begin_release(Container& container, store::Transaction& transaction);
  void released(const Uid& uid, const operations::Outcome& outcome);
  void plan_removal(Container& container);
  void plan_removal_again(Container& container, bool request);
  void removal_failed(Container& container, Error why);
  void begin_removal(Container& container);
  void removed(const Uid& uid, const operations::Outcome& outcome);
  void owe_trash(const std::string& name, const Error& error);
  void register_debts();

  // removed_ids.cpp
  bool was_removed(const std::string& tenant, const std::string& id);
  void forget_removed();

  Parts parts_;
  PodDoor* pods_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<Container>> containers_;  ///< by uid
  std::map<std::pair<std::string, std::string>, Container*> by_id_;         ///< (tenant, id)
  std::map<std::pair<std::string, std::string>, Container*> by_name_;       ///< (tenant, name)
  std::uint64_t next_ordinal_ = 1;
  runtime::Timer forget_timer_;
  std::vector<std::pair<Reply, Result<ViewPtr>>> answers_;
  std::vector<std::function<void(const Container&)>> listeners_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Trash trash_;  // last: its thread calls us
};

}  // namespace skerry::agent
