// skerryd: the composition root. Everything is made here, in order, and handed to whoever uses it.

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <thread>

#include <systemd/sd-daemon.h>

#include "agent/api/context.h"
#include "agent/api/server.h"
#include "agent/attach/container_target.h"
#include "agent/config/command_line.h"
#include "agent/containers/standby_shelf.h"
#include "agent/copies/copy_desk.h"
#include "agent/execs/manager.h"
#include "agent/images/image_desk.h"
#include "agent/networks/network_desk.h"
#include "agent/pods/manager.h"
#include "agent/pods/pod_init.h"
#include "agent/recovery/recovery.h"
#include "agent/scope/scope.h"
#include "agent/volumes/volume_desk.h"
#include "isolators/network/network.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kVersion = SKERRY_VERSION;
constexpr auto kLauncherDeadline = 15s;
constexpr auto kShutdownGrace = 2s;
constexpr int kOomScore = -999;
constexpr const char* kAdoptHolder = "holder.adopt";

// Containers cost descriptors: take what we may. A higher hard limit is the unit's business.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

// The last one to be killed when the host runs out of memory. Not ours to insist on: without
// CAP_SYS_RESOURCE it stays as it is.
void protect_from_oom() {
  const auto self = os::open_dir("/proc/self");
  if (!self) return;
  static_cast<void>(os::write_value_at(self->get(), "oom_score_adj", std::to_string(kOomScore)));
}

Result<> make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return Error::from_errno(errno, "make directory \"" + path + "\"");
}

// Beside our own binary: an upgrade of the package replaces both.
Result<std::string> sibling(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error::from_errno(error.value(), "read \"/proc/self/exe\"");
  return (self.parent_path() / name).string();
}

Result<isolators::IsolatorChain> make_chain(Host& host) {
  const isolators::NetworkIsolatorOptions network{.attacher = host.networks->attacher(),
                                                  .dns_servers = host.networks->dns_servers()};
  return isolators::make_isolators(host.facts,
                                   {.network = &network,
                                    .volumes = &host.volumes->mounter(),
                                    .pods = host.pod_namespaces.get(),
                                    .bind_sources = host.bind_sources});
}

Result<std::unique_ptr<Host>> make_host(const config::Config& config, runtime::Trace& trace) {
  auto host = std::make_unique<Host>();
  host->facts = os::probe_host();
  TRY(make_directory(config.root.string(), 0711));
  TRY(make_directory(config.run.string(), 0711));
  TRY_ASSIGN(host->directories, open_directories(config.root.string(), config.run.string()));
  TRY_ASSIGN(const os::CgroupRoots roots, os::find_cgroup_roots());
  TRY_ASSIGN(host->cgroups, os::make_cgroup_manager(roots));
  host->scope = scope_path(config.name);
  host->parent = config.cgroup_parent.empty() ? host->scope : config.cgroup_parent;
  TRY_ASSIGN(host->networks, NetworkDesk::make(config, *host));
  TRY_ASSIGN(host->volumes, VolumeDesk::make(config));
  host->pod_namespaces = std::make_unique<PodNamespaceOpener>(*host);
  host->bind_sources.assign(config.bind_sources.begin(), config.bind_sources.end());
  TRY_ASSIGN(host->isolators, make_chain(*host));
  trace.debug("host probed", {{"kernel", host->facts.kernel_release}});
  return host;
}

Result<> start_launcher(Host& host,
                        const config::Config& config,
                        const operations::FailpointRegistry& failpoints) {
  TRY_ASSIGN(host.run_directory, os::open_dir(config.run.string()));
  TRY_ASSIGN(std::string program, sibling("skerry-launcher"));
  LauncherClient::Options options;
  options.run_dir = host.run_directory.get();
  options.program = std::move(program);
  options.adopt_holder = [&host, &config, &failpoints](pid_t holder) -> Result<> {
    TRY(failpoints.hit(kAdoptHolder));
    return adopt_holder(*host.cgroups, config.name, holder);
  };
  TRY_ASSIGN(host.launcher, LauncherClient::start(std::move(options), kLauncherDeadline));
  TRY(prepare_scope(*host.cgroups, host.scope));
  if (host.parent != host.scope) TRY(host.cgroups->make_branch(host.parent));
  return {};
}

// SIGTERM and SIGINT end the daemon in order; containers do not notice.
Result<UniqueFd> block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
    return Error(Code::kInternal, "cannot block signals");
  }
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "signalfd");
  return fd;
}

