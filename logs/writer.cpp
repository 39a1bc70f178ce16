#include "logs/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace skerry::logs {
namespace {

constexpr mode_t kFileMode = 0640;

std::uint64_t to_ns(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

bool is_full_disk(int sys_errno) {
  return sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EIO;
}

// The headers of one call: the time is formatted once, not once a line.
struct Headers {
  Headers(Stream stream, WallTime time) {
    format_header({.time = time, .stream = stream, .partial = false}, whole.data());
    format_header({.time = time, .stream = stream, .partial = true}, partial.data());
  }
  std::array<char, kHeaderBytes> whole;
  std::array<char, kHeaderBytes> partial;
};

struct Batch {
  std::size_t bytes = 0;  ///< In the buffer.
  std::size_t taken = 0;  ///< Of the data.
};

// Formats entries of `data` as long as they fit into `out`; the first one always does.
Batch fill(std::string_view data, const Headers& headers, std::span<char> out) {
  Batch batch;
  while (batch.taken < data.size()) {
    const auto rest = data.substr(batch.taken);
    const auto piece = first_piece(rest);
    const std::size_t size = kHeaderBytes + piece.text + 1;
    if (batch.bytes + size > out.size()) break;
    char* entry = out.data() + batch.bytes;
    std::memcpy(entry, piece.partial ? headers.partial.data() : headers.whole.data(), kHeaderBytes);
    std::memcpy(entry + kHeaderBytes, rest.data(), piece.text);
    entry[size - 1] = '\n';
    batch.bytes += size;
    batch.taken += piece.taken;
  }
  return batch;
}

// How much of `data` the first `entries` entries stand for.
std::size_t bytes_of_entries(std::string_view data, std::ptrdiff_t entries) {
  std::size_t taken = 0;
  for (; entries > 0; --entries) taken += first_piece(data.substr(taken)).taken;
  return taken;
}

}  // namespace

Result<LogWriter> LogWriter::open(Options options, const Clock& clock) {
  options.max_files = std::max(options.max_files, 1U);
  LogWriter writer(std::move(options), clock);
  const int sys_errno = writer.open_file();
  if (sys_errno != 0 && !is_full_disk(sys_errno))
    return Error::from_errno(sys_errno, "open log \"" + writer.options_.name + "\"");
  return writer;
}

std::string LogWriter::file_name(std::uint32_t number) const {
  return number == 0 ? options_.name : options_.name + "." + std::to_string(number);
}

// Returns an errno value.
int LogWriter::open_file() {
  UniqueFd file(::openat(options_.directory.get(),
                         options_.name.c_str(),
                         O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                         kFileMode));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EINVAL;
  size_ = static_cast<std::uint64_t>(info.st_size);
  char last = '\n';
  if (size_ > 0 && ::pread(file.get(), &last, 1, info.st_size - 1) < 0) return errno;
  torn_ = last != '\n';
  file_ = std::move(file);
  return 0;
}

std::size_t LogWriter::append(Stream stream, std::string_view data) {
  WallTime time = clock_->wall();
  std::size_t taken = 0;
  while (taken < data.size()) {
    const auto rest = data.substr(taken);
    const std::size_t entry = kHeaderBytes + first_piece(rest).text + 1;
    const std::size_t written = make_ready(entry, time) ? write_batch(stream, rest, time) : 0;
    taken += written;
    if (written > 0) continue;
    if (options_.on_full == OnFull::kBlock) return taken;
    drop(rest);
    return data.size();
  }
  return taken;
}

LogPosition LogWriter::position() {
  if (!file_) static_cast<void>(open_file());
  std::array<char, kHeaderBytes> first{};
  if (file_ && size_ > 0 &&
      ::pread(file_.get(), first.data(), first.size(), 0) == std::ssize(first)) {
    if (const auto header = parse_header({first.data(), first.size()}))
      return {.file_ns = to_ns(header->time), .offset = size_};
  }
  return {.file_ns = to_ns(clock_->wall()), .offset = 0};
}

void LogWriter::drop(std::string_view data) { dropped_ += data.size(); }

// Brings the newest file into a state where an entry of that size may be appended.
bool LogWriter::make_ready(std::size_t next_entry, WallTime& time) {
  if (file_ && size_ > 0 && size_ + next_entry > options_.max_bytes) {
    if (!rotate()) return false;
    time = std::max(clock_->wall(), time + std::chrono::nanoseconds(1));
  }
  if (!file_ && open_file() != 0) return false;
  if (torn_) {
    if (::write(file_.get(), "\n", 1) != 1) return false;
    torn_ = false;
    ++size_;
  }
  return true;
}

// The oldest goes first, so that a reader who opens the files from the newest on may meet one twice
// but misses none. After the newest was renamed there is no file until open_file() makes one; when
// that fails, the next call starts there.
bool LogWriter::rotate() {
  const int dir = options_.directory.get();
  for (std::uint32_t number = options_.max_files - 1; number > 0; --number) {
    const int result =
        ::renameat(dir, file_name(number - 1).c_str(), dir, file_name(number).c_str());
    if (result != 0 && errno != ENOENT) return false;
  }
  if (options_.max_files == 1 && ::unlinkat(dir, file_name(0).c_str(), 0) != 0 && errno != ENOENT)
    return false;
  file_.reset();
  size_ = 0;
  torn_ = false;
  return true;
}

// One write(2) of as many entries as the buffer and the file take. Returns how many bytes of `data`
// are in the log now.
std::size_t LogWriter::write_batch(Stream stream, std::string_view data, WallTime time) {
  const auto buffer = buffer_.get();
  if (buffer.empty()) return 0;
  // An entry that is larger than the whole limit still gets a file of its own.
  const std::uint64_t room = options_.max_bytes > size_ ? options_.max_bytes - size_ : 0;
  const std::size_t first = kHeaderBytes + first_piece(data).text + 1;
  const std::size_t limit = std::clamp<std::uint64_t>(room, first, buffer.size());
  const auto batch = fill(data, Headers(stream, time), buffer.first(limit));

  const ssize_t result = ::write(file_.get(), buffer.data(), batch.bytes);
  const std::size_t written = result > 0 ? static_cast<std::size_t>(result) : 0;
  if (written == batch.bytes) {
    size_ += written;
    return batch.taken;
  }
  // Cut off the torn entry at once: giving back space needs none, and nothing is to remember.
  const std::string_view in_file(buffer.data(), written);
  const auto newline = in_file.rfind('\n');
  const std::size_t whole = newline == std::string_view::npos ? 0 : newline + 1;
  size_ += whole;
  if (whole < written && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
    torn_ = true;
    size_ += written - whole;
  }
  return bytes_of_entries(data, std::ranges::count(in_file.substr(0, whole), '\n'));
}

}  // namespace skerry::logs
