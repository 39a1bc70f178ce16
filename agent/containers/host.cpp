#include "agent/containers/host.h"

#include <sys/stat.h>

#include <cerrno>

#include "os/path.h"

namespace skerry::agent {
namespace {

Result<UniqueFd> make_and_open(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, "make directory \"" + path + "\"");
  }
  return os::open_dir(path);
}

}  // namespace

Result<Directories> open_directories(const std::string& root, const std::string& run) {
  Directories directories{.root = root,
                          .run = run,
                          .containers = {},
                          .run_containers = {},
                          .run_execs = {},
                          .pods = {},
                          .run_pods = {},
                          .trash = {}};
  TRY_ASSIGN(directories.containers, make_and_open(root + "/containers", 0700));
  TRY_ASSIGN(directories.run_containers, make_and_open(run + "/containers", 0700));
  TRY_ASSIGN(directories.run_execs, make_and_open(run + "/execs", 0700));
  TRY_ASSIGN(directories.pods, make_and_open(root + "/pods", 0700));
  TRY_ASSIGN(directories.run_pods, make_and_open(run + "/pods", 0700));
  TRY_ASSIGN(directories.trash, make_and_open(root + "/trash", 0700));
  return directories;
}

}  // namespace skerry::agent