// Whatever plugins are about is on record, and taken up at the next start: those that do not end
// soon are not waited for.
void end_foreign(runtime::LanedPool& foreign, NetworkDesk& networks) {
  constexpr auto kGrace = 2s;
  constexpr auto kPause = 50ms;
  std::thread end([&foreign] { foreign.shutdown(); });
  const auto patience = std::chrono::steady_clock::now() + kGrace;
  while (foreign.in_flight() > 0) {
    if (std::chrono::steady_clock::now() > patience) networks.kill_plugins();
    std::this_thread::sleep_for(kPause);
  }
  end.join();
}

// However the daemon ends: no worker waits for a reactor that turns no more.
struct VolumesEnd {
  VolumeDesk& desk;
  ~VolumesEnd() { desk.close(); }
};

void declare_failpoints(operations::FailpointRegistry& failpoints,
                        const isolators::IsolatorChain& isolators) {
  ContainerManager::declare_failpoints(failpoints, isolators);
  ExecManager::declare_failpoints(failpoints);
  PodManager::declare_failpoints(failpoints);
  Recovery::declare_failpoints(failpoints);
  ImageDesk::declare_failpoints(failpoints);
  Attacher::declare_failpoints(failpoints);
  StandbyShelf::declare_failpoints(failpoints);
  CopyDesk::declare_failpoints(failpoints);
  VolumeDesk::declare_failpoints(failpoints);
  failpoints.declare(kAdoptHolder);
}

// One scope for all: the order of these lines is that of making and, backwards, of ending.
// NOLINTNEXTLINE(readability-function-size)
Result<> run_daemon(const config::Config& config) {
  raise_descriptor_limit();
  protect_from_oom();
  TRY_ASSIGN(const UniqueFd signals, block_signals());
  const SystemClock clock;
  runtime::Trace trace(config.trace_level);
  TRY_ASSIGN(const std::unique_ptr<runtime::Reactor> reactor,
             runtime::Reactor::create(clock, trace));
  TRY_ASSIGN(const std::unique_ptr<Host> host, make_host(config, trace));

  operations::FailpointRegistry failpoints;
  declare_failpoints(failpoints, host->isolators);
  for (const std::string& armed : config.failpoints) TRY(failpoints.arm(armed));
  failpoints.on_hit([&trace](std::string_view name) {
    trace.notice("failpoint", {{"name", std::string(name)}});
  });

  TRY_ASSIGN(
      const std::unique_ptr<store::Store> store,
      store::Store::open({.root = config.root,
                          .on_damage = [&reactor = *reactor](const Error&) { reactor.stop(); }},
                         *reactor,
                         trace,
                         clock));
  TRY(start_launcher(*host, config, failpoints));
  runtime::WorkerPool workers("worker", config.workers.threads, config.workers.queue, trace);
  runtime::LanedPool foreign({.name = "plugin",
                              .threads = config.workers.plugin_threads,
                              .queue = config.workers.queue,
                              .lane_width = config.network.concurrency},
                             trace);
  TRY(host->networks->open({failpoints, workers, trace}));
  host->networks->watch(*reactor);
  TRY_ASSIGN(
      const std::unique_ptr<events::EventLog> events,
      events::EventLog::open(
          *store,
          trace,
          clock,
          {.age = config.events.age, .count = config.events.count, .bytes = config.events.bytes}));
  operations::OperationTable table(clock);
  operations::DebtKeeper debts({*reactor, workers, *store, trace, clock, &foreign});
  operations::Interpreter interpreter(
      {*reactor, workers, table, debts, failpoints, clock, host->facts.boot_id, &foreign});
  // An exec on its way in is a process of its container's, which may hold it up.
  runtime::LanedPool joining({.name = "exec", .queue = config.workers.queue}, trace);
  operations::Interpreter exec_interpreter(
      {*reactor, workers, table, debts, failpoints, clock, host->facts.boot_id, &joining});
  TRY_ASSIGN(const std::string unpacker, sibling("skerry-unpack"));
  TRY_ASSIGN(
      const std::unique_ptr<ImageDesk> images,
      ImageDesk::open(
          {*reactor, workers, trace, clock, *store, *events, table, failpoints, *host, unpacker}));
  SnapshotBoard board;
  const auto standby = std::make_shared<StandbyShelf>(
      StandbyShelf::Parts{*reactor, workers, trace, failpoints, *host}, config.standby_processes);
  TRY(host->volumes->open({*reactor,
                           workers,
                           foreign,
                           trace,
                           clock,
                           *store,
                           *events,
                           table,
                           debts,
                           failpoints,
                           board,
                           host->facts.boot_id}));
  const VolumesEnd volumes_end{*host->volumes};
  ContainerManager containers(
      {*reactor,
       workers,
       trace,
       clock,
       config,
       *store,
       *events,
       interpreter,
       debts,
       failpoints,
       *host,
       board,
       [&images = *images](const std::string& name) { return images.resolve(name); },
       standby.get()});
  images->set_users(containers);
  ContainerAttachments attachments(*reactor, workers, containers);
  ExecBoard exec_board;
  ExecManager execs({*reactor,
                     workers,
                     trace,
                     clock,
                     *store,
                     *events,
                     exec_interpreter,
                     debts,
                     failpoints,
                     *host,
                     containers,
                     exec_board});
  CopyDesk copies({*reactor, workers, *host, containers, failpoints, unpacker});
  PodBoard pod_board;
  PodManager pods({*reactor,
                   workers,
                   trace,
                   clock,
                   config,
                   *store,
                   *events,
                   interpreter,
                   debts,
                   failpoints,
                   *host,
                   containers,
                   pod_board});

  TRY(pods.load());
  Recovery recovery({containers, pods, *store, workers, trace, clock, config, failpoints, *host});
  TRY(recovery.run());
  TRY(pods.recover());
  TRY(execs.recover());
  TRY(debts.load());

  ApiContext context{*reactor,    workers,      trace,
                     clock,       config,       *host,
                     board,       containers,   standby.get(),
                     attachments, exec_board,   execs,
                     copies,      pod_board,    pods,
                     *events,     table,        debts,
                     *images,     clock.wall(), std::string(kVersion)};
  TRY_ASSIGN(const std::unique_ptr<ApiServer> server,
             serve(context, config.run.string() + "/skerryd.sock", config.socket_group));
  trace.notice("ready", {{"version", std::string(kVersion)}, {"run", config.run.string()}});
  static_cast<void>(::sd_notify(0, "READY=1"));

  std::thread ending;
  TRY_ASSIGN(const runtime::Watch watch, reactor->watch(signals.get(), EPOLLIN, [&](std::uint32_t) {
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != sizeof info) return;
    if (ending.joinable()) return;
    static_cast<void>(::sd_notify(0, "STOPPING=1"));
    // Calls end through the reactor, so it turns until the last one has.
    ending = std::thread([&] {
      server->shut_down(kShutdownGrace);
      reactor->stop();
    });
  }));
  reactor->run();
  host->volumes->close();
  if (ending.joinable()) {
    ending.join();
  } else {
    return Error(Code::kDataLoss, "state.db is damaged; start again to rebuild it");
  }
  end_foreign(foreign, *host->networks);
  joining.shutdown();
  workers.shutdown();
  standby->close();
  return store->close_clean();
}

