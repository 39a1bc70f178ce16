#include "agent/operations/paying_step.h"

#include <utility>

namespace skerry::operations {

Step paying_step(std::string name,
                 const std::shared_ptr<Owed>& owed,
                 std::move_only_function<Result<>()> work,
                 Debt debt) {
  owed->all.push_back(debt);
  Step step;
  step.name = std::move(name);
  step.run = [owed, work = std::move(work), debt = std::move(debt)](
                 runtime::CancelToken&) mutable -> Result<> {
    const Result<> done = work();
    if (done) return {};
    debt.why = done.error().message();
    owed->debts.push_back(debt);
    return {};
  };
  return step;
}

}  // namespace skerry::operations
