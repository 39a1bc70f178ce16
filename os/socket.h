// Local sockets that carry whole messages with descriptors: AF_UNIX, SOCK_SEQPACKET. A message
// arrives whole or is an error; what came with a broken one is closed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

/// The longest message, and the most descriptors in one (SCM_MAX_FD of the kernel).
constexpr std::size_t kMaxMessageBytes = 64UL * 1024;
constexpr std::size_t kMaxMessageFds = 253;

/// Who is at the other end, as the kernel saw it at connect or socketpair.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

/// Binds `name` (one component) in `dir` with `mode` and listens. The path goes through
/// /proc/self/fd, because sun_path ends at 108 bytes. A left-over socket of that name is replaced.
/// The descriptor is non-blocking, for a reactor. Errors: by errno. Blocks: never.
Result<UniqueFd> listen_at(int dir, const std::string& name, mode_t mode, int backlog = 128);

/// Connects to `name` in `dir`. The descriptor blocks. Errors: NOT_FOUND when there is no socket,
/// UNAVAILABLE when nobody listens or the backlog is full.
Result<UniqueFd> connect_at(int dir, const std::string& name);

/// Takes one connection, close-on-exec and blocking. Errors: UNAVAILABLE (EAGAIN) when none waits.
Result<UniqueFd> accept_connection(int listener);

/// A connected pair, both close-on-exec and blocking.
Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair();

/// Sends one message; `fds` are borrowed. Errors: INVALID_ARGUMENT for an empty or too long one or
/// too many descriptors; UNAVAILABLE when the peer is gone, or on EAGAIN of a non-blocking
/// descriptor (sys_errno tells them apart). No SIGPIPE. Blocks: as the descriptor does.
Result<> send_message(int socket, std::string_view bytes, std::span<const int> fds = {});

/// Receives one message of at most `max_bytes` and `max_fds`, descriptors close-on-exec.
/// Errors: UNAVAILABLE when the peer has closed (sys_errno 0) or nothing waits (EAGAIN);
/// DATA_LOSS when bytes or descriptors were cut off.
Result<Message> receive_message(int socket,
                                std::size_t max_bytes = kMaxMessageBytes,
                                std::size_t max_fds = kMaxMessageFds);

/// Kernel: SO_PEERCRED, unix(7).
Result<PeerCredentials> peer_credentials(int socket);

}  // namespace skerry::os
