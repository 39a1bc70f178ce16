#include "cli/run_options.h"

#include "cli/command.h"

namespace skerry::cli {
namespace {

void add_identity(CLI::App& app, RunOptions& options) {
  app.add_option("--name", options.name, "A name for people");
  app.add_option("--id", options.id, "The key that makes a retry safe (default: random)");
  add_repeatable(app, "-l,--label", options.labels, "KEY=VALUE, to find it by");
  add_repeatable(app, "--annotation", options.annotations, "KEY=VALUE, kept as it is");
}

void add_process(CLI::App& app, RunOptions& options) {
  add_repeatable(app, "-e,--env", options.env, "NAME=VALUE, or NAME for the caller's value");
  add_repeatable(app, "--env-file", options.env_files, "File with a variable a line");
  app.add_option("-w,--workdir", options.working_dir, "Working directory inside");
  app.add_option("-u,--user", options.user, "USER[:GROUP], names or numbers");
  add_repeatable(app, "--group-add", options.groups, "One more group, name or number");
  app.add_option("--entrypoint", options.entrypoint, "Program to run instead of the image's");
  app.add_option("--stop-signal", options.stop_signal, "Signal that asks it to end (SIGTERM)");
  app.add_option("--stop-timeout", options.stop_timeout, "Time until it is killed then (10s)");
  add_repeatable(app, "--ulimit", options.ulimits, "NAME=SOFT[:HARD], such as nofile=1024");
  app.add_option("--oom-score-adj", options.oom_score_adj, "-1000 to 1000");
}

void add_files(CLI::App& app, RunOptions& options) {
  app.add_flag("--rootfs", options.rootfs, "IMAGE is a directory of the host");
  app.add_flag("--read-only", options.read_only, "The root cannot be written");
  app.add_flag("--durable", options.durable, "What it writes to its root survives a reboot");
  add_repeatable(
      app, "-v,--volume", options.volumes, "HOST:TARGET[:ro], HOST a path or a volume's name");
  app.add_option("--volume-driver", options.volume_driver, "Driver of the named volumes of -v");
  add_repeatable(app, "--tmpfs", options.tmpfs, "TARGET[:size=64m,mode=1777,ro,exec]");
  add_repeatable(app,
                 "--mount",
                 options.mounts,
                 "type=bind|volume,source=HOST,target=TARGET[,readonly] or type=tmpfs");
}

void add_confinement(CLI::App& app, RunOptions& options) {
  add_repeatable(app, "--cap-add", options.cap_add, "Capability to add, or ALL");
  add_repeatable(app, "--cap-drop", options.cap_drop, "Capability to drop, or ALL");
  add_repeatable(app,
                 "--security-opt",
                 options.security,
                 "seccomp=FILE|default|unconfined (FILE as Docker's), no-new-privileges or "
                 "systempaths=unconfined");
}

}  // namespace

void add_pod_options(CLI::App& app, PodOptions& options) {
  app.add_option("-h,--hostname", options.hostname, "Host name inside");
  // Not "NAME": what that completes is known by the option.
  add_repeatable(app,
                 "--network,--net",
                 options.networks,
                 "none, host, a network's name, or name=NAME,interface=IF,ip=ADDRESS");
  add_repeatable(
      app, "-p,--publish", options.ports, "[IP:]HOST:CONTAINER[/udp], a port of the host");
  app.add_option("--ip", options.ip, "IPv4 address to ask its network for");
  app.add_option("--ip6", options.ip6, "IPv6 address to ask its network for");
  app.add_option("--mac-address", options.mac_address, "Hardware address to ask its network for");
  add_repeatable(app, "--dns", options.dns, "Address of a name server");
  add_repeatable(app, "--dns-search", options.dns_searches, "Domain to look names up in");
  add_repeatable(app, "--dns-option", options.dns_options, "Such as ndots:2");
  add_repeatable(app, "--add-host", options.hosts, "NAME:ADDRESS, for /etc/hosts");
  add_repeatable(app, "--sysctl", options.sysctls, "KEY=VALUE, namespaced ones");
}

void add_resource_options(CLI::App& app, RunOptions& options) {
  app.add_option("-m,--memory", options.memory, "Memory limit, such as 64m, or unlimited");
  app.add_option("--memory-swap",
                 options.memory_swap,
                 "Memory and swap together, or unlimited (default: no swap with a memory limit)");
  app.add_option("--memory-reservation", options.memory_reservation, "Memory set aside for it");
  app.add_option("--cpus", options.cpus, "CPU limit, such as 0.5, or unlimited");
  app.add_option("--cpu-request", options.cpu_request, "CPUs set aside for it, such as 0.25");
  app.add_option("--pids-limit", options.pids_limit, "Processes and threads, or unlimited");
}

void add_run_options(CLI::App& app, RunOptions& options) {
  // -h is the host name here, as in Docker.
  app.set_help_flag("--help", "Print this help and exit");
  add_identity(app, options);
  add_process(app, options);
  add_files(app, options);
  add_resource_options(app, options);
  add_confinement(app, options);
  app.add_option("--pod", options.pod, "Join this pod; then none of the options about networks");
  add_pod_options(app, options.pod_of_one);
  add_repeatable(app,
                 "--log-opt",
                 options.log_options,
                 "max-size=10m, max-file=5, overflow=block|drop or path=FILE");
  app.add_flag("-i,--interactive", options.interactive, "It reads standard input");
  app.add_flag("-t,--tty", options.terminal, "It has a terminal");
  app.add_flag("--rm", options.remove, "Remove it after its exit");
  app.add_option("--ttl", options.ttl, "With --rm: keep it this long after its exit");
  // Everything from IMAGE on belongs to the container, options too.
  app.prefix_command();
}

}  // namespace skerry::cli
