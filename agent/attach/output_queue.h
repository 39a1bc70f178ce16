// Output on its way to one client: bounded, and honest about what did not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::agent {

enum class OutputSource : std::uint8_t { kStdout, kStderr, kEither };

/// What a client is to get next: bytes, or the number of bytes it will not get.
struct OutputPiece {
  OutputSource source = OutputSource::kStdout;
  std::string bytes;
  std::uint64_t missed = 0;  ///< 0: `bytes` it is
  bool operator==(const OutputPiece&) const = default;
};

/// Thread: reactor.
class OutputQueue final {
 public:
  enum class WhenFull : std::uint8_t {
    kDropNewest,  ///< the client misses what does not fit, at the end of what waits for it
    kDropOldest,  ///< it misses what has waited longest
    kTakesAll,    ///< nothing: who fills it stops when it is full
  };
  /// Units: bytes of output.
  OutputQueue(std::size_t limit, WhenFull when_full) : limit_(limit), when_full_(when_full) {}

  void push(OutputSource source, std::string bytes);
  /// Bytes that were lost before they came here.
  void push_missed(OutputSource source, std::uint64_t bytes);
  /// The next piece; neighbours of one stream come as one, of at most kMaxPiece bytes.
  std::optional<OutputPiece> take();

  bool empty() const { return pieces_.empty(); }
  bool full() const { return bytes_ >= limit_; }
  /// Bytes dropped here, ever.
  std::uint64_t dropped() const { return dropped_; }

  static constexpr std::size_t kMaxPiece = 64UL * 1024;

 private:
  void drop_oldest();

  std::size_t limit_;
  WhenFull when_full_;
  std::deque<OutputPiece> pieces_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace skerry::agent
