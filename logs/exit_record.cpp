#include "logs/exit_record.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "logs/crc32c.h"

namespace skerry::logs {
namespace {

constexpr std::array<char, 8> kMagic = {'S', 'K', 'R', 'Y', 'E', 'X', 'I', 'T'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxUidBytes = 48;

enum class State : std::uint32_t { kEmpty = 0, kWritten = 1 };

// The file, byte for byte.
struct RawRecord {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  State state = State::kEmpty;
  std::int32_t status = 0;
  std::uint32_t attempt = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t log_dropped = 0;
  std::array<char, kMaxUidBytes> uid{};  ///< Padded with NUL.
  std::uint32_t reserved_end = 0;
  std::uint32_t checksum = 0;  ///< CRC-32C of everything before it.
};
static_assert(sizeof(RawRecord) == kExitRecordSize);
static_assert(std::is_trivially_copyable_v<RawRecord>);

std::uint32_t checksum_of(const RawRecord& raw) {
  return crc32c({reinterpret_cast<const std::uint8_t*>(&raw), offsetof(RawRecord, checksum)});
}

Result<> write_raw(int fd, RawRecord raw) {
  raw.checksum = checksum_of(raw);
  const ssize_t written = ::pwrite(fd, &raw, sizeof raw, 0);
  if (written < 0) return Error::from_errno(errno, "write exit record");
  if (written != static_cast<ssize_t>(sizeof raw))
    return Error::from_errno(ENOSPC, "write exit record");
  return {};
}

Error torn(std::string message) {
  return Error(Code::kDataLoss, std::move(message)).with_reason("EXIT_RECORD_TORN");
}

}  // namespace

Result<> prepare_exit_record(int fd, std::uint32_t attempt) {
  if (::ftruncate(fd, static_cast<off_t>(kExitRecordSize)) != 0)
    return Error::from_errno(errno, "size exit record");
  RawRecord raw;
  raw.attempt = attempt;
  return write_raw(fd, raw);
}

Result<> write_exit_record(int fd, const ExitRecord& record) {
  RawRecord raw;
  RawRecord prepared;
  if (::pread(fd, &prepared, sizeof prepared, 0) == static_cast<ssize_t>(sizeof prepared)) {
    raw.attempt = prepared.attempt;
  }
  raw.state = State::kWritten;
  raw.status = record.status;
  raw.time_ns = record.time_ns;
  raw.log_dropped = record.log_dropped;
  if (record.uid.size() > raw.uid.size())
    return Error(Code::kInvalidArgument, "the uid of an exit record is longer than 48 bytes");
  std::memcpy(raw.uid.data(), record.uid.data(), record.uid.size());
  return write_raw(fd, raw);
}

Result<std::optional<ExitRecord>> read_exit_record(int fd, std::string_view uid) {
  RawRecord raw;
  const ssize_t got = ::pread(fd, &raw, sizeof raw, 0);
  if (got < 0) return Error::from_errno(errno, "read exit record");
  if (got != static_cast<ssize_t>(sizeof raw)) {
    return torn(fmt::format("the exit record has {} bytes instead of {}", got, sizeof raw));
  }
  if (raw.magic != kMagic || raw.checksum != checksum_of(raw))
    return torn("the exit record is half-written");
  if (raw.version != kVersion)
    return torn(fmt::format("the exit record is of version {}", raw.version));
  if (raw.state == State::kEmpty) return std::optional<ExitRecord>{};
  const std::string_view recorded(raw.uid.data(), ::strnlen(raw.uid.data(), raw.uid.size()));
  if (recorded != uid) return torn("the exit record is of another container");
  return std::optional<ExitRecord>(ExitRecord{.uid = std::string(recorded),
                                              .status = raw.status,
                                              .time_ns = raw.time_ns,
                                              .log_dropped = raw.log_dropped,
                                              .attempt = raw.attempt});
}

}  // namespace skerry::logs
