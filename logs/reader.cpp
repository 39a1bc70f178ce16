#include "logs/reader.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace skerry::logs {
namespace {

constexpr std::size_t kBlockBytes = 64UL * 1024;
static_assert(kBlockBytes > kMaxEntryBytes);

}  // namespace

std::string LogCursor::str() const {
  return fmt::format("{:x}.{:x}.{:x}", file.inode, file.first_ns, offset);
}

Result<LogCursor> LogCursor::parse(std::string_view text) {
  constexpr int kHex = 16;
  std::array<std::uint64_t, 3> fields{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const bool separated = i == 0 || (at != end && *at++ == '.');
    const auto [next, error] = std::from_chars(at, end, fields.at(i), kHex);
    if (!separated || error != std::errc{}) at = nullptr;
    if (at == nullptr) break;
    at = next;
  }
  if (at != end || text.empty()) {
    return Error(Code::kInvalidArgument, "the log cursor is not one of ours")
        .with_reason("CURSOR_INVALID");
  }
  return LogCursor{.file = {.inode = fields[0], .first_ns = fields[1]}, .offset = fields[2]};
}

LogReader LogReader::open(Options options) {
  LogReader reader(std::move(options));
  reader.find_start();
  return reader;
}

void LogReader::find_start() {
  auto files = open_log_files(options_.directory.get(), options_.name, options_.max_files);
  if (options_.after) {
    const auto found = std::ranges::find_if(files, [this](const LogFile& file) {
      return file.id == options_.after->file && size_of(file) >= options_.after->offset;
    });
    if (found != files.end()) return begin_file(std::move(*found), options_.after->offset);
    gap_ = true;
  }
  if (files.empty()) return;
  if (options_.tail && !options_.after) {
    const auto start = find_tail(files, *options_.tail, options_.streams);
    return begin_file(std::move(files[start.file]), start.offset);
  }
  begin_file(std::move(files.back()), 0);
}

void LogReader::begin_file(std::optional<LogFile> file, std::uint64_t offset) {
  file_ = std::move(file);
  offset_ = offset;
  buffer_.clear();
  taken_ = 0;
  in_garbage_ = false;
  rotated_ = false;
}

// The file after the current one, absent while there is none.
std::optional<LogFile> LogReader::newer_file() {
  const int dir = options_.directory.get();
  if (file_ && is_newest(dir, options_.name, *file_)) return std::nullopt;
  auto files = open_log_files(dir, options_.name, options_.max_files);
  if (files.empty()) return std::nullopt;
  if (!file_) return std::move(files.back());
  // The current file is open, so its inode number is its own.
  const auto current = std::ranges::find_if(
      files, [this](const LogFile& file) { return file.id.inode == file_->id.inode; });
  if (current == files.begin()) return std::nullopt;
  if (current == files.end()) gap_ = true;
  return std::move(*std::prev(current));
}

// Reads on behind the buffer. False at the end of the file.
Result<bool> LogReader::fill() {
  buffer_.erase(0, std::exchange(taken_, 0));
  const std::size_t before = buffer_.size();
  if (before >= kBlockBytes) {
    // No newline in a block: no entry of ours is that long.
    skipped_ += before;
    offset_ += before;
    buffer_.clear();
    in_garbage_ = true;
    return fill();
  }
  buffer_.resize(kBlockBytes);
  const ssize_t got = ::pread(file_->fd.get(),
                              buffer_.data() + before,
                              kBlockBytes - before,
                              static_cast<off_t>(offset_ + before));
  const int sys_errno = errno;
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return Error::from_errno(sys_errno, "read log");
  return got > 0;
}

std::optional<std::string_view> LogReader::take_line() {
  for (;;) {
    const auto rest = std::string_view(buffer_).substr(taken_);
    const auto newline = rest.find('\n');
    if (newline == std::string_view::npos) return std::nullopt;
    taken_ += newline + 1;
    offset_ += newline + 1;
    if (!std::exchange(in_garbage_, false)) return rest.substr(0, newline);
    skipped_ += newline + 1;
  }
}

// What follows the last newline of a file that is never written again: torn by a crash.
std::string_view LogReader::take_rest() {
  const auto rest = std::string_view(buffer_).substr(taken_);
  taken_ += rest.size();
  offset_ += rest.size();
  return rest;
}

std::optional<LogEntry> LogReader::to_entry(std::string_view line) {
  const auto header = parse_header(line);
  if (!header || line.size() > kHeaderBytes + kMaxLineBytes) {
    skipped_ += line.size() + 1;
    return std::nullopt;
  }
  if (!matches(options_.streams, header->stream)) return std::nullopt;
  // Opened while it was empty.
  if (file_->id.first_ns == 0) file_->id.first_ns = first_time(*file_);
  if (options_.since && header->time < *options_.since) return std::nullopt;
  return LogEntry{.header = *header,
                  .text = std::string(line.substr(kHeaderBytes)),
                  .next = {.file = file_->id, .offset = offset_},
                  .gap = std::exchange(gap_, false)};
}

// False when there is more to read, in this file or in the next.
bool LogReader::at_end() {
  auto newer = newer_file();
  if (!newer) return true;
  if (file_ && !std::exchange(rotated_, true)) {
    // It may have grown between our last read and the rename; after the rename it cannot.
    return false;
  }
  begin_file(std::move(newer), 0);
  return false;
}

bool LogReader::reached_until() {
  if (!options_.until || !file_) return false;
  // Opened while it was empty.
  if (file_->id.first_ns == 0) file_->id.first_ns = first_time(*file_);
  if (file_->id.first_ns == 0) return false;
  return LogPosition{.file_ns = file_->id.first_ns, .offset = offset_} >= *options_.until;
}

Result<std::optional<LogEntry>> LogReader::next() {
  for (;;) {
    if (reached_until()) return std::optional<LogEntry>{};
    if (file_) {
      while (const auto line = take_line()) {
        if (auto entry = to_entry(*line)) return entry;
        if (reached_until()) return std::optional<LogEntry>{};
      }
      TRY_ASSIGN(const bool more, fill());
      if (more) continue;
      // Before the log is called ended, so that no change after this look goes unnoticed.
      if (drain_watch()) continue;
      if (rotated_ && taken_ < buffer_.size() && !in_garbage_) {
        if (auto entry = to_entry(take_rest())) return entry;
      }
    }
    if (at_end()) return std::optional<LogEntry>{};
  }
}

Result<int> LogReader::wait_descriptor() {
  if (watch_) return watch_.get();
  UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!watch) return Error::from_errno(errno, "watch log");
  const auto path = fmt::format("/proc/self/fd/{}", options_.directory.get());
  if (::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
    return Error::from_errno(errno, "watch log");
  watch_ = std::move(watch);
  return watch_.get();
}

// Whether there was anything.
bool LogReader::drain_watch() const {
  if (!watch_) return false;
  alignas(inotify_event) std::array<char, 4096> events{};
  bool drained = false;
  while (::read(watch_.get(), events.data(), events.size()) > 0) drained = true;
  return drained;
}

}  // namespace skerry::logs
