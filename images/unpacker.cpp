#include "images/unpacker.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "os/path.h"
#include "os/spawn.h"
#include "unpack/protocol.h"

namespace skerry::images {
namespace {

constexpr Bytes kErrorTextCap{4096};

std::vector<std::string> arguments_of(const std::string& program, const UnpackJob& job) {
  const UnpackLimits& limits = job.limits;
  return {
      program,
      job.source_kind == SourceKind::kDirectory ? "--source=directory" : "--source=archive",
      job.tree_kind == TreeKind::kLayer ? "--whiteouts=overlay" : "--whiteouts=literal",
      fmt::format("--max-bytes={}", limits.max_bytes.value()),
      fmt::format("--max-entries={}", limits.max_entries),
      fmt::format("--max-ratio={}", limits.max_ratio),
      fmt::format("--max-memory={}", limits.max_memory.value()),
      fmt::format("--max-cpu-seconds={}", limits.max_cpu.count()),
  };
}

/// Why a program that ended without an answer did so.
Error explain_end(const os::Output& output) {
  const os::ExitStatus& status = output.status;
  if (status.signal == SIGXCPU) {
    return Error(Code::kResourceExhausted, "the archive takes too much processor time")
        .with_reason("ARCHIVE_TOO_SLOW");
  }
  if (status.signal == SIGKILL) {
    return Error(Code::kAborted, "skerry-unpack was killed, by us or for want of memory")
        .with_reason("UNPACK_KILLED")
        .as_retryable();
  }
  const std::string how = status.signal != 0 ? fmt::format("signal {}", status.signal)
                                             : fmt::format("exit code {}", status.code);
  return Error(Code::kInternal, fmt::format("skerry-unpack: {}: {}", how, output.error_text))
      .with_reason("UNPACK_CRASHED");
}

}  // namespace

Result<UnpackReport> ProcessUnpacker::unpack(const UnpackJob& job) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  os::Command command;
  command.program = program_;
  command.arguments = arguments_of(program_, job);
  command.fds = {{unpack::kSourceFd, job.source},
                 {unpack::kDestinationFd, job.destination},
                 {unpack::kResultFd, write_end.get()}};
  command.cgroup = job.cgroup;
  command.dies_with_parent = true;
  auto output = os::run(command, job.limits.deadline, {.input = {}, .output_cap = kErrorTextCap});
  if (!output) return std::move(output).error().wrap("run skerry-unpack");
  write_end.reset();
  if (output->status.signal != 0 || output->status.code != 0) return explain_end(*output);
  // One byte more than an answer, so that a longer one shows.
  TRY_ASSIGN(const std::string answer,
             os::read_file(read_end.get(), sizeof(unpack::UnpackResult) + 1));
  return read_unpack_result(answer);
}

}  // namespace skerry::images
