// A volume plugin as a process of a test: started, waited for until it listens, killed at the end.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "os/pidfd.h"
#include "os/spawn.h"

namespace skerry::volumes::test {

/// A mount namespace of the test program's own: what plugins mount goes with it.
class OwnMounts final : public testing::Environment {
 public:
  void SetUp() override {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
};

inline std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

inline bool listens(const std::string& path) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

class PluginProcess final {
 public:
  PluginProcess(std::vector<std::string> arguments, std::string socket)
      : arguments_(std::move(arguments)), socket_(std::move(socket)) {}
  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;
  ~PluginProcess() { stop(); }

  /// Fails the test when it does not listen soon.
  void start() {
    os::Command command{.program = arguments_.front(),
                        .arguments = arguments_,
                        .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"},
                        .fds = {{2, STDERR_FILENO}},
                        .dies_with_parent = true};
    auto process = os::spawn(command);
    ASSERT_TRUE(process) << process.error().message();
    process_ = std::move(*process);
    constexpr std::chrono::seconds kStart{20};
    const auto end = std::chrono::steady_clock::now() + kStart;
    while (!listens(socket_)) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << arguments_.front() << " does not listen";
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  void stop() {
    if (!process_.pidfd) return;
    static_cast<void>(os::send_signal(process_.pidfd.get(), SIGKILL));
    static_cast<void>(os::wait_and_reap(process_.pidfd.get()));
    process_.pidfd.reset();
  }

 private:
  std::vector<std::string> arguments_;
  std::string socket_;
  os::ProcessRef process_;
};

/// Our own plugin. `options` are those of fault_plugin.py beyond socket and base.
inline std::vector<std::string> fault_plugin(const std::string& base,
                                             const std::string& socket,
                                             const std::vector<std::string>& options) {
  std::vector<std::string> out = {variable("SKERRY_PYTHON", "/usr/bin/python3"),
                                  variable("SKERRY_FAULT_PLUGIN", ""),
                                  "--socket",
                                  socket,
                                  "--base",
                                  base};
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

}  // namespace skerry::volumes::test
