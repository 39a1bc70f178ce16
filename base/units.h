// Quantities with their unit in the type.
#pragma once

#include <compare>
#include <cstdint>

namespace skerry {

/// A quantity whose unit is its tag. Arithmetic stays within one unit.
template <class Tag>
class Quantity final {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator+(Quantity other) const { return Quantity(value_ + other.value_); }

 private:
  std::uint64_t value_ = 0;
};

/// Bytes of memory or disk.
using Bytes = Quantity<struct BytesTag>;
/// Thousandths of one processor: 500 is half a CPU.
using MilliCpu = Quantity<struct MilliCpuTag>;

constexpr Bytes kMebibyte{1024ULL * 1024};

}  // namespace skerry
