#include "cni/spec_version.h"

#include <array>
#include <cstddef>

namespace skerry::cni {
namespace {

constexpr std::array<std::string_view, 7> kTexts = {
    "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

}  // namespace

std::optional<SpecVersion> parse_version(std::string_view text) {
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (kTexts[i] == text) return static_cast<SpecVersion>(i);
  }
  return std::nullopt;
}

std::string_view version_text(SpecVersion version) {
  return kTexts[static_cast<std::size_t>(version)];
}

}  // namespace skerry::cni
