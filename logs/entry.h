// One entry of a container's log, in the CRI format that log collectors know:
//
//   2026-11-21T11:48:34.123456789Z stdout F the line
//
// F ends a line; P is a piece of one that goes on in the next entry of the same stream: because it
// is longer than kMaxLineBytes, or because the container wrote it in pieces.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace skerry::logs {

enum class Stream : std::uint8_t { kStdout, kStderr };

/// Time, stream and tag with the space after it; the same for every entry we write.
constexpr std::size_t kHeaderBytes = 40;
/// The most text in one entry, its newline not counted.
constexpr std::size_t kMaxLineBytes = 16UL * 1024;
constexpr std::size_t kMaxEntryBytes = kHeaderBytes + kMaxLineBytes + 1;

struct EntryHeader {
  WallTime time;
  Stream stream = Stream::kStdout;
  bool partial = false;
  bool operator==(const EntryHeader&) const = default;
};

/// A place in a log by which writer and readers mean the same. Files are told apart, and ordered,
/// by the time of their first entry.
struct LogPosition {
  std::uint64_t file_ns = 0;  ///< CLOCK_REALTIME
  std::uint64_t offset = 0;
  auto operator<=>(const LogPosition&) const = default;
};

/// Writes exactly kHeaderBytes. Years 0–9999.
void format_header(const EntryHeader& header, char* out);

/// Absent for what does not start with a header of that form. Thread: any.
std::optional<EntryHeader> parse_header(std::string_view entry);

/// The first piece of `data` as one entry takes it.
struct Piece {
  std::size_t text = 0;   ///< Bytes of text.
  std::size_t taken = 0;  ///< Bytes of data: the text, and its newline if it has one.
  bool partial = false;
};
/// `data` is not empty.
Piece first_piece(std::string_view data);

}  // namespace skerry::logs
