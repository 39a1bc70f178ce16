// CRC-32C, the checksum of records: finds what a bad disk or cable changed, not what a person did.
#pragma once

#include <cstdint>
#include <string_view>

namespace skerry::store {

/// CRC-32C (Castagnoli, reflected) of `data`, continued from `seed`, the value for what came
/// before.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0);

}  // namespace skerry::store
