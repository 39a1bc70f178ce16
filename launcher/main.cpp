// skerry-launcher: the holder, and in its forks the launcher, the shims and the first processes of
// containers until exec. Started by skerryd from a sealed memfd, the listening socket as fd 3, and
// as fd 4 a pipe that it opens the gate with (may be absent).
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"
#include "launcher/holder.h"
#include "launcher/holder_protocol.h"
#include "launcher/zygote.h"
#include "os/mount.h"

namespace {

constexpr int kListener = 3;
constexpr int kGate = 4;  // Of a holder, before it puts its channel there.
constexpr int kUsageError = 2;

int usage(const char* problem) {
  std::fprintf(stderr, "skerry-launcher: %s; it is started by skerryd\n", problem);
  return kUsageError;
}

enum class SocketRole : std::uint8_t { kConnected, kListening };

bool is_socket(int fd, SocketRole role) {
  int listening = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
         (listening == 1) == (role == SocketRole::kListening) &&
         ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

// What containers without a pipe get as standard streams, if they have no null device of their own.
// Not the host's: through the descriptor their root could change its owner and mode, which a
// read-only mount refuses.
skerry::UniqueFd make_null_device() {
  const dev_t null = makedev(1, 3);
  auto place = skerry::os::make_tmpfs({.size = skerry::Bytes(4096),
                                       .inodes = 2,
                                       .mode = 0555,
                                       .flags = {.nosuid = true, .noexec = true}});
  if (!place || ::mknodat(place->get(), "null", S_IFCHR | 0666, null) != 0 ||
      ::fchmodat(place->get(), "null", 0666, 0) != 0 ||
      !skerry::os::set_mount_flags(place->get(), {.read_only = true}, skerry::os::MountScope::kOne))
    return {};
  return skerry::UniqueFd(::openat(place->get(), "null", O_RDWR | O_CLOEXEC));
}

bool take_null_device() {
  const skerry::UniqueFd null_device = make_null_device();
  if (!null_device) return false;
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null_device.get(), fd) < 0) return false;
  }
  return true;
}

// The holder forks nothing before skerryd has moved it to the cgroup it is to live in: what it
// forks is born there. A skerryd that dies first leaves no holder.
bool pass_gate() {
  if (::fcntl(kGate, F_GETFD) < 0) return true;
  char byte = 0;
  ssize_t count = 0;
  do {
    count = ::read(kGate, &byte, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Neither ptrace nor /proc/PID/mem of a container's root reaches what runs as the host's.
  ::prctl(PR_SET_DUMPABLE, 0);
  if (argc != 4 || std::string_view(argv[2]) != "--build") return usage("wrong arguments");
  const std::string_view mode = argv[1];
  skerry::launcher::ZygoteArguments arguments{
      .listener = kListener, .holder = -1, .build = {}, .title = {}};
  if (!skerry::launcher::parse_build(argv[3], arguments.build)) return usage("bad build id");
  if (!is_socket(kListener, SocketRole::kListening))
    return usage("no listening socket at descriptor 3");
  ::fcntl(kListener, F_SETFD, FD_CLOEXEC);
  arguments.title = {argv[0], argv[argc - 1] + std::strlen(argv[argc - 1])};

  if (mode == "--launcher") {
    // A replaced launcher: the channel is where the one before had it, if its holder has one.
    constexpr int kChannel = skerry::launcher::kHolderChannel;
    if (is_socket(kChannel, SocketRole::kConnected) && ::fcntl(kChannel, F_SETFD, FD_CLOEXEC) == 0)
      arguments.holder = kChannel;
    return skerry::launcher::run_zygote(arguments);
  }
  if (mode != "--holder") return usage("wrong arguments");
  if (!take_null_device()) return usage("no null device");
  if (!pass_gate()) return 1;
  ::close_range(kListener + 1, ~0U, 0);
  skerry::launcher::run_holder(arguments);
}
