// Drives the real launcher program without the daemon: plays skerryd on its sockets.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "launcher/launcher_protocol.h"
#include "launcher/shim_protocol.h"
#include "logs/entry.h"
#include "logs/exit_record.h"
#include "plan/plan.h"

namespace skerry::launcher::test {

/// A directory of its own, deleted with all in it.
class TempDir final {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd fd_;
};

/// A plan with the descriptors it names. The plain form has all namespaces, a tmpfs with busybox as
/// root, /proc, and /dev with null, zero and random, and runs `sh -c SCRIPT`.
struct TestPlan {
  TestPlan() = default;
  explicit TestPlan(const std::string& script);

  plan::FdIndex add(UniqueFd fd);
  /// Puts operations before EnterRoot.
  void before_enter_root(std::vector<plan::Operation> operations);
  /// Puts operations at the end.
  void at_end(std::vector<plan::Operation> operations);

  plan::LaunchPlan plan;
  std::vector<UniqueFd> fds;
};

/// A detached tmpfs with /bin/busybox, its applets and the usual empty directories. Files can be
/// added with the *at calls until it is launched.
UniqueFd make_busybox_root();

enum class Logging : std::uint8_t { kOn, kOff };

/// The daemon's end of one container.
class Container final {
 public:
  Container() = default;
  Container(Container&&) = default;
  Container& operator=(Container&&) = default;
  /// Kills what is left of it.
  ~Container();

  /// The next message. Fails the test when none comes, or another one.
  ShimPacket expect(ShimMessage type);
  /// The next message, whichever it is.
  ShimPacket next();
  /// True when the shim closed the connection.
  bool closed();
  void send(ShimMessage type) const;
  /// One of the packets that are as long as ShimPacket.
  template <class Packet>
  void send_packet(const Packet& packet) const {
    send_bytes({reinterpret_cast<const char*>(&packet), sizeof packet});
  }
  /// Drops the connection, as a daemon that is killed.
  void disconnect() { control_.reset(); }
  /// The connection, kept open, as a daemon that hangs; reconnect() makes the next one.
  UniqueFd take_control() { return std::move(control_); }
  /// Connects to the shim's socket, as a daemon that has started again.
  void reconnect();
  /// expect() of what ends a good run. Returns the wait status.
  int wait_for_exit();
  /// Everything from Hello to LogComplete of a plan without hold; returns the log's text.
  std::string run();

  /// Gives the plan to a standby process; what its shim says next is another Hello.
  void fill(TestPlan plan);
  void take_hello();

  /// All text in the log, newlines where lines end.
  std::string log() const { return read_log(std::nullopt); }
  std::string log_until(logs::LogPosition position) const { return read_log(position); }
  std::optional<logs::ExitRecord> record() const;
  pid_t pid() const { return hello_.pid; }
  int pidfd() const { return pidfd_.get(); }
  pid_t shim_pid() const { return shim_pid_; }
  int shim_pidfd() const { return shim_.get(); }
  const ShimPacket& hello() const { return hello_; }
  /// What came with the last message.
  UniqueFd take_fd() { return std::move(received_fd_); }

 private:
  friend class Launcher;
  void add_shim(TestPlan& plan, Logging logging);
  void send_bytes(std::string_view bytes) const;
  std::string read_log(std::optional<logs::LogPosition> until) const;

  std::string uid_;
  std::unique_ptr<TempDir> dir_;
  UniqueFd log_dir_;
  UniqueFd control_;
  UniqueFd record_;
  UniqueFd shim_;
  UniqueFd pidfd_;
  UniqueFd received_fd_;
  pid_t shim_pid_ = -1;
  ShimPacket hello_;
};

/// An exec of `sh -c SCRIPT` in a container: no operations, all of its namespaces.
TestPlan exec_plan(const Container& container, const std::string& script);

/// A holder with its launcher.
class Launcher final {
 public:
  /// With limits of descriptors of its own, where they matter.
  explicit Launcher(std::optional<rlimit> descriptors = std::nullopt);
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  ~Launcher();

  /// A new connection; its Hello goes to hello().
  UniqueFd connect();
  const LauncherPacket& hello() const { return hello_; }
  pid_t holder_pid() const { return holder_; }

  /// Adds the shim's descriptors, sends the plan, expects Launched. A log directory in the plan
  /// stays.
  Container launch(TestPlan& plan, Logging logging = Logging::kOn);
  Container launch(TestPlan&& plan) { return launch(plan); }
  /// launch() and the first Hello.
  Container start(TestPlan plan);
  /// The same, output going to attached connections only.
  Container start_without_log(TestPlan plan);
  std::string run(const std::string& script);
  /// A standby process for that plan, after its first Hello.
  Container stand_by(const TestPlan& wanted);

  /// The program as a sealed memfd.
  int program() const { return program_.get(); }

 private:
  void forward(TestPlan& plan, Container& container);

  TempDir dir_;
  UniqueFd program_;
  pid_t holder_ = -1;
  LauncherPacket hello_;
  UniqueFd connection_;
};

/// Sends one packet with descriptors; fails the test when it cannot.
void send_packet(int socket, const LauncherPacket& packet, const std::vector<int>& fds);
/// Receives one; `fd` gets what came with it. Fails the test after 30 s.
std::optional<LauncherPacket> receive_packet(int socket, UniqueFd* fd = nullptr);
/// True when the peer has closed, waiting up to 30 s.
bool is_closed(int socket);
UniqueFd seal(const plan::LaunchPlan& plan);
std::string read_text(const std::string& path);
bool wait_for_end(int pidfd);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace skerry::launcher::test
