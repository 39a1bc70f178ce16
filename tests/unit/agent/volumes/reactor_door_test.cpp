#include "agent/volumes/reactor_door.h"

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::agent {
namespace {

TEST(ReactorDoor, RunsOnTheReactorAndGivesWhatItGave) {
  tests::StoreFixture store;
  ASSERT_TRUE(store.open());
  ReactorDoor door(*store.t.reactor, *store.store);
  std::atomic<bool> is_over = false;
  std::thread worker([&] {
    const auto value = door.run([&]() -> Result<int> {
      EXPECT_TRUE(store.t.reactor->in_reactor());
      return 7;
    });
    EXPECT_EQ(value.value(), 7);
    const auto failed = door.run([]() -> Result<> { return Error(Code::kAborted, "no"); });
    EXPECT_EQ(failed.error().code(), Code::kAborted);
    const auto thrown = door.run([]() -> Result<> { throw std::runtime_error("of a library"); });
    EXPECT_EQ(thrown.error().code(), Code::kInternal);
    EXPECT_TRUE(door.durable());
    is_over = true;
  });
  EXPECT_TRUE(store.t.turn_until([&] { return is_over.load(); }));
  worker.join();
}

TEST(ReactorDoor, WhoWaitsIsToldOfTheEndAndItsWorkNeverRuns) {
  tests::StoreFixture store;
  ASSERT_TRUE(store.open());
  ReactorDoor door(*store.t.reactor, *store.store);
  std::atomic<bool> is_over = false;
  bool has_run = false;
  std::thread worker([&] {
    const auto late = door.run([&]() -> Result<> {
      has_run = true;
      return {};
    });
    EXPECT_EQ(late.error().reason(), "DAEMON_STOPPING");
    is_over = true;
  });
  door.close();
  worker.join();
  store.t.reactor->turn();
  EXPECT_TRUE(is_over);
  EXPECT_FALSE(has_run);
}

}  // namespace
}  // namespace skerry::agent
