#include "isolators/plan_builder.h"

#include <iterator>
#include <utility>

#include "base/check.h"

namespace skerry::isolators {

PlanBuilder::PlanBuilder(BuiltPlan built)
    : fds_(std::move(built.fds)), plan_(std::move(built.plan)) {}

void PlanBuilder::add(Phase phase, plan::Operation operation) {
  operations_[phase].push_back(std::move(operation));
}

// It is moved from, which the check does not see through try_emplace().
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void PlanBuilder::add_user_mount(std::size_t position, plan::AttachMount mount) {
  const bool added = user_mounts_.try_emplace(position, std::move(mount)).second;
  CHECK(added);
}

plan::FdIndex PlanBuilder::add_fd(UniqueFd fd) {
  CHECK(fd);
  fds_.push_back(std::move(fd));
  return static_cast<plan::FdIndex>(fds_.size() - 1);
}

int PlanBuilder::fd(plan::FdIndex index) const {
  CHECK(index >= 0 && static_cast<std::size_t>(index) < fds_.size());
  return fds_[static_cast<std::size_t>(index)].get();
}

void PlanBuilder::add_namespaces(std::uint64_t clone_flags) { plan_.namespaces |= clone_flags; }

BuiltPlan PlanBuilder::build() {
  BuiltPlan built{.plan = std::exchange(plan_, {}), .fds = std::exchange(fds_, {})};
  std::vector<plan::Operation>& mounts = operations_[Phase::kMounts];
  std::vector<plan::Operation> ordered;
  for (auto& [position, mount] : user_mounts_) ordered.emplace_back(std::move(mount));
  mounts.insert(mounts.begin(),
                std::make_move_iterator(ordered.begin()),
                std::make_move_iterator(ordered.end()));
  // std::map keeps the phases in the order of the enumeration.
  for (auto& [phase, operations] : operations_) {
    for (auto& operation : operations) built.plan.operations.push_back(std::move(operation));
  }
  operations_.clear();
  user_mounts_.clear();
  root_ = plan::kNoFd;
  user_id_ = 0;
  return built;
}

}  // namespace skerry::isolators
