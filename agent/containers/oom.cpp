// Kills at the memory limit, told as they happen. The kernel says that there may be one; the
// group's own count says whether there was. What is not told by then is told with the exit.

#include <sys/epoll.h>

#include "agent/containers/manager.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

// v1 tells before it kills, v2 after.
constexpr auto kCountDelay = 20ms;
constexpr auto kSecondLook = 500ms;
// A container whose processes are killed one after the other is told of once in this time.
constexpr auto kTellInterval = 1s;

}  // namespace

// Most containers end soon, and for them it would be work for nothing.
void ContainerManager::begin_oom_watch(Container& container, std::chrono::nanoseconds delay) {
  container.oom_timer = parts_.reactor.after(delay, [this, uid = container.uid] {
    Container* owner = find(uid);
    if (owner == nullptr) return;
    owner->oom_timer.reset();
    watch_oom(*owner);
  });
}

void ContainerManager::watch_oom(Container& container) {
  if (!container.cgroup || !is_live(container.state())) return;
  auto events = container.cgroup->open_oom_events();
  // A host that does not tell: the exit counts.
  if (!events || !*events) return;
  container.oom_events = std::move(*events);
  auto watch = parts_.reactor.watch(container.oom_events.get(),
                                    EPOLLIN | EPOLLPRI | EPOLLET,
                                    [this, uid = container.uid](std::uint32_t) {
                                      Container* owner = find(uid);
                                      if (owner != nullptr) look_for_oom(*owner, kCountDelay);
                                    });
  if (!watch) {
    parts_.trace.warning("cannot watch for kills at the memory limit",
                         {{"container", container.uid.str()}, {"why", watch.error().message()}});
    return container.oom_events.reset();
  }
  container.oom_watch = std::move(*watch);
  count_oom(container);  // those before the watch
}

void ContainerManager::look_for_oom(Container& container, std::chrono::nanoseconds delay) {
  // The look that is due counts this one too.
  if (container.oom_timer) return;
  container.oom_timer = parts_.reactor.after(delay, [this, uid = container.uid, delay] {
    Container* owner = find(uid);
    if (owner == nullptr) return;
    owner->oom_timer.reset();
    const std::uint64_t before = owner->api().oom_kills();
    count_oom(*owner);
    if (owner->api().oom_kills() != before) {
      look_for_oom(*owner, kTellInterval);
    } else if (delay == kCountDelay) {
      look_for_oom(*owner, kSecondLook);
    }
  });
}

void ContainerManager::count_oom(Container& container) {
  if (!container.cgroup || !is_live(container.state())) return;
  const std::uint64_t count = container.cgroup->oom_kills().value_or(0);
  if (count <= container.api().oom_kills()) return;
  container.api().set_oom_kills(count);
  record_fact(container, make_event(container, skerry::v1::EVENT_TYPE_CONTAINER_OOM));
}

void ContainerManager::end_oom_watch(Container& container) {
  container.oom_timer.reset();
  container.oom_watch.reset();
  container.oom_events.reset();
}

}  // namespace skerry::agent
