#include "unpack/copy.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/path.h"
#include "unpack/protocol.h"
#include "unpack/sandbox.h"
#include "unpack/tree_packer.h"

namespace skerry::unpack {
namespace {

/// The directory without links, relative to the root we are in.
Result<std::string> real_directory(int root, const std::string& path) {
  auto directory = os::open_in_root(root, path, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    const int sys_errno = directory.error().sys_errno();
    if (sys_errno == ENOTDIR) {
      return std::move(directory)
          .error()
          .with_code(Code::kInvalidArgument)
          .with_reason("NOT_A_DIRECTORY");
    }
    if (sys_errno != ENOENT && sys_errno != ELOOP) return std::move(directory).error();
    return std::move(directory).error().with_code(Code::kNotFound).with_reason("PATH_NOT_FOUND");
  }
  if (::fchdir(directory->get()) != 0) return Error::from_errno(errno, "enter the directory");
  std::array<char, PATH_MAX> real{};
  if (::getcwd(real.data(), real.size()) == nullptr)
    return Error::from_errno(errno, "name the directory");
  // One that is mounted over has no name here.
  if (real[0] != '/') return Error(Code::kNotFound, "the directory is out of reach");
  return std::string(real.data() + 1);
}

}  // namespace

Result<Unpacked> copy(const CopyOptions& options) {
  const bool out = options.direction == CopyDirection::kOut;
  TRY_ASSIGN(const UniqueFd root,
             enter_container({.kind = options.root,
                              .handle = kContainerFd,
                              .read_only = out,
                              .max_file = options.limits.max_bytes,
                              .max_memory = options.max_memory,
                              .max_cpu_seconds = options.max_cpu_seconds}));
  if (out) {
    TRY(load_system_call_filter());
    return pack_tree(root.get(), options.path, kSourceFd, options.limits);
  }
  CopyTarget target{.path = {}, .owner = options.owner};
  TRY_ASSIGN(target.path, real_directory(root.get(), options.path));
  TRY(load_system_call_filter());
  return unpack_into(kSourceFd, root.get(), target, options.limits);
}

}  // namespace skerry::unpack
