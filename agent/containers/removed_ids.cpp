// Ids whose container was removed: remembered for a day, so that a late retry of its launch is
// refused and not run twice. They stay in state.db: a host that launches all day removes tens of
// thousands, and each is asked for hardly ever.

#include "agent/containers/manager.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kRemembered = std::chrono::days(1);
constexpr auto kForgetEvery = 1h;

}  // namespace

// What cannot be read counts as removed: that refuses a launch, where the other would run one
// twice.
bool ContainerManager::was_removed(const std::string& tenant, const std::string& id) {
  const auto found = parts_.store.tombstone(tenant, id);
  if (found) return found->has_value();
  parts_.trace.error("cannot read a removed id", found.error(), {{"id", id}});
  return true;
}

void ContainerManager::forget_removed() {
  forget_timer_ = parts_.reactor.after(kForgetEvery, [this] { forget_removed(); });
  store::Transaction transaction = parts_.store.begin();
  transaction.purge_tombstones(parts_.clock.wall() - kRemembered);
  const auto committed = transaction.commit();
  if (!committed) parts_.trace.error("cannot forget removed ids", committed.error());
}

}  // namespace skerry::agent
