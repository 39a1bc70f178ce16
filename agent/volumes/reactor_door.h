// The way of a worker to what belongs to the reactor: a call that is run there, and waited for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "agent/runtime/reactor.h"
#include "agent/store/store.h"
#include "base/result.h"

namespace skerry::agent {

/// Outlived by reactor and store.
class ReactorDoor final {
 public:
  ReactorDoor(runtime::Reactor& reactor, store::Store& store);

  /// Runs `work`, which gives a Result, on the reactor and returns what it gave. It may refer to
  /// the caller's variables: it never runs after this has returned. Errors: those of `work`;
  /// UNAVAILABLE, reason DAEMON_STOPPING, after close(). Blocks: until the reactor's turn. Thread:
  /// any but the reactor.
  template <class Work>
  std::invoke_result_t<Work&> run(Work work) {
    std::optional<std::invoke_result_t<Work&>> result;
    TRY(pass([&](const Done& done) {
      result.emplace(work());
      done({});
    }));
    return std::move(*result);
  }

  /// Everything committed so far is on the disk. Errors: as Store::durable() and run(). Blocks:
  /// disk. Thread: as run().
  Result<> durable();

  /// The reactor turns no more: whoever waits gets an error. Thread: reactor.
  void close();

 private:
  using Done = std::function<void(Result<>)>;
  struct Shared;
  Result<> pass(std::function<void(const Done& done)> begin);

  runtime::Reactor& reactor_;
  store::Store& store_;
  std::shared_ptr<Shared> shared_;  // with what is posted, which may be destroyed later
};

}  // namespace skerry::agent
