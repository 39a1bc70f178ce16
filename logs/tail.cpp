#include "logs/tail.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::logs {
namespace {

constexpr std::uint64_t kBlockBytes = 64UL * 1024;

// Walks the entries of one file from the last to the first.
class BackwardScan final {
 public:
  explicit BackwardScan(const LogFile& file) : fd_(file.fd.get()), block_start_(size_of(file)) {}

  struct Entry {
    std::uint64_t end = 0;  ///< Offset after its newline.
    std::optional<EntryHeader> header;
  };

  // Absent at the beginning of the file. What follows the last newline is no entry yet.
  std::optional<Entry> previous() {
    if (!end_) end_ = take_newline();
    if (!end_) return std::nullopt;
    const auto before = take_newline();
    const std::uint64_t start = before.value_or(0);
    const std::uint64_t end = *end_;
    end_ = before;
    return Entry{.end = end, .header = header_at(start)};
  }

 private:
  // Offset after the next newline to the left.
  std::optional<std::uint64_t> take_newline() {
    for (;;) {
      const auto found = std::string_view(block_).substr(0, left_).rfind('\n');
      if (found != std::string_view::npos) {
        left_ = found;
        return block_start_ + found + 1;
      }
      if (!load_previous_block()) return std::nullopt;
    }
  }

  bool load_previous_block() {
    if (block_start_ == 0) return false;
    const auto size = std::min(block_start_, kBlockBytes);
    block_.resize(size);
    const ssize_t got = ::pread(fd_, block_.data(), size, static_cast<off_t>(block_start_ - size));
    // Shorter than it was a moment ago: somebody cut the file; there is nothing to walk back from.
    if (got != static_cast<ssize_t>(size)) return false;
    block_start_ -= size;
    left_ = size;
    return true;
  }

  std::optional<EntryHeader> header_at(std::uint64_t offset) const {
    if (offset >= block_start_ && offset + kHeaderBytes <= block_start_ + block_.size())
      return parse_header(std::string_view(block_).substr(offset - block_start_));
    std::array<char, kHeaderBytes> bytes{};
    const ssize_t got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(bytes.size())) return std::nullopt;
    return parse_header({bytes.data(), bytes.size()});
  }

  int fd_;
  std::uint64_t block_start_;
  std::string block_;
  std::size_t left_ = 0;  ///< Bytes of the block that are not walked yet.
  std::optional<std::uint64_t> end_;
};

std::uint64_t end_of_entries(const LogFile& file) {
  BackwardScan scan(file);
  const auto last = scan.previous();
  return last ? last->end : 0;
}

}  // namespace

TailStart find_tail(std::span<const LogFile> files, std::uint64_t lines, StreamFilter filter) {
  if (lines == 0) return {.file = 0, .offset = end_of_entries(files[0])};
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    BackwardScan scan(files[i]);
    while (const auto entry = scan.previous()) {
      if (!entry->header || !matches(filter, entry->header->stream)) continue;
      // The last entry ends a line whatever its tag; from there on only whole ones do.
      if (entry->header->partial && found > 0) continue;
      if (found == lines) return {.file = i, .offset = entry->end};
      ++found;
    }
  }
  return {.file = files.size() - 1, .offset = 0};
}

}  // namespace skerry::logs
