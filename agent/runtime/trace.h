// Trace: what the daemon says about itself, one line per fact, as key=value on stderr. The output
// of containers is a log and goes elsewhere (logs/).
//
//   2026-11-21T11:40:55.123Z info  container running container=4f… step=start ms=6.1
//   <6>container running container=4f… step=start ms=6.1          under journald (sd-daemon(3))
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skerry::runtime {

enum class TraceLevel : std::uint8_t { kDebug, kInfo, kNotice, kWarning, kError };

/// "debug", "info", "notice", "warning", "error".
std::string_view trace_level_name(TraceLevel level);
/// Errors: INVALID_ARGUMENT for any other word.
Result<TraceLevel> parse_trace_level(std::string_view name);

enum class TraceFormat : std::uint8_t {
  kPlain,    ///< time and level in words, for a terminal or a file
  kJournal,  ///< "<N>" priority in front, and no time: journald has its own
};

/// kJournal when stderr is the stream that JOURNAL_STREAM names (systemd.exec(5)).
TraceFormat detect_trace_format();

/// One key=value of a line. Values that hold anything but printable characters without space, quote
/// or "=" are quoted and escaped, so that nothing from outside can start a line of its own.
struct TraceField {
  std::string_view key;
  std::string value;
};
using TraceFields = std::vector<TraceField>;

/// Made by the composition root and passed by reference to whoever stands at an operation's
/// boundary. Library code returns errors and does not trace them.
/// Thread: any. Blocks: kernel (a write(2) to stderr).
class Trace final {
 public:
  /// `out` is borrowed and outlives the Trace; it gets one write per line.
  explicit Trace(TraceLevel level,
                 TraceFormat format = detect_trace_format(),
                 std::FILE* out = stderr);
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace();

  bool enabled(TraceLevel level) const;
  void debug(std::string_view message, const TraceFields& fields = {});
  void info(std::string_view message, const TraceFields& fields = {});
  void notice(std::string_view message, const TraceFields& fields = {});
  void warning(std::string_view message, const TraceFields& fields = {});
  /// An error, once, where the operation ends: code, reason, step, object, errno and the place in
  /// the source come from the Error.
  void error(std::string_view message, const Error& error, TraceFields fields = {});

 private:
  struct Sink;
  void line(TraceLevel level, std::string_view message, const TraceFields& fields);
  std::unique_ptr<Sink> sink_;
};

}  // namespace skerry::runtime
