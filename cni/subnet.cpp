#include "cni/subnet.h"

#include <algorithm>

#include <fmt/format.h>

namespace skerry::cni {
namespace {

const HostPrefix* find_collision(const IpPrefix& subnet,
                                 const SubnetWish& wish,
                                 const std::vector<HostPrefix>& taken) {
  const auto found = std::ranges::find_if(taken, [&](const HostPrefix& each) {
    const bool is_own = !wish.own_interface.empty() && each.interface == wish.own_interface;
    return !is_own && each.prefix.overlaps(subnet);
  });
  return found == taken.end() ? nullptr : &*found;
}

/// The first free subnet of one range.
std::optional<IpPrefix> choose_in(const IpPrefix& range,
                                  const SubnetWish& wish,
                                  const std::vector<HostPrefix>& taken) {
  if (range.length > wish.length) return std::nullopt;
  // In 64 bits, so that a range at the end of the address space does not wrap.
  std::uint64_t next = range.network().address.v4_number();
  const std::uint64_t end = next + (1ULL << (32 - range.length));
  const std::uint64_t size = 1ULL << (32 - wish.length);
  while (next + size <= end) {
    const IpPrefix subnet{IpAddress::v4(static_cast<std::uint32_t>(next)), wish.length};
    const HostPrefix* collision = find_collision(subnet, wish, taken);
    if (collision == nullptr) return subnet;
    // Over the whole of what is in the way: a host with a /8 is not walked in steps of a /29.
    const std::uint64_t blocked_end =
        std::uint64_t{collision->prefix.network().address.v4_number()} +
        (1ULL << (32 - collision->prefix.length));
    next = std::max(next + size, (blocked_end + size - 1) / size * size);
  }
  return std::nullopt;
}

Result<> check_wish(const SubnetWish& wish) {
  const bool has_v6 = std::ranges::any_of(
      wish.candidates, [](const IpPrefix& range) { return range.address.is_v6; });
  if (has_v6) return Error(Code::kInvalidArgument, "subnet candidates are IPv4");
  if (wish.length < 8 || wish.length > 29)
    return Error(Code::kInvalidArgument, fmt::format("subnet length {} is not 8-29", wish.length));
  return {};
}

}  // namespace

std::vector<IpPrefix> default_subnet_candidates() {
  return {{IpAddress::v4(0x0a580000), 14},
          {IpAddress::v4(0xac180000), 14},
          {IpAddress::v4(0xc0a88000), 17}};
}

Result<IpPrefix> choose_subnet(const SubnetWish& wish, const std::vector<HostPrefix>& taken) {
  TRY(check_wish(wish));
  if (wish.previous && find_collision(*wish.previous, wish, taken) == nullptr)
    return *wish.previous;
  for (const IpPrefix& range : wish.candidates) {
    if (const auto subnet = choose_in(range, wish, taken)) return *subnet;
  }
  std::string ranges;
  for (const IpPrefix& range : wish.candidates) ranges += " " + range.str();
  return Error(Code::kResourceExhausted,
               fmt::format("no free /{} in{}", wish.length, ranges.empty() ? " nothing" : ranges))
      .with_reason("NO_SUBNET_LEFT");
}

}  // namespace skerry::cni