int list_failpoints() {
  operations::FailpointRegistry failpoints;
  const config::Config config;
  Host host;
  host.facts = os::probe_host();
  host.networks = *NetworkDesk::make(config, host);
  host.volumes = *VolumeDesk::make(config);
  host.pod_namespaces = std::make_unique<PodNamespaceOpener>(host);
  const auto isolators = make_chain(host);
  if (!isolators) {
    std::fprintf(stderr, "skerryd: %s\n", isolators.error().message().c_str());
    return 1;
  }
  declare_failpoints(failpoints, *isolators);
  for (const std::string& name : failpoints.names()) std::printf("%s\n", name.c_str());
  return 0;
}

int run_main(int argc, char** argv) {
  constexpr int kUsage = 2;
  auto invocation = config::parse_command_line({argv + 1, argv + argc}, kVersion);
  if (!invocation) {
    std::fprintf(stderr, "skerryd: %s\n", invocation.error().message().c_str());
    return kUsage;
  }
  switch (invocation->action) {
    case config::Action::kPrint:
      std::fputs(invocation->text.c_str(), stdout);
      return 0;
    case config::Action::kListFailpoints:
      return list_failpoints();
    case config::Action::kRun:
      break;
  }
  const auto ended = run_daemon(invocation->config);
  if (ended) return 0;
  std::fprintf(stderr, "skerryd: %s\n", ended.error().message().c_str());
  return 1;
}

}  // namespace
}  // namespace skerry::agent

int main(int argc, char** argv) {
  // The last border: a library's exception becomes a message and an exit status.
  try {
    return skerry::agent::run_main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "skerryd: %s\n", error.what());
    return 1;
  }
}
