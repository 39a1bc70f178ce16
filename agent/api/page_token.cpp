#include "agent/api/page_token.h"

#include <charconv>

namespace skerry::agent {

Result<std::uint64_t> parse_page_token(const std::string& token) {
  if (token.empty()) return 0;
  std::uint64_t ordinal = 0;
  const char* end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, ordinal);
  if (parsed.ec == std::errc() && parsed.ptr == end) return ordinal;
  return Error(Code::kInvalidArgument, "page_token: not one of ours").with_reason("PAGE_TOKEN");
}

}  // namespace skerry::agent
