#include "cli/tar_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace skerry::cli {
namespace {

/// What posix_spawn is told: our end of the pipe is not the child's, and our blocked signals
/// neither.
class SpawnPlan final {
 public:
  SpawnPlan(int from, int to) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, from, to);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<TarProgram> TarProgram::start(Archive direction, const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make a pipe");
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const bool writes = direction == Archive::kItWrites;
  const SpawnPlan plan(writes ? writing.get() : reading.get(),
                       writes ? STDOUT_FILENO : STDIN_FILENO);
  std::string name = "tar";
  std::vector<std::string> copies = arguments;
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed =
      ::posix_spawnp(&pid, "tar", plan.actions(), plan.attributes(), argv.data(), environ);
  if (failed != 0) return Error::from_errno(failed, "start tar");
  return TarProgram(pid, std::move(writes ? reading : writing));
}

TarProgram::TarProgram(TarProgram&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), archive_(std::move(other.archive_)) {}

TarProgram::~TarProgram() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  [[maybe_unused]] const auto ended = wait();
}

Result<> TarProgram::wait() {
  archive_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error(Code::kUnknown,
               WIFEXITED(status) ? fmt::format("tar ended with code {}", WEXITSTATUS(status))
                                 : fmt::format("tar was ended by signal {}", WTERMSIG(status)));
}

std::string rename_first_component(const std::string& to) {
  std::string escaped;
  for (const char c : to) {
    // What means something in the replacement of sed's s|||.
    if (c == '\\' || c == '|' || c == '&') escaped += '\\';
    escaped += c;
  }
  // Names of files and of hard links' targets, not where symbolic links point.
  return "--transform=flags=rhS;s|^[^/]*|" + escaped + "|";
}

}  // namespace skerry::cli
