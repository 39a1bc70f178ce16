// A store in a directory of its own, opened and closed by the test.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/store/database.h"
#include "agent/store/store.h"
#include "fixtures.h"

namespace skerry::tests {

struct StoreFixture {
  TempDir dir;
  Turning t;
  std::optional<Error> damage;
  std::unique_ptr<store::Store> store;

  Result<> open() {
    TRY_ASSIGN(store,
               store::Store::open(
                   {.root = dir.path(), .on_damage = [this](const Error& e) { damage = e; }},
                   *t.reactor,
                   t.trace.get(),
                   t.clock));
    return {};
  }
  /// As after a crash: no good-bye.
  Result<> reopen() {
    store.reset();
    return open();
  }
};

inline store::ContainerRow container(const std::string& id, std::string record = "record") {
  return {.uid = Uid::make(),
          .tenant = "default",
          .id = id,
          .name = "name-" + id,
          .state = "running",
          .record = std::move(record)};
}

}  // namespace skerry::tests
