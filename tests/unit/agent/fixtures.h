// What the tests of agent_core share: a clock that moves when told to, a trace that is kept, and a
// directory that goes away.
#pragma once

#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "agent/runtime/reactor.h"
#include "agent/runtime/trace.h"
#include "base/check.h"
#include "base/clock.h"

namespace skerry::tests {

/// Thread: any.
class ManualClock final : public Clock {
 public:
  SteadyTime steady() const override { return SteadyTime(std::chrono::hours(1) + passed()); }
  WallTime wall() const override { return WallTime(std::chrono::seconds(kStart)) + passed(); }
  void advance(std::chrono::nanoseconds by) { passed_ += by.count(); }

 private:
  static constexpr std::int64_t kStart = 1'760'000'000;
  std::chrono::nanoseconds passed() const { return std::chrono::nanoseconds(passed_.load()); }
  std::atomic<std::int64_t> passed_ = 0;
};

/// A trace into memory.
class KeptTrace final {
 public:
  explicit KeptTrace(runtime::TraceLevel level = runtime::TraceLevel::kDebug,
                     runtime::TraceFormat format = runtime::TraceFormat::kPlain)
      : file_(::open_memstream(&text_, &size_)), trace_(level, format, file_) {}
  KeptTrace(const KeptTrace&) = delete;
  KeptTrace& operator=(const KeptTrace&) = delete;
  ~KeptTrace() {
    std::fclose(file_);
    std::free(text_);  // NOLINT: open_memstream(3) gives it by malloc
  }
  runtime::Trace& get() { return trace_; }
  /// After the threads that trace have ended.
  std::string text() const { return {text_, size_}; }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
  runtime::Trace trace_;
};

class TempDir final {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "skerry-test-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);  // NOLINT: our own files only
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A reactor turned by the test, with a clock of the test.
struct Turning {
  ManualClock clock;
  KeptTrace trace;
  std::unique_ptr<runtime::Reactor> reactor = *runtime::Reactor::create(clock, trace.get());

  /// Turns until `done`; gives up after 100 s of real time: a loaded disk syncs slowly.
  template <class Predicate>
  bool turn_until(Predicate done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      reactor->turn();
      std::this_thread::yield();
    }
    return true;
  }
};

}  // namespace skerry::tests
