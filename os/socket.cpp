#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace skerry::os {
namespace {

Result<sockaddr_un> address_of(int dir, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = fmt::format("/proc/self/fd/{}/{}", dir, name);
  if (name.empty() || name.find('/') != std::string::npos ||
      path.size() >= sizeof(address.sun_path))
    return Error(Code::kInvalidArgument, fmt::format("socket name \"{}\"", name));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> make_socket(int flags) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!fd) return Error::from_errno(errno, "make socket");
  return fd;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Room for the control data of one message with the most descriptors there can be.
struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxMessageFds * sizeof(int))> bytes{};
};

std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    fds.reserve(fds.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

Error receive_error(int sys_errno) {
  auto error = Error::from_errno(sys_errno, "receive");
  return sys_errno == EAGAIN ? std::move(error).with_code(Code::kUnavailable) : std::move(error);
}

// Looks at the length of the next message without taking it, so that the buffer fits.
Result<std::size_t> next_length(int socket) {
  while (true) {
    const ssize_t length = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC);
    if (length > 0) return static_cast<std::size_t>(length);
    // Nobody of ours sends an empty message, and it cannot be told from the end.
    if (length == 0) return Error(Code::kUnavailable, "peer has closed the connection");
    if (errno != EINTR) return receive_error(errno);
  }
}

}  // namespace

Result<UniqueFd> listen_at(int dir, const std::string& name, mode_t mode, int backlog) {
  TRY_ASSIGN(const auto address, address_of(dir, name));
  TRY_ASSIGN(auto fd, make_socket(SOCK_NONBLOCK));
  const auto what = fmt::format("listen on \"{}\"", name);
  if (::unlinkat(dir, name.c_str(), 0) != 0 && errno != ENOENT)
    return Error::from_errno(errno, what);
  // The file takes its mode from the socket, less the umask: never open for longer than wanted.
  if (::fchmod(fd.get(), mode) != 0 || ::bind(fd.get(), generic(address), sizeof(address)) != 0 ||
      ::fchmodat(dir, name.c_str(), mode, 0) != 0 || ::listen(fd.get(), backlog) != 0)
    return Error::from_errno(errno, what);
  return fd;
}

Result<UniqueFd> connect_at(int dir, const std::string& name) {
  TRY_ASSIGN(const auto address, address_of(dir, name));
  // Non-blocking for the connect alone: with a full backlog it would wait without end.
  TRY_ASSIGN(auto fd, make_socket(SOCK_NONBLOCK));
  if (::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    const int sys_errno = errno;
    auto error = Error::from_errno(sys_errno, fmt::format("connect to \"{}\"", name));
    return sys_errno == EAGAIN ? std::move(error).with_code(Code::kUnavailable) : std::move(error);
  }
  if (::fcntl(fd.get(), F_SETFL, 0) != 0) return Error::from_errno(errno, "make socket blocking");
  return fd;
}

Result<UniqueFd> accept_connection(int listener) {
  while (true) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) return fd;
    const int sys_errno = errno;
    if (sys_errno == EINTR || sys_errno == ECONNABORTED) continue;
    auto error = Error::from_errno(sys_errno, "accept");
    return sys_errno == EAGAIN ? std::move(error).with_code(Code::kUnavailable) : std::move(error);
  }
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0)
    return Error::from_errno(errno, "make socket pair");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<> send_message(int socket, std::string_view bytes, std::span<const int> fds) {
  if (bytes.empty() || bytes.size() > kMaxMessageBytes || fds.size() > kMaxMessageFds) {
    return Error(Code::kInvalidArgument,
                 fmt::format("send {} bytes and {} descriptors", bytes.size(), fds.size()));
  }
  iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  if (!fds.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
    const int sys_errno = errno;
    if (sys_errno == EINTR) continue;
    auto error = Error::from_errno(sys_errno, "send");
    return sys_errno == EAGAIN ? std::move(error).with_code(Code::kUnavailable) : std::move(error);
  }
  return {};
}

Result<Message> receive_message(int socket, std::size_t max_bytes, std::size_t max_fds) {
  TRY_ASSIGN(const auto length, next_length(socket));
  Message message;
  message.bytes.resize(std::min(length, max_bytes));
  iovec part{.iov_base = message.bytes.data(), .iov_len = message.bytes.size()};
  ControlBuffer control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t count = -1;
  while ((count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return receive_error(errno);
  }
  message.fds = take_fds(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || message.fds.size() > max_fds) {
    return Error(Code::kDataLoss,
                 fmt::format("message of {} bytes and {} descriptors or more is too long",
                             length,
                             message.fds.size()));
  }
  message.bytes.resize(static_cast<std::size_t>(count));
  return message;
}

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return Error::from_errno(errno, "read peer credentials");
  return PeerCredentials{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

}  // namespace skerry::os
