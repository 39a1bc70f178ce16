#include "os/fs_context.h"

#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "os/mount_flags.h"

namespace skerry::os {

Result<FsContext> FsContext::open(const std::string& file_system) {
  UniqueFd fd(::fsopen(file_system.c_str(), FSOPEN_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open file system \"{}\"", file_system));
  return FsContext(std::move(fd), file_system);
}

// The context keeps a log of messages ("e overlay: …"), one a read.
Error FsContext::error(int sys_errno, std::string_view what) const {
  std::string words = fmt::format("{} \"{}\"", what, file_system_);
  std::array<char, 512> line{};
  while (true) {
    const ssize_t count = ::read(fd_.get(), line.data(), line.size());
    if (count <= 0) break;
    std::string_view text(line.data(), static_cast<std::size_t>(count));
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.starts_with("e ")) words.append(": ").append(text.substr(2));
  }
  return Error::from_errno(sys_errno, words);
}

Result<> FsContext::set_string(const std::string& key, const std::string& value) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) != 0)
    return error(errno, fmt::format("set {}={} of", key, value));
  return {};
}

Result<> FsContext::set_flag(const std::string& key) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) != 0)
    return error(errno, fmt::format("set {} of", key));
  return {};
}

Result<UniqueFd> FsContext::mount(const MountFlags& flags) {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return error(errno, "make file system");
  UniqueFd mount(
      ::fsmount(fd_.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attribute_bits(flags))));
  if (!mount) return error(errno, "mount");
  return mount;
}

}  // namespace skerry::os
