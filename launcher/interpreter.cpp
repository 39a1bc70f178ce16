#include "launcher/interpreter.h"

#include <cerrno>
#include <variant>

namespace skerry::launcher {
namespace {

template <class... Kinds>
bool is_one_of(const plan::Operation& operation) {
  return (std::holds_alternative<Kinds>(operation) || ...);
}

}  // namespace

std::optional<OperationFailure> interpret(std::span<const plan::Operation> operations,
                                          OperationState& state) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto result = std::visit(
        [&state](const auto& operation) { return apply(state, operation); }, operations[i]);
    if (result) continue;
    // Some refusals are ours and not the kernel's.
    const int sys_errno = result.error().sys_errno();
    return OperationFailure{.operation = i, .sys_errno = sys_errno != 0 ? sys_errno : EINVAL};
  }
  return std::nullopt;
}

bool needs_mount_namespace(const plan::Operation& operation) {
  return is_one_of<plan::SetRoot,
                   plan::AttachMount,
                   plan::MountPseudo,
                   plan::MaskPath,
                   plan::ReadOnlyPath,
                   plan::RootReadOnly>(operation);
}

}  // namespace skerry::launcher
