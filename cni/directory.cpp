#include "cni/directory.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "os/path.h"

namespace skerry::cni {
namespace {

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<std::vector<std::string>> list_names(int dir, std::size_t max) {
  TRY_ASSIGN(UniqueFd again, os::open_dir_at(dir, "."));
  const std::unique_ptr<DIR, DirCloser> stream(::fdopendir(again.get()));
  if (stream == nullptr) return Error::from_errno(errno, "list directory");
  static_cast<void>(again.release());
  std::vector<std::string> out;
  while (true) {
    errno = 0;
    // Each DIR is used by one thread only.
    const dirent* found = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe)
    if (found == nullptr) break;
    if (found->d_name[0] == '.') continue;
    if (out.size() == max)
      return Error(Code::kResourceExhausted, fmt::format("more than {} files", max));
    out.emplace_back(found->d_name);
  }
  if (errno != 0) return Error::from_errno(errno, "list directory");
  std::ranges::sort(out);
  return out;
}

}  // namespace skerry::cni
