// Pages of a list: the token is the ordinal of the last object given, so that a page goes on behind
// it, whatever came or went meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace skerry::agent {

/// 0 for an empty one. Errors: INVALID_ARGUMENT, reason PAGE_TOKEN.
Result<std::uint64_t> parse_page_token(const std::string& token);

}  // namespace skerry::agent
