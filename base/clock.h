// Time, injected: the product asks a Clock, tests set one.
#pragma once

#include <chrono>

namespace skerry {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Thread: any.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  /// Time that never jumps; for deadlines and durations.
  virtual SteadyTime steady() const = 0;
  /// Time of day in UTC; for what people read. May jump.
  virtual WallTime wall() const = 0;
};

/// The kernel's clocks.
class SystemClock final : public Clock {
 public:
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace skerry
