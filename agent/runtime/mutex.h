// A mutex that clang can reason about: -Wthread-safety checks what is declared GUARDED_BY.
#pragma once

#include <condition_variable>
#include <mutex>

#include <absl/base/thread_annotations.h>

#ifdef __clang__
#define SKERRY_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SKERRY_THREAD_ATTRIBUTE(x)
#endif

// Abseil, which gRPC's headers bring along, has the same words with the same meaning: included
// above, so that it does not define them again after us.
#undef CAPABILITY
#undef SCOPED_CAPABILITY
#undef GUARDED_BY
#undef REQUIRES
#undef ACQUIRE
#undef RELEASE
#undef NO_THREAD_SAFETY_ANALYSIS
#define CAPABILITY(name) SKERRY_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY SKERRY_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(mutex) SKERRY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(mutex) SKERRY_THREAD_ATTRIBUTE(requires_capability(mutex))
#define ACQUIRE(...) SKERRY_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SKERRY_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS SKERRY_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace skerry::runtime {

/// std::mutex with a name for the thread-safety analysis. Hold it for moves of values only: no
/// system call, no callback, no allocation of unknown size under it.
class CAPABILITY("mutex") Mutex final {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class SCOPED_CAPABILITY MutexLock final {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() RELEASE() { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

/// Waits for a condition that a Mutex guards.
class Condition final {
 public:
  /// Gives the mutex up, waits, takes it again. Wakes spuriously: call it in a loop.
  /// Blocks: until notified.
  void wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS { condition_.wait(mutex); }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace skerry::runtime
