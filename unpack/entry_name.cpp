#include "unpack/entry_name.h"

#include <limits.h>

#include <algorithm>

#include <fmt/format.h>

namespace skerry::unpack {
namespace {

constexpr std::size_t kMaxPrintable = 256;

Error invalid(std::string_view reason, std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(reason);
}

}  // namespace

std::string EntryName::path() const { return parent.empty() ? name : parent + "/" + name; }

std::string printable_name(std::string_view raw) {
  std::string out(raw.substr(0, kMaxPrintable));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (raw.size() > kMaxPrintable) out += "…";
  return out;
}

Result<EntryName> parse_entry_name(std::string_view raw) {
  EntryName out;
  std::size_t at = 0;
  while (at < raw.size()) {
    const std::size_t slash = std::min(raw.find('/', at), raw.size());
    const std::string_view component = raw.substr(at, slash - at);
    at = slash + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..")
      return invalid("ENTRY_ESCAPES", "a name with a \"..\" component is refused");
    if (component.size() > NAME_MAX) {
      return invalid("ENTRY_NAME_INVALID",
                     fmt::format("a component of {} bytes is over {}", component.size(), NAME_MAX));
    }
    if (!out.name.empty()) {
      if (!out.parent.empty()) out.parent += '/';
      out.parent += out.name;
    }
    out.name = component;
    if (out.parent.size() + out.name.size() + 2 > PATH_MAX)
      return invalid("ENTRY_NAME_INVALID", fmt::format("a path over {} bytes", PATH_MAX - 1));
  }
  return out;
}

}  // namespace skerry::unpack
