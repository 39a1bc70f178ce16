#include "agent/store/store.h"

#include <sys/stat.h>

#include <array>

#include <gtest/gtest.h>

#include "agent/store/schema.h"
#include "store_fixture.h"

namespace skerry::store {
namespace {

using tests::container;
using tests::StoreFixture;

TEST(Store, KeepsRowsOfEveryTable) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const WallTime now = f.t.clock.wall();
  const ContainerRow c = container("web", std::string("\0bin\xFF", 5));
  const TombstoneRow tombstone{.tenant = "t", .id = "old", .uid = Uid::make(), .removed_at = now};
  const DebtRow debt{.kind = "address",
                     .key = "10.0.0.7",
                     .object = "u",
                     .record = "r",
                     .attempts = 3,
                     .next_attempt = now,
                     .last_error = "busy",
                     .created = now};
  const ImageRow image{.content_id = "sha256:1", .record = "i"};
  const ImageNameRow name{.name = "busybox", .content_id = "sha256:1"};
  const OperationRow operation{
      .uid = c.uid, .operation = "create", .step = "", .boot_id = "b", .data = "d"};
  Transaction transaction = f.store->begin();
  transaction.put(c);
  transaction.put(tombstone);
  transaction.put(debt);
  transaction.put(image);
  transaction.put(name);
  transaction.put(operation);
  const ObjectRow pod{.kind = "pod", .key = c.uid.str(), .record = "p"};
  transaction.put(pod);
  ASSERT_TRUE(transaction.commit());
  ASSERT_TRUE(f.reopen());
  EXPECT_EQ(f.store->containers()->rows, std::vector{c});
  EXPECT_EQ(f.store->tombstone("t", "old")->value(), tombstone);
  EXPECT_FALSE(f.store->tombstone("t", "never")->has_value());
  EXPECT_FALSE(f.store->tombstone("other", "old")->has_value());
  EXPECT_EQ(f.store->debts()->rows, std::vector{debt});
  EXPECT_EQ(f.store->images()->rows, std::vector{image});
  EXPECT_EQ(f.store->image_names()->rows, std::vector{name});
  EXPECT_EQ(f.store->operations()->rows, std::vector{operation});
  EXPECT_EQ(f.store->objects()->rows, std::vector{pod});
}

TEST(Store, KeepsObjectsOfOneKeyApartByKind) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const ObjectRow pod{.kind = "pod", .key = "k", .record = "p"};
  const ObjectRow exec{.kind = "exec", .key = "k", .record = "e"};
  const ObjectRow bad{.kind = "pod", .key = "bad", .record = "b"};
  Transaction transaction = f.store->begin();
  for (const ObjectRow& row : {pod, exec, bad}) transaction.put(row);
  transaction.remove_object("exec", "k");
  transaction.quarantine_object("pod", "bad", "does not decode");
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(f.store->objects()->rows, std::vector{pod});
  EXPECT_EQ(f.store->quarantine()->front().key, "pod bad");
}

TEST(Store, ReplacesAndRemoves) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ContainerRow c = container("web");
  const OperationRow operation{
      .uid = c.uid, .operation = "create", .step = "", .boot_id = "b", .data = "d"};
  {
    Transaction transaction = f.store->begin();
    transaction.put(c);
    transaction.put(operation);
    c.state = "exited";
    c.record = "later";
    transaction.put(c);
    ASSERT_TRUE(transaction.commit());
  }
  EXPECT_EQ(f.store->containers()->rows, std::vector{c});
  Transaction transaction = f.store->begin();
  transaction.remove_container(c.uid);
  transaction.remove_operation(c.uid, "create");
  transaction.remove_operation(c.uid, "create");
  transaction.remove_image("was never there");
  ASSERT_TRUE(transaction.commit());
  EXPECT_TRUE(f.store->containers()->rows.empty());
  EXPECT_TRUE(f.store->operations()->rows.empty());
}

