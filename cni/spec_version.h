// Versions of the CNI specification, and what each has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::cni {

/// In rising order.
enum class SpecVersion : std::uint8_t { k010, k020, k030, k031, k040, k100, k110 };

/// "0.3.1" and its like; absent for a version nobody released.
std::optional<SpecVersion> parse_version(std::string_view text);
std::string_view version_text(SpecVersion version);

/// CHECK, and the previous result on DEL, came with 0.4.0; chains with 0.3.0.
constexpr bool has_check(SpecVersion version) { return version >= SpecVersion::k040; }
constexpr bool has_result_on_del(SpecVersion version) { return version >= SpecVersion::k040; }
constexpr bool has_chains(SpecVersion version) { return version >= SpecVersion::k030; }

}  // namespace skerry::cni
