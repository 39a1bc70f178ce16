#include "launcher/shim.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "launcher/fd_table.h"
#include "launcher/shim_loop.h"
#include "logs/exit_record.h"
#include "os/memfd.h"
#include "os/path.h"
#include "os/proc_files.h"
#include "plan/codec.h"

namespace skerry::launcher {
namespace {

constexpr std::size_t kMaxStatBytes = 4096;

const SystemClock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

// The launcher's listener and its connections were copied by the fork.
void close_all_but(const ShimArguments& arguments) {
  std::vector<int> kept;
  kept.reserve(arguments.fds.size() + 1);
  for (const auto& fd : arguments.fds) kept.push_back(fd.get());
  if (arguments.proc) kept.push_back(arguments.proc.get());
  std::ranges::sort(kept);
  unsigned next = 3;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, ~0U, 0);
}

void set_title(std::span<char> area, const std::string& uid) {
  ::prctl(PR_SET_NAME, "skerry-shim");
  if (area.empty()) return;
  std::ranges::fill(area, '\0');
  const auto title = "skerry-shim " + uid;
  std::copy_n(title.begin(), std::min(title.size(), area.size() - 1), area.begin());
}

Result<plan::LaunchPlan> read_plan(int fd) {
  TRY_ASSIGN(const auto mapping, os::map_sealed_memfd(fd, plan::kMaxPlanBytes));
  const auto bytes = mapping.bytes();
  return plan::decode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

Result<OutputPump> make_pump(const plan::Log& log, FdTable& fds, ContainerProcess& child) {
  if (log.directory == plan::kNoFd) return OutputPump();
  TRY_ASSIGN(auto directory, fds.take(log.directory));
  const auto on_full =
      log.overflow == plan::LogOverflow::kDrop ? logs::OnFull::kDrop : logs::OnFull::kBlock;
  TRY_ASSIGN(auto writer,
             logs::LogWriter::open({.directory = std::move(directory),
                                    .name = log.name,
                                    .max_bytes = log.max_bytes,
                                    .max_files = log.max_files,
                                    .on_full = on_full},
                                   system_clock()));
  return OutputPump(std::move(writer), std::move(child.output), std::move(child.errors));
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

// A plan that cannot be read names no socket to say so: the daemon sees its end of the pair close.
void serve(ShimArguments& arguments) {
  if (arguments.fds.empty()) return;
  auto plan = read_plan(arguments.fds.front().get());
  if (!plan) return;
  set_title(arguments.title, plan->uid);
  arguments.fds.erase(arguments.fds.begin());
  FdTable fds(std::move(arguments.fds));

  auto connection = fds.take(plan->shim.control);
  auto listener = fds.take(plan->shim.listener);
  auto record = fds.take(plan->shim.exit_record);
  ControlLink control(connection ? std::move(*connection) : UniqueFd(),
                      listener ? std::move(*listener) : UniqueFd());
  if (!connection || !listener || !record) return report_failure(control, kFailedPlan, EBADF);

  auto child =
      start_container_process(*plan, fds, arguments.reset_oom_score ? arguments.proc.get() : -1);
  if (!child) return report_failure(control, child.error().operation, child.error().sys_errno);
  // The death signal takes the child along when this fails.
  auto pump = make_pump(plan->shim.log, fds, *child);
  if (!pump) return report_failure(control, kFailedStdio, pump.error().sys_errno());

  ShimLoop loop({.uid = std::move(plan->uid),
                 .hold = plan->hold,
                 .control = std::move(control),
                 .exit_record = std::move(*record),
                 .start_ticks = start_ticks_of(arguments.proc.get(), child->pid),
                 .child = std::move(*child),
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
  close_all_but(arguments);
  ::setsid();
  serve(arguments);
  ::_exit(0);
}

}  // namespace skerry::launcher
