#include "launcher/shim.h"

#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "launcher/descriptors.h"
#include "launcher/fd_table.h"
#include "launcher/read_plan.h"
#include "launcher/shim_loop.h"
#include "launcher/standby.h"
#include "launcher/title.h"
#include "logs/exit_record.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::launcher {
namespace {

constexpr std::size_t kMaxStatBytes = 4096;

const SystemClock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

// The launcher's listener, its connections and its line to the holder were copied by the fork.
void close_what_is_not_ours(const ShimArguments& arguments) {
  std::vector<int> kept = {arguments.proc.get()};
  for (const auto& fd : arguments.fds) kept.push_back(fd.get());
  close_all_but(std::move(kept));
}

Result<OutputPump> make_pump(const plan::Shim& shim, FdTable& fds, ContainerProcess& child) {
  OutputPump::Parts parts{.output = std::move(child.output),
                          .errors = std::move(child.errors),
                          .slow_reader = shim.slow_reader};
  const auto& log = shim.log;
  if (log.directory == plan::kNoFd) return OutputPump(std::move(parts));
  TRY_ASSIGN(auto directory, fds.take(log.directory));
  const auto on_full =
      log.overflow == plan::LogOverflow::kDrop ? logs::OnFull::kDrop : logs::OnFull::kBlock;
  TRY_ASSIGN(parts.log,
             logs::LogWriter::open({.directory = std::move(directory),
                                    .name = log.name,
                                    .max_bytes = log.max_bytes,
                                    .max_files = log.max_files,
                                    .on_full = on_full},
                                   system_clock()));
  return OutputPump(std::move(parts));
}

// Zero when it cannot be told.
std::uint64_t start_ticks_of(int proc, pid_t pid) {
  if (proc < 0) return 0;
  const auto text = os::read_file_at(proc, std::to_string(pid) + "/stat", kMaxStatBytes);
  if (!text) return 0;
  const auto stat = os::parse_process_stat(*text);
  return stat ? stat->start_ticks : 0;
}

void report_failure(ControlLink& control, std::int32_t operation, int sys_errno) {
  ShimPacket packet;
  packet.type = ShimMessage::kFailed;
  packet.operation = operation;
  packet.sys_errno = sys_errno;
  control.send(packet);
}

void say_hello(ControlLink& control, const ContainerProcess& child, std::uint64_t start_ticks) {
  ShimPacket hello;
  hello.type = ShimMessage::kHello;
  hello.state = ShimState::kSettingUp;
  hello.pid = child.pid;
  hello.shim_pid = ::getpid();
  hello.start_ticks = start_ticks;
  control.send(hello, child.pidfd.get());
}

// A plan that cannot be read names no socket to say so: the daemon sees its end of the pair close.
void serve(ShimArguments& arguments) {
  if (arguments.fds.empty()) return;
  auto plan = read_plan(arguments.fds.front().get());
  if (!plan) return;
  set_title(arguments.title, "skerry-shim", plan->uid);
  arguments.fds.erase(arguments.fds.begin());
  FdTable fds(std::move(arguments.fds));

  auto connection = fds.take(plan->shim.control);
  if (!connection) return;
  ControlLink control(std::move(*connection), UniqueFd());
  auto child = start_container_process(
      *plan,
      fds,
      {.proc = arguments.reset_oom_score ? arguments.proc.get() : -1, .title = arguments.title});
  if (!child) return report_failure(control, child.error().operation, child.error().sys_errno);
  const std::uint64_t start_ticks = start_ticks_of(arguments.proc.get(), child->pid);
  if (plan->standby) {
    fds = FdTable();
    say_hello(control, *child, start_ticks);
    auto filled = await_fill(*plan, control, *child);
    if (!filled) return;
    *plan = std::move(filled->plan);
    fds = std::move(filled->fds);
  }

  auto listener = fds.take(plan->shim.listener);
  auto record = fds.take(plan->shim.exit_record);
  auto entered = fds.take(plan->enter.process);
  // The death signal takes the child along when one of these fails.
  if (!listener || !record || !entered) return report_failure(control, kFailedPlan, EBADF);
  control.listen_on(std::move(*listener));
  auto pump = make_pump(plan->shim, fds, *child);
  if (!pump) return report_failure(control, kFailedStdio, pump.error().sys_errno());

  ShimLoop loop({.uid = std::move(plan->uid),
                 .hold = plan->hold,
                 .open_stdin = plan->shim.open_stdin,
                 .control = std::move(control),
                 .exit_record = std::move(*record),
                 .start_ticks = start_ticks,
                 .child = std::move(*child),
                 .entered = std::move(*entered),
                 .output = std::move(*pump)});
  // An overlay's descriptor would keep it busy, and a resident shim is to be small.
  fds = FdTable();
  arguments.proc.reset();
  *plan = plan::LaunchPlan();
  ::malloc_trim(0);
  loop.run();
}

}  // namespace

void run_shim(ShimArguments arguments) {
  close_what_is_not_ours(arguments);
  ::setsid();
  serve(arguments);
  ::_exit(0);
}

}  // namespace skerry::launcher
