// Steps that give something back at an end that nothing may hold up: what fails is owed, and the
// operation goes on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/operations/step.h"

namespace skerry::operations {

/// What the steps of one operation owe, for the transaction that ends it.
struct Owed {
  std::vector<Debt> debts;  ///< of the steps that failed
  std::vector<Debt> all;    ///< what every step would owe
};

/// A step that succeeds; `debt` is among `owed->debts` when `work` failed.
Step paying_step(std::string name,
                 const std::shared_ptr<Owed>& owed,
                 std::move_only_function<Result<>()> work,
                 Debt debt);

}  // namespace skerry::operations
