// The keys that leave a session without ending it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::cli {

constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

/// "ctrl-p,ctrl-q": keys in order, each one character or "ctrl-" and one of a–z @ [ \ ] ^ _. Empty:
/// there are none. Gives the bytes a terminal sends for them. Errors: INVALID_ARGUMENT.
Result<std::string> parse_detach_keys(std::string_view text);

/// Looks for the keys in what is typed. Thread: one.
class DetachKeys final {
 public:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  struct Seen {
    /// What is to be passed on. The beginning of the keys is held back until it is clear whether
    /// the rest follows.
    std::string data;
    bool detached = false;
  };
  Seen feed(std::string_view typed);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace skerry::cli
