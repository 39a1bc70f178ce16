#include "os/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace skerry::os {

Result<> set_interface_up(const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof(request.ifr_name))
    return Error(Code::kInvalidArgument, fmt::format("interface name \"{}\"", name));
  std::memcpy(request.ifr_name, name.data(), name.size());

  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "socket for interface flags");
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    const int sys_errno = errno;
    return Error::from_errno(sys_errno, fmt::format("read flags of interface \"{}\"", name))
        .with_code(sys_errno == ENODEV ? Code::kNotFound : Code::kInternal);
  }
  if ((request.ifr_flags & IFF_UP) != 0) return {};
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return Error::from_errno(errno, fmt::format("set interface \"{}\" up", name));
  return {};
}

}  // namespace skerry::os
