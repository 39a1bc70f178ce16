// The execs of this host: as ContainerManager, smaller. An exec lives in RUN/execs/<uid> and in its
// leaf cgroup, dies with its container at the latest, and is told of for ten minutes after its end.
//
//        Start ─► starting ──────► running ──────► exited ──► forgotten
//                    │ exec.* steps    │ shim says     │ 10 min, the 101st of its container,
//                    └─ launch failed ─┴─► exit, leaf  │ or its container removed
//                                          emptied ────┘
//
//   manager.cpp  requests, lookup, telling      exit.cpp     how one ends, and is forgotten
//   attempt.cpp  the start, the shim            clients.cpp  input, output, terminal
//   recover.cpp  after a restart of the daemon
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "agent/containers/manager.h"
#include "agent/execs/board.h"
#include "agent/execs/exec.h"
#include "agent/execs/exec_launch.h"
#include "agent/execs/exec_spec.h"

namespace skerry::agent {

struct ExecDoor;

struct StartExec {
  skerry::v1::ContainerRef container;
  std::string id;
  CheckedExec checked;
  /// Dies with its call, is not told of in events, and is forgotten at its end (Run).
  bool one_shot = false;
};

/// Why a client leaves.
enum class Leaving : std::uint8_t {
  kDetached,  ///< on purpose, or the exec is over
  kLost,      ///< without a word: what the spec says of that happens
};

/// Thread: reactor, every member. Replies are called on the reactor, at the end of the turn, when
/// the snapshot already shows what they tell of.
class ExecManager final {
 public:
  struct Parts {
    runtime::Reactor& reactor;
    runtime::WorkerPool& workers;
    runtime::Trace& trace;
    const Clock& clock;
    store::Store& store;
    events::EventLog& events;
    operations::Interpreter& interpreter;
    operations::DebtKeeper& debts;
    const operations::FailpointRegistry& failpoints;
    Host& host;
    ContainerManager& containers;
    ExecBoard& board;
  };
  explicit ExecManager(Parts parts);
  ExecManager(const ExecManager&) = delete;
  ExecManager& operator=(const ExecManager&) = delete;
  ~ExecManager() = default;

  /// Takes up what RUN/execs holds; after the containers' recovery, before the reactor turns.
  /// Blocks: kernel; a few seconds for silent shims.
  Result<> recover();

  // Requests. Errors are those ExecService documents.
  void start(const StartExec& request, ExecReply reply);
  void wait(const skerry::v1::ExecRef& ref,
            ExecGoal goal,
            ExecReply reply,
            std::function<bool()> abandoned);
  void kill(const skerry::v1::ExecRef& ref, int signal, bool all, ExecReply reply);
  Result<> resize(const skerry::v1::ExecRef& ref, const TerminalSize& size);

  // One client's connection; the exec is looked up anew each time, as it may be forgotten.
  /// Errors: ABORTED, reason BUSY.
  Result<> attach(const Uid& uid, std::function<void()> on_ready);
  void detach(const Uid& uid, Leaving leaving);
  /// Errors: FAILED_PRECONDITION, reason NO_STDIN.
  void open_stdin(const Uid& uid, std::function<void(Result<UniqueFd>)> done);
  void close_stdin(const Uid& uid);
  /// Every process of it is killed; a start under way is undone.
  void kill_all(const Uid& uid);

  /// Errors: NOT_FOUND, reason EXEC_NOT_FOUND, and those of ContainerManager::find.
  Result<Exec*> find(const skerry::v1::ExecRef& ref);
  Exec* find(const Uid& uid);
  /// Those that have not ended, of one container.
  std::vector<const Exec*> living(const Uid& container) const;

  /// Makes every step, and every place it may fail at, known.
  static void declare_failpoints(operations::FailpointRegistry& failpoints);

  static constexpr std::size_t kMaxRunning = 1000;
  static constexpr std::size_t kMaxEnded = 100;
  static constexpr std::chrono::minutes kKeepEnded{10};

 private:
  // manager.cpp
  Result<Exec*> find_existing(const Container& container, const StartExec& request);
  Result<std::unique_ptr<Exec>> accept(const Container& container, const StartExec& request);
  Exec& insert(std::unique_ptr<Exec> exec);
  void erase(Exec& exec);
  void changed(Exec& exec);
  void check_waiters(Exec& exec);
  void wait_until(Exec& exec, ExecWaiter waiter);
  void answer(ExecReply reply, Result<ExecViewPtr> result);
  void end_turn();
  skerry::v1::Event make_event(const Exec& exec, skerry::v1::EventType type) const;
  /// Tells of what has happened: record, event, snapshot. A full disk only delays the event.
  void record_fact(Exec& exec,
                   skerry::v1::EventType type,
                   const std::function<void(store::Transaction&)>& more = {});
  void save_later(events::NewEvent event);
  void container_changed(const Container& container);

  // attempt.cpp
  void begin(Exec& exec);
  void launch(Exec& exec, UniqueFd devpts);
  Result<std::shared_ptr<ExecJob>> make_job(const Exec& exec, UniqueFd devpts);
  void launched(const Uid& uid,
                const std::shared_ptr<ExecJob>& job,
                const operations::Outcome& outcome);
  void launch_failed(Exec& exec,
                     const Error& error,
                     const std::function<void(store::Transaction&)>& more = {});
  void attach_shim(Exec& exec, UniqueFd socket);
  void on_shim_report(Exec& exec, std::optional<ShimReport> report);
  void on_running(Exec& exec, std::uint64_t time_ns);

  // exit.cpp
  void on_exit(Exec& exec, PendingExecExit exit);
  void on_shim_gone(Exec& exec);
  void settle_exit(Exec& exec);
  void finish_exit(Exec& exec);
  skerry::v1::ExitCause cause_of(const Exec& exec, const PendingExecExit& exit) const;
  struct TakeBack {
    std::string operation;
    std::string step;
    std::function<Result<>()> work;  ///< on a worker
    operations::Debt debt;
    std::function<void()> done;
  };
  void take_back(const Exec& exec, TakeBack what);
  void remove_leaf(const Exec& exec);
  void keep_for_a_while(Exec& exec);
  void forget(Exec& exec);
  void register_debts();

  // clients.cpp
  void connect_output(Exec& exec);
  void on_stdin(Exec& exec, ShimReport& report);

  // recover.cpp
  void restore(const Uid& uid);
  void adopt(Exec& exec, ExecDoor door);
  void bury(Exec& exec);
  void discard(const Uid& uid, const os::CgroupPath& container_cgroup);
  void sweep_leaves();

  Parts parts_;
  std::unordered_map<std::string, std::unique_ptr<Exec>> execs_;      ///< by uid
  std::map<std::string, std::map<std::string, Exec*>> by_container_;  ///< uid → exec uid
  std::uint64_t next_ordinal_ = 1;
  std::vector<std::pair<ExecReply, Result<ExecViewPtr>>> answers_;
  std::vector<events::NewEvent> unsaved_;
  runtime::Timer save_timer_;
  std::map<std::pair<std::string, std::string>, runtime::Timer> retries_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
