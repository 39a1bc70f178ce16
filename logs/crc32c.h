// CRC-32C (Castagnoli), as iSCSI and ext4 use it: tells a torn record from a whole one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::logs {

/// Bit by bit: the records it guards are shorter than the table another way would keep in memory.
constexpr std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78U;
  constexpr int kBitsPerByte = 8;
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < kBitsPerByte; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
  }
  return ~crc;
}

}  // namespace skerry::logs
