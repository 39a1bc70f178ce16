#include "cni/directory.h"

#include "os/directory.h"

namespace skerry::cni {

Result<std::vector<std::string>> list_names(int dir, std::size_t max) {
  TRY_ASSIGN(auto names, os::list_directory(dir, max));
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

}  // namespace skerry::cni
