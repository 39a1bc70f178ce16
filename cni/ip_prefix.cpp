#include "cni/ip_prefix.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace skerry::cni {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton reads to a NUL: one inside would hide what follows.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string copy(text);
  IpAddress out;
  if (::inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) return out;
  out.is_v6 = true;
  if (::inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

IpAddress IpAddress::v4(std::uint32_t number) {
  IpAddress out;
  for (unsigned i = 0; i < 4; ++i)
    out.bytes[i] = static_cast<std::uint8_t>((number >> (24U - 8U * i)) & 0xffU);
  return out;
}

std::string IpAddress::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return text.data();
}

std::uint32_t IpAddress::v4_number() const {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i) number = (number << 8U) | bytes[i];
  return number;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!address || problem != std::errc() || end != digits.data() + digits.size() ||
      length > address->bits())
    return std::nullopt;
  return IpPrefix{.address = *address, .length = length};
}

std::string IpPrefix::str() const { return fmt::format("{}/{}", address.str(), length); }

IpPrefix IpPrefix::network() const {
  IpPrefix out = *this;
  for (unsigned bit = length; bit < 128; ++bit)
    out.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  return out;
}

bool IpPrefix::overlaps(const IpPrefix& other) const {
  if (address.is_v6 != other.address.is_v6) return false;
  const unsigned shorter = std::min(length, other.length);
  return IpPrefix{address, shorter}.network() == IpPrefix{other.address, shorter}.network();
}

}  // namespace skerry::cni