TEST(Store, PurgesTombstonesByAge) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const WallTime now = f.t.clock.wall();
  Transaction transaction = f.store->begin();
  transaction.put(TombstoneRow{"t", "old", Uid::make(), now - std::chrono::hours(25)});
  transaction.put(TombstoneRow{"t", "new", Uid::make(), now - std::chrono::hours(23)});
  transaction.purge_tombstones(now - std::chrono::hours(24));
  ASSERT_TRUE(transaction.commit());
  EXPECT_FALSE(f.store->tombstone("t", "old")->has_value());
  EXPECT_TRUE(f.store->tombstone("t", "new")->has_value());
}

TEST(Transaction, WithoutCommitChangesNothing) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  std::string ran;
  {
    Transaction transaction = f.store->begin();
    transaction.put(container("web"));
    transaction.on_commit([&] { ran += "commit"; });
    transaction.on_rollback([&] { ran += "rollback"; });
  }
  EXPECT_EQ(ran, "rollback");
  EXPECT_TRUE(f.store->containers()->rows.empty());
}

TEST(Transaction, RunsItsHooksInOrderAfterTheCommit) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  std::string ran;
  Transaction transaction = f.store->begin();
  transaction.put(container("web"));
  transaction.on_commit([&] { ran += std::to_string(f.store->containers()->rows.size()); });
  // A hook may begin the next transaction.
  transaction.on_commit([&] { EXPECT_TRUE(f.store->begin().commit()); });
  transaction.on_commit([&] { ran += "b"; });
  transaction.on_rollback([&] { ran += "rollback"; });
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(ran, "1b");
}

TEST(Transaction, FullDiskAppliesNothingAndPasses) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ASSERT_TRUE(f.store->database().script("PRAGMA max_page_count = 40"));
  bool rolled_back = false;
  {
    Transaction transaction = f.store->begin();
    transaction.put(container("small"));
    transaction.put(container("large", std::string(1024UL * 1024, 'x')));
    transaction.on_rollback([&] { rolled_back = true; });
    const Result<> committed = transaction.commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code(), Code::kResourceExhausted);
    EXPECT_EQ(committed.error().reason(), "STATE_DISK_FULL");
    EXPECT_TRUE(committed.error().retryable());
  }
  EXPECT_TRUE(rolled_back);
  EXPECT_TRUE(f.store->containers()->rows.empty());
  ASSERT_TRUE(f.store->database().script("PRAGMA max_page_count = 100000"));
  Transaction transaction = f.store->begin();
  transaction.put(container("large", std::string(1024UL * 1024, 'x')));
  EXPECT_TRUE(transaction.commit());
}

TEST(Store, TellsWhatItFoundAtOpening) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const Opening first = f.store->opening();
  EXPECT_TRUE(first.fresh);
  EXPECT_FALSE(first.clean);
  EXPECT_TRUE(Uid::parse(first.agent_id));
  ASSERT_TRUE(f.store->close_clean());
  f.store.reset();
  ASSERT_TRUE(f.open());
  const Opening second = f.store->opening();
  EXPECT_FALSE(second.fresh);
  EXPECT_TRUE(second.clean);
  EXPECT_EQ(second.agent_id, first.agent_id);
  EXPECT_EQ(second.epoch, first.epoch);
  f.store.reset();
  ASSERT_TRUE(f.open());
  EXPECT_FALSE(f.store->opening().clean);
  EXPECT_GT(f.store->opening().epoch, first.epoch);
}

TEST(Store, RefusesWritesAfterTheGoodBye) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ASSERT_TRUE(f.store->close_clean());
  Transaction transaction = f.store->begin();
  transaction.put(container("late"));
  const Result<> committed = transaction.commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code(), Code::kUnavailable);
}

TEST(Store, BelongsToOneDaemon) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const auto second = Store::open(
      {.root = f.dir.path(), .on_damage = nullptr}, *f.t.reactor, f.t.trace.get(), f.t.clock);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason(), "STATE_IN_USE");
  f.store.reset();
  EXPECT_TRUE(f.open());
}

