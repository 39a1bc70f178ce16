#include "logs/exit_record.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "logs/crc32c.h"

namespace skerry::logs {
namespace {

constexpr std::string_view kUid = "0123456789abcdef0123456789abcdef";

class ExitRecordTest : public ::testing::Test {
 protected:
  UniqueFd file_{::memfd_create("exit", MFD_CLOEXEC)};
  ExitRecord record_{.uid = std::string(kUid),
                     .status = 9,
                     .time_ns = 1'700'000'000'123'456'789,
                     .log_dropped = 3};
};

TEST_F(ExitRecordTest, IsAbsentUntilWritten) {
  ASSERT_TRUE(prepare_exit_record(file_.get()));
  const auto read = read_exit_record(file_.get(), kUid);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_FALSE(*read);
}

TEST_F(ExitRecordTest, RoundTripsAndKeepsItsSize) {
  record_.attempt = 1;
  ASSERT_TRUE(prepare_exit_record(file_.get()));
  ASSERT_TRUE(write_exit_record(file_.get(), record_));
  EXPECT_EQ(::lseek(file_.get(), 0, SEEK_END), static_cast<off_t>(kExitRecordSize));
  const auto read = read_exit_record(file_.get(), kUid);
  ASSERT_TRUE(read);
  ASSERT_TRUE(*read);
  EXPECT_EQ(**read, record_);
}

TEST_F(ExitRecordTest, SaysWhichAttemptItWasPreparedFor) {
  ASSERT_TRUE(prepare_exit_record(file_.get(), 7));
  ASSERT_TRUE(write_exit_record(file_.get(), record_));
  EXPECT_EQ((*read_exit_record(file_.get(), kUid))->attempt, 7U);
}

TEST_F(ExitRecordTest, EveryFlippedBitIsTorn) {
  ASSERT_TRUE(write_exit_record(file_.get(), record_));
  std::array<unsigned char, kExitRecordSize> bytes{};
  ASSERT_EQ(::pread(file_.get(), bytes.data(), bytes.size(), 0), 96);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto changed = bytes;
    changed.at(bit / 8) ^= static_cast<unsigned char>(1U << (bit % 8));
    ASSERT_EQ(::pwrite(file_.get(), changed.data(), changed.size(), 0), 96);
    const auto read = read_exit_record(file_.get(), kUid);
    ASSERT_FALSE(read) << "bit " << bit;
    EXPECT_EQ(read.error().code(), Code::kDataLoss);
    EXPECT_EQ(read.error().reason(), "EXIT_RECORD_TORN");
  }
}

TEST_F(ExitRecordTest, EveryTruncationIsTorn) {
  ASSERT_TRUE(write_exit_record(file_.get(), record_));
  for (off_t size = static_cast<off_t>(kExitRecordSize) - 1; size >= 0; --size) {
    ASSERT_EQ(::ftruncate(file_.get(), size), 0);
    EXPECT_FALSE(read_exit_record(file_.get(), kUid));
  }
}

TEST_F(ExitRecordTest, RefusesARecordOfAnotherContainer) {
  ASSERT_TRUE(write_exit_record(file_.get(), record_));
  const auto read = read_exit_record(file_.get(), "ffffffffffffffffffffffffffffffff");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kDataLoss);
}

TEST_F(ExitRecordTest, RefusesAUidThatDoesNotFit) {
  record_.uid = std::string(49, 'a');
  EXPECT_FALSE(write_exit_record(file_.get(), record_));
}

TEST(Crc32c, MatchesTheStandardsCheckValue) {
  constexpr std::array<std::uint8_t, 9> kCheck = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(crc32c(kCheck), 0xE3069283U);
}

}  // namespace
}  // namespace skerry::logs
