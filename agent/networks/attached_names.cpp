#include "agent/networks/attached_names.h"

#include "cni/directory.h"

namespace skerry::agent {
namespace {

constexpr std::size_t kUidDigits = 32;
constexpr std::size_t kMaxEntries = 1UL << 20U;

}  // namespace

std::optional<AttachedName> parse_attached_name(std::string_view name) {
  for (std::size_t dash = name.rfind('-'); dash != std::string_view::npos && dash > kUidDigits;
       dash = name.rfind('-', dash - 1)) {
    const std::size_t begin = dash - kUidDigits;
    if (begin < 2 || name[begin - 1] != '-' || dash + 1 == name.size()) continue;
    auto uid = Uid::parse(name.substr(begin, kUidDigits));
    if (!uid) continue;
    return AttachedName{.network = std::string(name.substr(0, begin - 1)),
                        .uid = std::move(*uid),
                        .interface = std::string(name.substr(dash + 1))};
  }
  return std::nullopt;
}

Result<std::vector<AttachedName>> list_attached(int cache_dir) {
  TRY_ASSIGN(const auto names, cni::list_names(cache_dir, kMaxEntries));
  std::vector<AttachedName> out;
  for (const std::string& name : names) {
    if (auto attached = parse_attached_name(name)) out.push_back(std::move(*attached));
  }
  return out;
}

}  // namespace skerry::agent
