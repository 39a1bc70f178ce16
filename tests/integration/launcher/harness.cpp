#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/ids.h"
#include "logs/reader.h"
#include "os/memfd.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/pidfd.h"
#include "os/socket.h"
#include "plan/codec.h"

namespace skerry::launcher::test {
namespace {

// The machine may be busy; nothing here takes that long.
constexpr int kPatienceMs = 30'000;
constexpr std::string_view kBuild = "000102030405060708090a0b0c0d0e0f";

bool wait_readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, kPatienceMs) == 1;
}

template <class Packet>
std::optional<Packet> receive(int socket, UniqueFd* fd) {
  if (!wait_readable(socket)) {
    ADD_FAILURE() << "no message in time";
    return std::nullopt;
  }
  auto message = os::receive_message(socket, sizeof(Packet), 1);
  if (!message || message->bytes.size() != sizeof(Packet)) return std::nullopt;
  Packet packet;
  std::memcpy(&packet, message->bytes.data(), sizeof packet);
  if (fd != nullptr && !message->fds.empty()) *fd = std::move(message->fds.front());
  return packet;
}

template <class T>
T value_of(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  return std::move(*result);
}

void copy_program(const std::string& from, int dir, const char* to) {
  const auto bytes = value_of(os::read_file(from, 16UL << 20U));
  const UniqueFd file(::openat(dir, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
  EXPECT_TRUE(os::write_all(file.get(), bytes));
}

UniqueFd make_dev() {
  auto dev = value_of(os::make_tmpfs({.mode = 0755}));
  const struct {
    const char* name;
    unsigned minor;
  } nodes[] = {{"null", 3}, {"zero", 5}, {"random", 8}};
  for (const auto& node : nodes) {
    EXPECT_EQ(::mknodat(dev.get(), node.name, S_IFCHR | 0666, makedev(1, node.minor)), 0);
    EXPECT_EQ(::fchmodat(dev.get(), node.name, 0666, 0), 0);
  }
  return dev;
}

// Out of the way of the numbers the holder is given.
UniqueFd move_up(UniqueFd fd) {
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
  EXPECT_TRUE(moved);
  return moved;
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = std::filesystem::temp_directory_path() / "skerry-launcher-XXXXXX";
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
  fd_ = value_of(os::open_dir(path_));
}

TempDir::~TempDir() {
  const auto slash = path_.find_last_of('/');
  const auto parent = os::open_dir(path_.substr(0, slash));
  if (parent) static_cast<void>(os::remove_tree(parent->get(), path_.substr(slash + 1)));
}

UniqueFd make_busybox_root() {
  auto root = value_of(os::make_tmpfs({.mode = 0755}));
  for (const auto* name : {"bin", "proc", "sys", "dev", "tmp", "etc"})
    EXPECT_EQ(::mkdirat(root.get(), name, 0755), 0);
  copy_program("/bin/busybox", root.get(), "bin/busybox");
  for (const auto* applet :
       {"sh",   "ls",  "cat",      "sleep", "true", "echo",  "id",     "head", "yes",      "wc",
        "env",  "pwd", "mount",    "grep",  "kill", "touch", "mkdir",  "tr",   "hostname", "ip",
        "stat", "dd",  "readlink", "stty",  "tty",  "ln",    "umount", "ps",   "rm",       "seq"}) {
    EXPECT_EQ(::symlinkat("busybox", root.get(), (std::string("bin/") + applet).c_str()), 0);
  }
  return root;
}

TestPlan::TestPlan(const std::string& script) {
  plan.uid = Uid::make().str();
  plan.namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  plan.hold = false;
  plan.operations = {plan::SetRoot{.fd = add(make_busybox_root())},
                     plan::MountPseudo{.type = "proc", .target = "/proc", .flags = 0, .data = ""},
                     plan::AttachMount{.fd = add(make_dev()), .target = "/dev"},
                     plan::EnterRoot{}};
  plan.exec = {.arguments = {"sh", "-c", script}, .environment = {"PATH=/bin", "A=b"}};
}

plan::FdIndex TestPlan::add(UniqueFd fd) {
  fds.push_back(std::move(fd));
  return static_cast<plan::FdIndex>(fds.size()) - 1;
}

void TestPlan::before_enter_root(std::vector<plan::Operation> operations) {
  auto& all = plan.operations;
  const auto enter = std::find_if(all.begin(), all.end(), [](const plan::Operation& operation) {
    return std::holds_alternative<plan::EnterRoot>(operation);
  });
  all.insert(enter, operations.begin(), operations.end());
}

void TestPlan::at_end(std::vector<plan::Operation> operations) {
  plan.operations.insert(plan.operations.end(), operations.begin(), operations.end());
}

Container::~Container() {
  // The shim takes the container with it.
  if (shim_) static_cast<void>(os::send_signal(shim_.get(), SIGKILL));
  if (pidfd_) {
    static_cast<void>(os::send_signal(pidfd_.get(), SIGKILL));
    EXPECT_TRUE(wait_for_end(pidfd_.get()));
  }
}

ShimPacket Container::expect(ShimMessage type) {
  const auto packet = receive<ShimPacket>(control_.get(), &received_fd_);
  if (!packet) {
    ADD_FAILURE() << "the shim is gone instead of message " << static_cast<int>(type);
    return {};
  }
  EXPECT_EQ(packet->type, type) << "operation " << packet->operation << ", errno "
                                << packet->sys_errno << ", status " << packet->status;
  return *packet;
}

ShimPacket Container::next() {
  const auto packet = receive<ShimPacket>(control_.get(), &received_fd_);
  EXPECT_TRUE(packet) << "the shim is gone";
  return packet.value_or(ShimPacket{});
}

bool Container::closed() { return is_closed(control_.get()); }

void Container::send(ShimMessage type) const {
  ShimPacket packet;
  packet.type = type;
  send_packet(packet);
}

void Container::send_bytes(std::string_view bytes) const {
  EXPECT_TRUE(os::send_message(control_.get(), bytes));
}

void Container::take_hello() {
  hello_ = expect(ShimMessage::kHello);
  pidfd_ = take_fd();
  EXPECT_TRUE(pidfd_);
}

void Container::reconnect() {
  control_ = value_of(os::connect_at(dir_->fd(), "shim.sock"));
  take_hello();
}

int Container::wait_for_exit() {
  const int status = expect(ShimMessage::kExited).status;
  expect(ShimMessage::kLogComplete);
  return status;
}

std::string Container::run() {
  expect(ShimMessage::kRunning);
  EXPECT_EQ(wait_for_exit(), 0);
  return log();
}

std::string Container::read_log(std::optional<logs::LogPosition> until) const {
  auto reader = logs::LogReader::open(
      {.directory = UniqueFd(::openat(log_dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
       .name = "log",
       .until = until});
  std::string text;
  for (;;) {
    auto entry = reader.next();
    if (!entry || !*entry) break;
    text += (*entry)->text;
    if (!(*entry)->header.partial) text += '\n';
  }
  EXPECT_EQ(reader.skipped_bytes(), 0U);
  return text;
}

std::optional<logs::ExitRecord> Container::record() const {
  return value_of(logs::read_exit_record(record_.get(), uid_));
}

TestPlan exec_plan(const Container& container, const std::string& script) {
  TestPlan plan;
  plan.plan.uid = Uid::make().str();
  plan.plan.hold = false;
  plan.plan.enter = {
      .process = plan.add(UniqueFd(::fcntl(container.pidfd(), F_DUPFD_CLOEXEC, 3))),
      .namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET};
  plan.plan.exec = {.arguments = {"sh", "-c", script}, .environment = {"PATH=/bin", "A=b"}};
  return plan;
}

Launcher::Launcher(std::optional<rlimit> descriptors) {
  const auto bytes = value_of(os::read_file(SKERRY_LAUNCHER, 64UL << 20U));
  program_ = move_up(value_of(os::make_sealed_program("skerry-launcher", bytes)));
  const auto listener = move_up(value_of(os::listen_at(dir_.fd(), "launcher.sock", 0600)));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, listener.get(), 3);
  const std::string program = "/proc/self/fd/" + std::to_string(program_.get());
  std::string build(kBuild);
  std::array<std::string, 4> words = {"skerry-launcher", "--holder", "--build", build};
  std::array<char*, 5> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments.at(i) = words.at(i).data();
  std::array<char*, 1> environment{};
  // As skerryd does: the holder waits until it is where it is to be.
  std::array<int, 2> gate{};
  EXPECT_EQ(::pipe2(gate.data(), O_CLOEXEC), 0);
  const auto its_gate = move_up(UniqueFd(gate[0]));
  const UniqueFd our_gate(gate[1]);
  ::posix_spawn_file_actions_adddup2(&actions, its_gate.get(), 4);
  EXPECT_EQ(::posix_spawn(
                &holder_, program.c_str(), &actions, nullptr, arguments.data(), environment.data()),
            0);
  ::posix_spawn_file_actions_destroy(&actions);
  if (descriptors) {
    EXPECT_EQ(::prlimit(holder_, RLIMIT_NOFILE, &*descriptors, nullptr), 0);
  }
  EXPECT_EQ(::write(our_gate.get(), "1", 1), 1);
}

Launcher::~Launcher() {
  ::kill(holder_, SIGKILL);
  ::waitpid(holder_, nullptr, 0);
}

UniqueFd Launcher::connect() {
  auto connection = value_of(os::connect_at(dir_.fd(), "launcher.sock"));
  const auto hello = receive_packet(connection.get());
  EXPECT_TRUE(hello);
  if (hello) hello_ = *hello;
  EXPECT_EQ(hello_.type, LauncherMessage::kHello);
  return connection;
}

Container Launcher::launch(TestPlan& plan, Logging logging) {
  Container container;
  container.uid_ = plan.plan.uid;
  container.dir_ = std::make_unique<TempDir>();
  auto [ours, theirs] = value_of(os::make_socket_pair());
  container.control_ = std::move(ours);
  container.record_.reset(
      ::openat(container.dir_->fd(), "exit", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_TRUE(logs::prepare_exit_record(container.record_.get()));
  plan.plan.shim.control = plan.add(std::move(theirs));
  if (!plan.plan.standby) container.add_shim(plan, logging);
  forward(plan, container);
  return container;
}

void Container::add_shim(TestPlan& plan, Logging logging) {
  auto& container = *this;
  auto& shim = plan.plan.shim;
  shim.listener = plan.add(value_of(os::listen_at(container.dir_->fd(), "shim.sock", 0600)));
  shim.exit_record = plan.add(UniqueFd(::fcntl(container.record_.get(), F_DUPFD_CLOEXEC, 3)));
  if (shim.log.directory == plan::kNoFd && logging == Logging::kOn)
    shim.log.directory = plan.add(value_of(os::open_dir(container.dir_->path())));
  shim.log.name = "log";
  if (shim.log.directory != plan::kNoFd) {
    const auto& directory = plan.fds[static_cast<std::size_t>(shim.log.directory)];
    container.log_dir_.reset(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 3));
  }
}

void Launcher::forward(TestPlan& plan, Container& container) {
  if (!connection_) connection_ = connect();
  LauncherPacket request;
  request.type = LauncherMessage::kLaunch;
  request.request = 42;
  request.plan_version = plan::kPlanVersion;
  const auto memfd = seal(plan.plan);
  std::vector<int> fds = {memfd.get()};
  for (const auto& fd : plan.fds) fds.push_back(fd.get());
  send_packet(connection_.get(), request, fds);
  plan.fds.clear();
  const auto reply = receive_packet(connection_.get(), &container.shim_);
  if (!reply) {
    connection_.reset();
    ADD_FAILURE() << "the launcher hung up";
    return;
  }
  EXPECT_EQ(reply->type, LauncherMessage::kLaunched) << "errno " << reply->sys_errno;
  EXPECT_EQ(reply->request, 42U);
  container.shim_pid_ = reply->pid;
}

Container Launcher::stand_by(const TestPlan& wanted) {
  TestPlan plan;
  plan.plan.uid = wanted.plan.uid;
  plan.plan.namespaces = wanted.plan.namespaces;
  plan.plan.cgroup_namespace = wanted.plan.cgroup_namespace;
  plan.plan.standby = true;
  auto container = launch(plan);
  container.take_hello();
  return container;
}

void Container::fill(TestPlan plan) {
  add_shim(plan, Logging::kOn);
  ShimPacket packet;
  packet.type = ShimMessage::kFill;
  const auto memfd = seal(plan.plan);
  std::vector<int> fds = {memfd.get()};
  for (const auto& fd : plan.fds) fds.push_back(fd.get());
  const auto sent = os::send_message(
      control_.get(), {reinterpret_cast<const char*>(&packet), sizeof packet}, fds);
  EXPECT_TRUE(sent) << sent.error().message();
}

Container Launcher::start(TestPlan plan) {
  auto container = launch(plan);
  container.take_hello();
  return container;
}

Container Launcher::start_without_log(TestPlan plan) {
  auto container = launch(plan, Logging::kOff);
  container.take_hello();
  return container;
}

std::string Launcher::run(const std::string& script) { return start(TestPlan(script)).run(); }

void send_packet(int socket, const LauncherPacket& packet, const std::vector<int>& fds) {
  const auto sent =
      os::send_message(socket, {reinterpret_cast<const char*>(&packet), sizeof packet}, fds);
  EXPECT_TRUE(sent) << sent.error().message();
}

std::optional<LauncherPacket> receive_packet(int socket, UniqueFd* fd) {
  return receive<LauncherPacket>(socket, fd);
}

bool is_closed(int socket) {
  if (!wait_readable(socket)) return false;
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK) <= 0;
}

UniqueFd seal(const plan::LaunchPlan& plan) {
  const auto bytes = value_of(plan::encode(plan));
  return value_of(
      os::make_sealed_memfd("plan", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool wait_for_end(int pidfd) { return wait_readable(pidfd); }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace skerry::launcher::test
