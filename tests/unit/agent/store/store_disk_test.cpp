// A disk that fails at any one call, or at every call from one on: the store says so or succeeds,
// keeps what it has acknowledged and nothing else, and opens again whole.
#include <map>
#include <ostream>

#include <gtest/gtest.h>

#include "sqlite_faults.h"
#include "store_fixture.h"

namespace skerry::store {
namespace {

using tests::DiskCall;
using tests::SqliteFaults;
using tests::StoreFixture;
using Span = SqliteFaults::Span;

struct Fault {
  const char* name;
  DiskCall call;
  int status;
  Span span;
};

// GoogleTest looks for it by that name.
// NOLINTNEXTLINE(readability-identifier-naming)
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

// Records by uid, as acknowledged.
using Model = std::map<std::string, std::string>;

Model read(Store& store) {
  Model model;
  const auto loaded = store.containers();
  EXPECT_TRUE(loaded.has_value());
  if (!loaded) return model;
  EXPECT_TRUE(loaded->bad.empty());
  for (const ContainerRow& row : loaded->rows) model[row.uid.str()] = row.record;
  return model;
}

// Small and large records (a page and more), changes and removals, a checkpoint now and then.
void work(StoreFixture& f, Model& model) {
  constexpr int kRounds = 6;
  constexpr std::size_t kLarge = 20'000;
  std::optional<ContainerRow> last;
  for (int i = 0; i < kRounds; ++i) {
    const ContainerRow row =
        tests::container(std::to_string(i) + "-" + std::to_string(model.size()),
                         std::string(i % 2 == 0 ? 10 : kLarge, static_cast<char>('a' + i)));
    Transaction transaction = f.store->begin();
    transaction.put(row);
    transaction.put(OperationRow{row.uid, "create", "", "b", "d"});
    const bool replaces = last.has_value() && i % 3 == 2;
    if (replaces) transaction.remove_container(last->uid);
    if (transaction.commit()) {
      model[row.uid.str()] = row.record;
      if (replaces) model.erase(last->uid.str());
      last = row;
    }
    if (i % 2 == 1) static_cast<void>(f.store->database().checkpoint_passive());
    // What could not be written is not there either while the daemon runs.
    ASSERT_EQ(read(*f.store), model) << "round " << i;
  }
}

class StoreDisk : public testing::TestWithParam<Fault> {
 protected:
  static constexpr int kMost = 400;

