// What long work says meanwhile: one line on stderr, rewritten in place, gone at the end. Nothing
// at all unless stderr is a terminal.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "cli/client.h"

namespace skerry::cli {

/// One line of a terminal. Thread: one.
class StatusLine final {
 public:
  StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  /// Takes the line away.
  ~StatusLine();

  bool is_shown() const { return terminal_; }
  void set(std::string_view text);

 private:
  bool terminal_;
  bool dirty_ = false;
};

/// "12.4MiB sent, 103MiB a second". Thread: one.
class ByteProgress final {
 public:
  explicit ByteProgress(std::string verb);
  void add(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;
  std::string verb_;
  StatusLine line_;
  Clock::time_point start_;
  Clock::time_point shown_;
  std::uint64_t bytes_ = 0;
};

/// Shows the step a daemon's operation is in, for as long as this lives and after a second. Its own
/// thread asks the daemon; the calls of others are not held up.
class StepProgress final {
 public:
  /// `find_uid` gives the uid of the object, empty while there is none; it is called on the
  /// progress's own thread.
  StepProgress(const Client& client, std::function<std::string()> find_uid);
  StepProgress(const StepProgress&) = delete;
  StepProgress& operator=(const StepProgress&) = delete;
  ~StepProgress();

 private:
  void loop();
  bool wait(std::chrono::milliseconds time);

  const Client& client_;
  std::function<std::string()> find_uid_;
  StatusLine line_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

/// The uid of a container, for StepProgress; empty when there is none.
std::string uid_of(const Client& client, const v1::ContainerRef& container);

}  // namespace skerry::cli
