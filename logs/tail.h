// Where the last lines of a log begin, found from its end backward with bounded memory.
#pragma once

#include <cstdint>
#include <span>

#include "logs/entry.h"
#include "logs/log_files.h"

namespace skerry::logs {

/// Whose entries are wanted.
enum class StreamFilter : std::uint8_t { kBoth, kStdout, kStderr };

constexpr bool matches(StreamFilter filter, Stream stream) {
  return filter == StreamFilter::kBoth ||
         (filter == StreamFilter::kStdout) == (stream == Stream::kStdout);
}

struct TailStart {
  std::size_t file = 0;  ///< Index into the files given.
  std::uint64_t offset = 0;
};

/// The place after which `lines` lines of the streams wanted follow, or the beginning where there
/// are fewer. `files` is newest first and not empty. A line in pieces counts once, an unfinished
/// last one too. Blocks: disk.
TailStart find_tail(std::span<const LogFile> files, std::uint64_t lines, StreamFilter filter);

}  // namespace skerry::logs
