#include "agent/store/checksum.h"

#include <array>

namespace skerry::store {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr unsigned kBitsPerByte = 8;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (unsigned bit = 0; bit < kBitsPerByte; ++bit) {
      value = (value & 1U) != 0 ? (value >> 1U) ^ kPolynomial : value >> 1U;
    }
    table[byte] = value;  // NOLINT: the index is below the size
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace

std::uint32_t crc32c(std::string_view data, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  for (const char c : data) {
    crc = kTable.at((crc ^ static_cast<unsigned char>(c)) & 0xFFU) ^ (crc >> kBitsPerByte);
  }
  return ~crc;
}

}  // namespace skerry::store
