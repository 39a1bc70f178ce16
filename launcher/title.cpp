#include "launcher/title.h"

#include <sys/prctl.h>

#include <algorithm>

namespace skerry::launcher {

void set_title(std::span<char> area, const std::string& name, const std::string& uid) {
  ::prctl(PR_SET_NAME, name.c_str());
  if (area.empty()) return;
  std::ranges::fill(area, '\0');
  const auto title = name + " " + uid;
  std::copy_n(title.begin(), std::min(title.size(), area.size() - 1), area.begin());
}

}  // namespace skerry::launcher
