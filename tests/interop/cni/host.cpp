#include "tests/interop/cni/host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ids.h"
#include "cni/default_network.h"
#include "cni/leases.h"
#include "os/network.h"
#include "os/path.h"
#include "os/spawn.h"
#include "tests/conformance/privileged.h"

namespace skerry::cni::test {
namespace {

UniqueFd own_namespace() {
  return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

void run_in_thread(const std::function<void()>& work) {
  std::thread thread(work);
  thread.join();
}

/// 2 s are for an address that does not answer.
bool connects(const std::string& address, std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
}

UniqueFd listen_on(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  return fd;
}

}  // namespace

Netns::Netns() {
  run_in_thread([this] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_TRUE(os::set_interface_up("lo"));
    fd_ = own_namespace();
  });
}

std::string Netns::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_.get()); }

void Netns::in(const std::function<void()>& work) const {
  run_in_thread([&] {
    ASSERT_EQ(::setns(fd_.get(), CLONE_NEWNET), 0);
    work();
  });
}

std::string tool(const std::vector<std::string>& words) {
  os::Command command;
  command.program = "/usr/sbin/" + words.at(0);
  command.arguments = words;
  command.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  auto output = os::run(command, std::chrono::seconds(20), {.input = {}, .output_cap = kMebibyte});
  EXPECT_TRUE(output) << words.at(0) << ": " << output.error().message();
  if (!output) return {};
  EXPECT_EQ(output->status.code, 0)
      << fmt::format("{}", fmt::join(words, " ")) << output->error_text;
  return output->out;
}

Listener::Listener(const Netns* netns, std::uint16_t port) {
  if (netns == nullptr) {
    fd_ = listen_on(port);
  } else {
    netns->in([&] { fd_ = listen_on(port); });
  }
}

bool Listener::answers(const Netns* from, const std::string& address, std::uint16_t port) const {
  bool connected = false;
  const auto connect_there = [&] { connected = connects(address, port); };
  if (from == nullptr) {
    connect_there();
  } else {
    from->in(connect_there);
  }
  pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (!connected || ::poll(&entry, 1, 2000) != 1) return false;
  const UniqueFd taken(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return static_cast<bool>(taken);
}

void HostTest::SetUp() {
  SKERRY_REQUIRE(::geteuid() == 0, "needs root");
  SKERRY_REQUIRE(::access("/usr/lib/cni/bridge", X_OK) == 0, "needs containernetworking-plugins");
  SKERRY_REQUIRE(::access("/usr/sbin/iptables", X_OK) == 0, "needs iptables");
  // A new host for every test: nothing here reaches the machine's own network.
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  ASSERT_TRUE(os::set_interface_up("lo"));
  dir_ = std::make_unique<TempDir>();
  ASSERT_EQ(::mkdirat(dir_->fd(), "results", 0700), 0);
  auto cache = os::open_dir_at(dir_->fd(), "results");
  ASSERT_TRUE(cache);
  cache_dir_ = std::move(*cache);
  const auto roots = os::find_cgroup_roots();
  ASSERT_TRUE(roots) << roots.error().message();
  auto manager = os::make_cgroup_manager(*roots);
  ASSERT_TRUE(manager) << manager.error().message();
  cgroups_ = std::move(*manager);
  scope_ = "skerry-cni-test-" + random_hex(6) + ".scope";
  runner_ = std::make_unique<PluginRunner>(*cgroups_, scope_ + "/plugins");
  RuntimeConfig config;
  config.paths.directories = {"/usr/lib/cni", SKERRY_TEST_PLUGINS};
  config.cache_dir = cache_dir_.get();
  config.undo_deadline = std::chrono::seconds(20);
  runtime_ = std::make_unique<Runtime>(std::move(config), *runner_);
}

void HostTest::TearDown() {
  if (runtime_ == nullptr) return;
  expect_no_operation();
  const auto removed = cgroups_->remove(scope_);
  EXPECT_TRUE(removed) << removed.error().message();
}

NetworkList HostTest::default_network(const std::string& subnet) const {
  auto list = make_default_network({.name = "skerry-test",
                                    .bridge = "skerry-test0",
                                    .subnet = *IpPrefix::parse(subnet),
                                    .data_dir = dir_->path() + "/networks"});
  EXPECT_TRUE(list) << list.error().message();
  return list ? *list : NetworkList{};
}

NetworkList HostTest::faulty_network(const std::string& mode) const {
  auto list = parse_network_list(fmt::format(
      R"({{"name":"faulty","cniVersion":"1.0.0","plugins":[{{"type":"faulty","mode":"{}",)"
      R"("log":"{}/calls"}}]}})",
      mode,
      dir_->path()));
  EXPECT_TRUE(list) << list.error().message();
  return list ? *list : NetworkList{};
}

Attachment HostTest::attachment(const NetworkList& list, const Netns& netns) const {
  return {.network = list.name,
          .container = random_hex(16),
          .interface = "eth0",
          .netns = netns.path()};
}

CallOptions HostTest::call(std::chrono::milliseconds deadline) {
  return {.operation = fmt::format("op-{}", ++operations_), .deadline = deadline, .stop = {}};
}

void HostTest::expect_no_operation() const {
  const auto left = cgroups_->children(scope_ + "/plugins");
  if (!left) return;
  EXPECT_EQ(*left, std::vector<std::string>{});
}

void HostTest::expect_no_trace(const NetworkList& list, const std::string& container) const {
  for (const char* table : {"nat", "filter"}) {
    const std::string rules = tool({"iptables-save", "-t", table});
    EXPECT_EQ(rules.find(container), std::string::npos) << rules;
  }
  if (const auto pool = lease_pool(list)) {
    const auto leases = list_leases(*pool);
    ASSERT_TRUE(leases) << leases.error().message();
    for (const Lease& lease : *leases) EXPECT_NE(lease.container, container);
  }
  const auto entry = runtime_->cache().load(list.name, container, "eth0");
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code(), Code::kNotFound);
}

std::string HostTest::faulty_calls() const {
  auto text = os::read_file_at(dir_->fd(), "calls", 4096);
  return text ? *text : std::string();
}

}  // namespace skerry::cni::test
