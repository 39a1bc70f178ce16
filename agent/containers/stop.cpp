// Requests that end a container: stop and signals.

#include <signal.h>

#include "agent/containers/manager.h"
#include "base/check.h"
#include "os/cgroup/signal.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;
using skerry::v1::ContainerRef;

// A killed group that is still there is killed again: fork may have won a race, or v1 has no
// atomic kill.
constexpr auto kKillAgain = 2s;

std::optional<Result<>> has_exited(const Container& container) {
  if (container.state() == State::kExited || container.gone) return Result<>();
  return std::nullopt;
}

}  // namespace

// --- stop, kill -----------------------------------------------------------------------------

void ContainerManager::stop(const ContainerRef& ref, const StopRequest& request, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  if (container.state() != State::kExited) {
    begin_stop(container,
               request.signal.value_or(container.spec.stop_signal),
               request.grace.value_or(container.spec.stop_grace));
  }
  wait_until(container, Waiter{.ready = has_exited, .reply = std::move(reply)});
}

void ContainerManager::begin_stop(Container& container,
                                  int signal,
                                  std::chrono::milliseconds grace) {
  const State from = container.state();
  container.record.set_stop_requested(true);
  if (container.launch) {
    // Still being made: the operation undoes itself and ends in exited.
    container.launch->cancel(Error(Code::kCancelled, "stopped").with_reason("STOPPED"));
    return;
  }
  if (!is_live(from)) return;
  CHECK(transit(container, Transition::kStop).has_value());
  record_fact(container, state_event(container, from));
  if (from == State::kCreated || grace == 0ms) return kill_all(container);
  auto sent = parts_.failpoints.hit("stop.signal");
  if (sent) sent = os::send_signal(container.process.pidfd.get(), signal);
  // Who cannot be asked is told.
  if (!sent) return kill_all(container);
  if (from == State::kPaused && container.cgroup) {
    // A frozen process takes no signal. Thawing may wait, so a worker does it.
    auto thaw = [group = container.cgroup] { static_cast<void>(group->thaw()); };
    if (!parts_.workers.submit(std::move(thaw))) return kill_all(container);
  }
  container.stop_timer = parts_.reactor.after(grace, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner != nullptr) kill_all(*owner);
  });
}

void ContainerManager::kill_all(Container& container) {
  if (!is_live(container.state())) return;
  if (container.state() != State::kStopping) {
    const State from = container.state();
    if (transit(container, Transition::kStop)) record_fact(container, state_event(container, from));
  }
  const auto armed = parts_.failpoints.hit("stop.kill");
  if (armed && container.process.pidfd) {
    static_cast<void>(os::send_signal(container.process.pidfd.get(), SIGKILL));
  }
  // Two ways to the same end: the group's kill reaches what the process's did not.
  if (container.cgroup) {
    auto work = [group = container.cgroup] {
      static_cast<void>(group->kill());
      static_cast<void>(group->thaw());
    };
    static_cast<void>(parts_.workers.submit(std::move(work)));
  }
  repeat_kill(container);
}

void ContainerManager::repeat_kill(Container& container) {
  container.stop_timer = parts_.reactor.after(kKillAgain, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner != nullptr && !owner->pending_exit) kill_all(*owner);
  });
}

void ContainerManager::kill(const ContainerRef& ref, int signal, bool all, Reply reply) {
  auto found = find(ref);
  if (!found) return answer(std::move(reply), std::move(found).error());
  Container& container = **found;
  const bool has_process =
      container.state() == State::kStarting || container.state() == State::kRunning ||
      container.state() == State::kPaused || container.state() == State::kStopping;
  if (!has_process || !container.process.pidfd) {
    return answer(std::move(reply), wrong_state(container));
  }
  if (signal == SIGKILL) container.killed_on_request = true;
  if (signal == SIGKILL && all && container.cgroup) {
    return kill_group(container, std::move(reply));
  }
  auto sent = all && container.cgroup ? os::signal_processes(*container.cgroup, signal)
                                      : os::send_signal(container.process.pidfd.get(), signal);
  if (!sent) return answer(std::move(reply), std::move(sent).error());
  answer(std::move(reply), container.view);
}

// On v1 the group is frozen for it, which may take a second.
void ContainerManager::kill_group(const Container& container, Reply reply) {
  auto work =
      [this, uid = container.uid, group = container.cgroup, reply, alive = std::weak_ptr(alive_)] {
        auto killed = group->kill();
        parts_.reactor.post([this, uid, reply, killed = std::move(killed), alive] {
          if (!alive.lock()) return;
          if (!killed) return answer(reply, killed.error());
          const Container* owner = find(uid);
          answer(reply, owner != nullptr ? owner->view : ViewPtr());
        });
      };
  auto submitted = parts_.workers.submit(std::move(work));
  if (!submitted) answer(std::move(reply), std::move(submitted).error());
}

}  // namespace skerry::agent
