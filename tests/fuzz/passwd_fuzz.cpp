// /etc/passwd and /etc/group of an image. The input is "user NUL passwd NUL group".
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "isolators/process/user_database.h"

namespace {

std::string_view take(std::string_view& rest) {
  const auto end = rest.find('\0');
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto user = take(rest);
  const auto passwd = take(rest);
  const auto resolved = skerry::isolators::resolve_user(user, {}, passwd, rest);
  if (resolved) {
    CHECK(resolved->home.starts_with('/'));
    CHECK(resolved->home.find('\0') == std::string::npos);
    CHECK(!resolved->groups.empty());
    CHECK(resolved->uid != 0xffffffffU && resolved->gid != 0xffffffffU);
  }
  return 0;
}
