// kill -9 at any moment: what was committed is there, whole transactions only.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "store_fixture.h"

namespace skerry::store {
namespace {

constexpr int kReportFd = 3;
constexpr const char* kRoot = "SKERRY_TEST_CRASH_ROOT";

// The program of the child: this same binary, this one test. Each transaction writes the same
// number twice, into a container and as an operation, and is reported once it is committed.
TEST(StoreCrash, DISABLED_Writer) {
  const char* root = std::getenv(kRoot);
  ASSERT_NE(root, nullptr);
  tests::Turning t;
  auto store =
      *Store::open({.root = root, .on_damage = nullptr}, *t.reactor, t.trace.get(), t.clock);
  ContainerRow row = store->containers()->rows.empty() ? tests::container("counter", "0")
                                                       : store->containers()->rows[0];
  for (std::uint64_t number = std::stoull(row.record) + 1;; ++number) {
    // Pages enough that checkpoints by the store thread happen all the time.
    row.record = std::to_string(number) + std::string(number % 7 * 3000, ' ');
    Transaction transaction = store->begin();
    transaction.put(row);
    transaction.put(OperationRow{row.uid, "count", "", "b", std::to_string(number)});
    ASSERT_TRUE(transaction.commit());
    if (number % 5 == 0) store->durable([](const Result<>&) {});
    t.reactor->turn();
    ASSERT_EQ(::write(kReportFd, &number, sizeof number), static_cast<ssize_t>(sizeof number));
  }
}

class Child final {
 public:
  explicit Child(const std::filesystem::path& root) {
    std::array<int, 2> ends{};
    CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
    pipe_.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), kReportFd);
    std::string variable = std::string(kRoot) + "=" + root.string();
    std::array<std::string, 3> words = {
        "writer", "--gtest_also_run_disabled_tests", "--gtest_filter=StoreCrash.DISABLED_Writer"};
    std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    std::array<char*, 2> env = {variable.data(), nullptr};
    CHECK(::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), env.data()) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  // Reads `count` reports; the last number, 0 if the child ended before.
  std::uint64_t wait_for_reports(int count) {
    std::uint64_t number = 0;
    for (int i = 0; i < count; ++i) {
      if (::read(pipe_.get(), &number, sizeof number) != sizeof number) return 0;
    }
    return number;
  }
  // Kills it and returns the last number it reported, `seen` if there was none after that.
  std::uint64_t kill(std::uint64_t seen = 0) {
    if (pid_ <= 0) return seen;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    std::uint64_t number = seen;
    while (::read(pipe_.get(), &number, sizeof number) == sizeof number) {
    }
    return number;
  }

 private:
  UniqueFd pipe_;
  pid_t pid_ = -1;
};

TEST(StoreCrash, CommittedTransactionsSurviveKill) {
  constexpr int kRounds = 12;
  tests::StoreFixture f;
  std::minstd_rand random(4711);  // NOLINT: the same moments in every run, as far as they go
  std::uint64_t epoch = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::uint64_t reported = 0;
    {
      Child child(f.dir.path());
      reported = child.wait_for_reports(static_cast<int>(random() % 200) + 1);
      ASSERT_NE(reported, 0U) << "the writer failed";
      reported = child.kill(reported);
    }
    ASSERT_TRUE(f.open()) << "round " << round;
    EXPECT_FALSE(f.store->opening().moved_aside.has_value());
    EXPECT_FALSE(f.store->opening().clean);
    EXPECT_GT(f.store->opening().epoch, epoch);
    epoch = f.store->opening().epoch;
    const auto containers = *f.store->containers();
    const auto operations = *f.store->operations();
    ASSERT_EQ(containers.rows.size(), 1U);
    ASSERT_EQ(operations.rows.size(), 1U);
    EXPECT_GE(std::stoull(containers.rows[0].record), reported);
    EXPECT_EQ(std::stoull(containers.rows[0].record), std::stoull(operations.rows[0].data));
    f.store.reset();
  }
}

}  // namespace
}  // namespace skerry::store
