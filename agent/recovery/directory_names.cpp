#include "agent/recovery/directory_names.h"

#include "os/directory.h"

namespace skerry::agent {

std::vector<std::string> directory_names(int dir) {
  return os::list_directory(dir).value_or(std::vector<std::string>());
}

}  // namespace skerry::agent
