// Names of objects: what clients choose (tenant, id, name) and what we make (uid).
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry {

/// Checks an id, tenant or name a client chose: 1–64 characters of [A-Za-z0-9._-], and neither "."
/// nor "..". `what` names the field in the message.
/// Errors: INVALID_ARGUMENT, reason ID_INVALID.
Result<> check_id(std::string_view what, std::string_view value);

/// Our own name of an object: 128 random bits as 32 hex digits, never used twice. The only name
/// that reaches a path, a cgroup, an interface or a plugin.
class Uid final {
 public:
  Uid() = default;
  /// Fresh random bits from getrandom(2).
  static Uid make();
  /// Errors: INVALID_ARGUMENT when the text is not 32 lower-case hex digits.
  static Result<Uid> parse(std::string_view text);

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Uid&) const = default;

 private:
  std::string text_;
};

/// `count` random bytes as lower-case hex, for names that must not collide.
std::string random_hex(std::size_t count);

}  // namespace skerry

template <>
struct std::hash<skerry::Uid> {
  std::size_t operator()(const skerry::Uid& uid) const noexcept {
    return std::hash<std::string>{}(uid.str());
  }
};
