#include "agent/containers/container_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "logs/exit_record.h"
#include "os/path.h"
#include "os/socket.h"

namespace skerry::agent {
namespace {

constexpr mode_t kPrivate = 0700;

Result<UniqueFd> make_dir(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), kPrivate) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, "make directory \"" + name + "\"");
  }
  return os::open_dir_at(parent, name);
}

}  // namespace

Result<ShimFiles> make_shim_files(int exit_dir, int run_dir, std::uint32_t attempt) {
  ShimFiles files;
  files.exit_record.reset(::openat(exit_dir, "exit", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!files.exit_record) return Error::from_errno(errno, "open the exit record");
  TRY(logs::prepare_exit_record(files.exit_record.get(), attempt));
  TRY_ASSIGN(files.listener, os::listen_at(run_dir, "shim.sock", 0600));
  return files;
}

Result<ContainerFiles> make_container_files(const Directories& directories,
                                            const Uid& uid,
                                            std::uint32_t attempt) {
  TRY_ASSIGN(const UniqueFd scratch, make_dir(directories.containers.get(), uid.str()));
  TRY_ASSIGN(const UniqueFd run, make_dir(directories.run_containers.get(), uid.str()));
  TRY_ASSIGN(UniqueFd log, make_dir(scratch.get(), "log"));
  TRY_ASSIGN(ShimFiles files, make_shim_files(scratch.get(), run.get(), attempt));
  return ContainerFiles{std::move(files), std::move(log)};
}

Result<> remove_container_files(const Directories& directories, const Uid& uid) {
  TRY(os::remove_tree(directories.run_containers.get(), uid.str()));
  return os::remove_tree(directories.containers.get(), uid.str());
}

}  // namespace skerry::agent
