#include "agent/recovery/directory_names.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace skerry::agent {

std::vector<std::string> directory_names(int dir) {
  // A descriptor of its own: fdopendir takes it over, and its offset with it.
  const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  std::vector<std::string> names;
  if (!stream) return names;
  // readdir is safe on a stream of one's own, readdir(3).
  while (const dirent* entry = ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace skerry::agent
