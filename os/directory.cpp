#include "os/directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "os/path.h"

namespace skerry::os {
namespace {

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<std::vector<std::string>> list_directory(int dir, std::size_t max) {
  // A descriptor of its own: fdopendir takes it over, and its offset with it.
  TRY_ASSIGN(UniqueFd again, open_beneath(dir, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, DirCloser> stream(::fdopendir(again.get()));
  if (stream == nullptr) return Error::from_errno(errno, "list directory");
  static_cast<void>(again.release());
  std::vector<std::string> out;
  for (;;) {
    errno = 0;
    // readdir(3) is safe on a stream of one's own.
    const dirent* found = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe)
    if (found == nullptr) break;
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == max) {
      return Error(Code::kResourceExhausted, fmt::format("more than {} entries", max));
    }
    out.emplace_back(name);
  }
  if (errno != 0) return Error::from_errno(errno, "list directory");
  std::ranges::sort(out);
  return out;
}

}  // namespace skerry::os