TEST(Store, IsForItsOwnerOnly) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  for (const char* name : {"state.db", "state.db-wal", "state.lock"}) {
    struct stat status {};
    ASSERT_EQ(::stat((f.dir.path() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST(Store, CallsBackWhenDurableInOrderOnTheReactor) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  std::vector<int> done;
  for (int i = 0; i < 20; ++i) {
    Transaction transaction = f.store->begin();
    transaction.put(container(std::to_string(i)));
    ASSERT_TRUE(transaction.commit());
    f.store->durable([&done, i](const Result<>& result) {
      EXPECT_TRUE(result);
      done.push_back(i);
    });
  }
  EXPECT_TRUE(done.empty());
  ASSERT_TRUE(f.t.turn_until([&] { return done.size() == 20; }));
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST(Store, KeepsItsWalShortUnderManyWrites) {
  constexpr std::size_t kRecord = 256UL * 1024;
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ContainerRow row = container("web");
  for (int i = 0; i < 800; ++i) {  // 200 MiB in all, as fast as it goes
    // Another text each time: SQLite does not write what is there already.
    row.record.assign(kRecord, static_cast<char>('a' + i % 26));
    Transaction transaction = f.store->begin();
    transaction.put(row);
    ASSERT_TRUE(transaction.commit());
  }
  EXPECT_LT(std::filesystem::file_size(f.dir.path() / "state.db-wal"), 80UL * 1024 * 1024);
}

TEST(Store, RunsOnANewerDatabaseThatOnlyAdds) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ASSERT_TRUE(
      f.store->database().script("ALTER TABLE containers ADD COLUMN pod TEXT DEFAULT ''; "
                                 "CREATE TABLE pods(uid TEXT); PRAGMA user_version = 99"));
  ASSERT_TRUE(f.reopen());
  const ContainerRow row = container("web");
  Transaction transaction = f.store->begin();
  transaction.put(row);
  ASSERT_TRUE(transaction.commit());
  ASSERT_TRUE(f.store->database().script("UPDATE containers SET pod = 'p'"));
  Transaction again = f.store->begin();
  again.put(row);
  ASSERT_TRUE(again.commit());
  Query pod = *f.store->database().query("SELECT pod FROM containers");
  ASSERT_TRUE(*pod.next());
  EXPECT_EQ(pod.bytes(0), "p");  // the older version did not lose what it does not know
}

TEST(Store, RefusesANewerDatabaseThatContracted) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  ASSERT_TRUE(f.store->database().script(
      "UPDATE meta SET value = '99' WHERE key = 'oldest_reader'; PRAGMA user_version = 99"));
  const Result<> reopened = f.reopen();
  ASSERT_FALSE(reopened);
  EXPECT_EQ(reopened.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(reopened.error().reason(), "STATE_TOO_NEW");
  EXPECT_NE(reopened.error().message().find("needs a skerryd that knows version 99"),
            std::string::npos);
}

TEST(Store, RefusesAForeignDatabase) {
  StoreFixture f;
  {
    std::FILE* file = std::fopen((f.dir.path() / "state.db").c_str(), "we");
    std::fclose(file);
  }
  {
    const auto database = *Database::open(f.dir.path() / "state.db");
    ASSERT_TRUE(database->script("CREATE TABLE bookmarks(url TEXT)"));
  }
  const Result<> opened = f.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason(), "STATE_FOREIGN");
}

TEST(Migrate, AppliesWhatIsMissingAndUndoesAStepThatFails) {
  StoreFixture f;
  ASSERT_TRUE(f.open());
  const std::int64_t now = migrations().back().version;
  const std::array<Migration, 3> steps = {{
      {.version = now, .oldest_reader = 1, .sql = "never run again"},
      {.version = now + 1, .oldest_reader = 1, .sql = "CREATE TABLE pods(uid TEXT);"},
      {.version = now + 2, .oldest_reader = 2, .sql = "CREATE TABLE half(a); SELECT nonsense;"},
  }};
  Database& database = f.store->database();
  const Result<> migrated = migrate(database, steps);
  ASSERT_FALSE(migrated);
  EXPECT_NE(migrated.error().message().find("migrate to version " + std::to_string(now + 2)),
            std::string::npos);
  EXPECT_TRUE(database.script("SELECT uid FROM pods"));
  EXPECT_FALSE(database.script("SELECT a FROM half"));
  Query version = *database.query("PRAGMA user_version");
  ASSERT_TRUE(*version.next());
  EXPECT_EQ(version.integer(0), now + 1);
}

}  // namespace
}  // namespace skerry::store
