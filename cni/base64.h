// Base64 with padding (RFC 4648, section 4), as Go's JSON writes bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skerry::cni {

std::string base64_encode(std::string_view bytes);
/// Absent for what is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace skerry::cni
