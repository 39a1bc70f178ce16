#include "agent/networks/network_desk.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/host.h"
#include "agent/recovery/directory_names.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

constexpr mode_t kPrivate = 0700;

Error invalid(std::string_view key, std::string_view value, std::string_view what) {
  return Error(Code::kInvalidArgument, fmt::format("{}: \"{}\" is {}", key, value, what))
      .with_reason("CONFIG_INVALID");
}

// What a daemon that was killed was about to write (os::write_file_atomic).
void remove_unfinished(int directory) {
  for (const std::string& name : directory_names(directory)) {
    if (name.starts_with(".tmp-")) ::unlinkat(directory, name.c_str(), 0);
  }
}

Result<UniqueFd> make_dir(const std::string& path) {
  if (::mkdir(path.c_str(), kPrivate) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, fmt::format("make directory \"{}\"", path));
  }
  return os::open_dir(path);
}

Result<std::vector<cni::IpPrefix>> parse_subnets(const config::NetworkOptions& options) {
  std::vector<cni::IpPrefix> out;
  for (const std::string& text : options.subnets) {
    const auto prefix = cni::IpPrefix::parse(text);
    if (!prefix || prefix->address.is_v6) {
      return invalid("network.subnets", text, "no IPv4 range such as 10.0.0.0/8");
    }
    if (prefix->length > options.subnet_length) {
      return invalid("network.subnets", text, "smaller than network.subnet_length says");
    }
    out.push_back(*prefix);
  }
  return out;
}

Result<std::vector<cni::IpAddress>> parse_servers(const config::NetworkOptions& options) {
  std::vector<cni::IpAddress> out;
  for (const std::string& text : options.dns_servers) {
    const auto address = cni::IpAddress::parse(text);
    if (!address) return invalid("network.dns_servers", text, "no IP address");
    out.push_back(*address);
  }
  return out;
}

cni::PluginPaths plugin_paths(const config::NetworkOptions& options) {
  cni::PluginPaths paths;
  paths.directories.clear();
  for (const auto& path : options.plugin_dirs) paths.directories.push_back(path.string());
  return paths;
}

}  // namespace

struct NetworkDesk::Options {
  std::vector<cni::IpPrefix> subnets;
  std::vector<cni::IpAddress> dns_servers;
};

Result<std::unique_ptr<NetworkDesk>> NetworkDesk::make(const config::Config& config, Host& host) {
  Options options;
  TRY_ASSIGN(options.subnets, parse_subnets(config.network));
  TRY_ASSIGN(options.dns_servers, parse_servers(config.network));
  return std::unique_ptr<NetworkDesk>(new NetworkDesk(std::move(options), config, host));
}

NetworkDesk::NetworkDesk(Options options, const config::Config& config, Host& host)
    : host_(host),
      directory_(config.root.string() + "/cni"),
      config_dir_(config.network.config_dir.string()),
      default_network_(config.network.default_network),
      dns_servers_(std::move(options.dns_servers)),
      generated_({.daemon_name = config.name,
                  .directory = directory_,
                  .candidates = std::move(options.subnets),
                  .subnet_length = config.network.subnet_length,
                  .in_use = [this] { return is_generated_in_use(); }}),
      book_(config_dir_, plugin_paths(config.network), generated_),
      attacher_({.paths = plugin_paths(config.network),
                 .attach_deadline = config.network.attach_deadline,
                 .detach_deadline = config.network.detach_deadline},
                host,
                book_,
                ports_) {}

NetworkDesk::~NetworkDesk() = default;

Result<> NetworkDesk::open(const Running& running) {
  running_.emplace(running);
  TRY(make_dir(directory_));
  TRY(make_dir(generated_.lease_directory()));
  TRY_ASSIGN(cache_dir_, make_dir(directory_ + "/results"));
  remove_unfinished(cache_dir_.get());
  cache_.emplace(cache_dir_.get());
  runner_.emplace(*host_.cgroups, host_.scope + "/plugins");
  attacher_.open({.cache_dir = cache_dir_.get(),
                  .runner = *runner_,
                  .failpoints = running.failpoints,
                  .workers = running.workers});
  // Before any other call: what still runs could undo what comes now. One that hangs in the kernel
  // is traced and left; its own attachment is given back all the same.
  const auto killed = runner_->kill_leftovers();
  if (!killed) running.trace.error("cannot end a left-over plugin call", killed.error());
  generated_.load();
  const auto loaded = book_.reload();
  if (!loaded) running.trace.error("cannot read the network lists", loaded.error());
  for (const cni::RefusedFile& file : book_.table()->refused) {
    running.trace.warning("a network list is refused",
                          {{"file", file.file}, {"why", file.error.message()}});
  }
  return {};
}

void NetworkDesk::kill_plugins() {
  if (runner_) static_cast<void>(runner_->kill_leftovers());
}

void NetworkDesk::watch(runtime::Reactor& reactor) {
  constexpr std::uint32_t kChanges =
      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
  inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return;
  // A directory that is not there has no network; one made later is read at the next start.
  if (::inotify_add_watch(inotify_.get(), config_dir_.c_str(), kChanges) < 0) return;
  auto watch = reactor.watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { on_change(); });
  if (watch) watch_ = std::move(*watch);
}

void NetworkDesk::on_change() {
  std::array<char, 4096> events{};
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
  auto work = [this] {
    const auto loaded = book_.reload();
    if (!loaded) running_->trace.error("cannot read the network lists", loaded.error());
  };
  static_cast<void>(running_->workers.submit(std::move(work)));
}

Result<std::vector<AttachedName>> NetworkDesk::attached() const {
  return list_attached(cache_dir_.get());
}

bool NetworkDesk::is_generated_in_use() const {
  const auto names = attached();
  // Who cannot be asked may be there.
  return !names || std::ranges::any_of(*names, [](const AttachedName& name) {
    return name.network == kGeneratedNetwork;
  });
}

}  // namespace skerry::agent
