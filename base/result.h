// Result<T>: a value or an Error, and the two macros that pass an error on.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace skerry {

/// Either a T or the Error that kept it from being. A class over std::expected and not an alias,
/// because an alias cannot be [[nodiscard]] in g++ 12.
template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  // Implicit, so that `return Error(…)` and `return value` both read as what they are.
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : std::expected<T, Error>(std::unexpected(std::move(error))) {}
};

}  // namespace skerry

/// Evaluates a Result and returns its error from the enclosing function if it holds one.
#define TRY(expression)                      \
  do {                                       \
    auto try_result_ = (expression);         \
    if (!try_result_) {                      \
      return std::move(try_result_).error(); \
    }                                        \
  } while (false)

#define SKERRY_CONCAT_INNER(a, b) a##b
#define SKERRY_CONCAT(a, b) SKERRY_CONCAT_INNER(a, b)

/// Evaluates a Result, returns its error or binds its value: `TRY_ASSIGN(const auto fd, open(…));`.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_INNER(SKERRY_CONCAT(try_result_, __LINE__), declaration, expression)

// A name that is declared cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define TRY_ASSIGN_INNER(name, declaration, expression) \
  auto name = (expression);                             \
  if (!name) {                                          \
    return std::move(name).error();                     \
  }                                                     \
  declaration = std::move(*name)
// NOLINTEND(bugprone-macro-parentheses)