  // Without faults again: whole, and what was acknowledged.
  static void expect_whole(StoreFixture& f, const Model& model) {
    f.store.reset();
    const auto opened = f.open();
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_FALSE(f.store->opening().moved_aside.has_value());
    EXPECT_FALSE(f.damage.has_value());
    EXPECT_EQ(read(*f.store), model);
    Transaction transaction = f.store->begin();
    transaction.put(tests::container("after"));
    EXPECT_TRUE(transaction.commit());
  }
};

TEST_P(StoreDisk, FailsAtWork) {
  const Fault& fault = GetParam();
  SqliteFaults faults;
  int number = 1;
  for (; number <= kMost; ++number) {
    SCOPED_TRACE(number);
    StoreFixture f;
    Model model;
    ASSERT_TRUE(f.open());
    faults.fail(fault.call, number, fault.status, fault.span);
    work(f, model);
    const int hits = faults.hits();
    faults.heal();
    // The disk has recovered, and so has the store.
    work(f, model);
    expect_whole(f, model);
    if (HasFatalFailure() || hits == 0) break;
  }
  EXPECT_LE(number, kMost);
}

TEST_P(StoreDisk, FailsAtTheEnd) {
  const Fault& fault = GetParam();
  SqliteFaults faults;
  int number = 1;
  for (; number <= kMost; ++number) {
    SCOPED_TRACE(number);
    StoreFixture f;
    Model model;
    ASSERT_TRUE(f.open());
    work(f, model);
    faults.fail(fault.call, number, fault.status, fault.span);
    static_cast<void>(f.store->close_clean());
    f.store.reset();
    const int hits = faults.hits();
    faults.heal();
    expect_whole(f, model);
    if (HasFatalFailure() || hits == 0) break;
  }
  EXPECT_LE(number, kMost);
}

TEST_P(StoreDisk, FailsAtTheStart) {
  const Fault& fault = GetParam();
  SqliteFaults faults;
  int number = 1;
  for (; number <= kMost; ++number) {
    SCOPED_TRACE(number);
    StoreFixture f;
    Model model;
    ASSERT_TRUE(f.open());
    work(f, model);
    f.store.reset();
    faults.fail(fault.call, number, fault.status, fault.span);
    const auto opened = f.open();
    f.store.reset();
    const int hits = faults.hits();
    faults.heal();
    if (!opened) {
      EXPECT_NE(opened.error().reason(), kDamaged);
    }
    expect_whole(f, model);
    if (HasFatalFailure() || hits == 0) break;
  }
  EXPECT_LE(number, kMost);
}

TEST_P(StoreDisk, FailsAtTheFirstStart) {
  const Fault& fault = GetParam();
  SqliteFaults faults;
  int number = 1;
  for (; number <= kMost; ++number) {
    SCOPED_TRACE(number);
    StoreFixture f;
    faults.fail(fault.call, number, fault.status, fault.span);
    const auto opened = f.open();
    f.store.reset();
    const int hits = faults.hits();
    faults.heal();
    expect_whole(f, {});
    if (HasFatalFailure() || hits == 0) break;
  }
  EXPECT_LE(number, kMost);
}

INSTANTIATE_TEST_SUITE_P(
    Faults,
    StoreDisk,
    testing::Values(
        Fault{"WriteOnce", DiskCall::kWrite, SQLITE_IOERR_WRITE, Span::kOnce},
        Fault{"WriteFromThenOn", DiskCall::kWrite, SQLITE_IOERR_WRITE, Span::kFromThenOn},
        Fault{"FullOnce", DiskCall::kWrite, SQLITE_FULL, Span::kOnce},
        Fault{"FullFromThenOn", DiskCall::kWrite, SQLITE_FULL, Span::kFromThenOn},
        Fault{"SyncOnce", DiskCall::kSync, SQLITE_IOERR_FSYNC, Span::kOnce},
        Fault{"SyncFromThenOn", DiskCall::kSync, SQLITE_IOERR_FSYNC, Span::kFromThenOn},
        Fault{"TruncateFromThenOn", DiskCall::kTruncate, SQLITE_IOERR_TRUNCATE, Span::kFromThenOn},
        Fault{"OpenOnce", DiskCall::kOpen, SQLITE_CANTOPEN, Span::kOnce},
        Fault{"OpenFromThenOn", DiskCall::kOpen, SQLITE_CANTOPEN, Span::kFromThenOn},
        Fault{"DeleteFromThenOn", DiskCall::kDelete, SQLITE_IOERR_DELETE, Span::kFromThenOn}),
    [](const auto& tested) { return std::string(tested.param.name); });

// The shim itself: it fails the call it is told to, and only that.
TEST(SqliteFaults, FailsWhatItIsTold) {
  SqliteFaults faults;
  StoreFixture f;
  ASSERT_TRUE(f.open());
  // Not just once: the store's own thread writes too, and might take that.
  faults.fail(DiskCall::kWrite, 1, SQLITE_FULL, Span::kFromThenOn);
  for (const bool fails : {true, false}) {
    if (!fails) faults.heal();
    Transaction transaction = f.store->begin();
    transaction.put(tests::container("one"));
    const Result<> committed = transaction.commit();
    EXPECT_EQ(committed.has_value(), !fails);
    if (!committed) {
      EXPECT_EQ(committed.error().reason(), kDiskFull);
    }
  }
  const int hits = faults.hits();
  EXPECT_GE(hits, 1);
  Transaction transaction = f.store->begin();
  transaction.put(tests::container("two"));
  EXPECT_TRUE(transaction.commit());
  EXPECT_EQ(faults.hits(), hits);
}

}  // namespace
}  // namespace skerry::store
