// IP addresses and prefixes as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::cni {

/// An IPv4 or IPv6 address; IPv4 is in the first four bytes.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes = {};
  bool is_v6 = false;

  /// Absent for what inet_pton(3) does not take.
  static std::optional<IpAddress> parse(std::string_view text);
  /// Of a number in host order.
  static IpAddress v4(std::uint32_t number);

  std::string str() const;
  /// IPv4 only: in host order.
  std::uint32_t v4_number() const;
  unsigned bits() const { return is_v6 ? 128 : 32; }
  auto operator<=>(const IpAddress&) const = default;
};

/// "10.88.0.1/20": an address with the length of its network part. The bits behind it may be set,
/// as in an interface's address.
struct IpPrefix {
  IpAddress address;
  unsigned length = 0;

  static std::optional<IpPrefix> parse(std::string_view text);
  std::string str() const;
  /// The same with the bits behind the network part cleared.
  IpPrefix network() const;
  /// One of the two contains the other. False between IPv4 and IPv6.
  bool overlaps(const IpPrefix& other) const;
  auto operator<=>(const IpPrefix&) const = default;
};

}  // namespace skerry::cni
