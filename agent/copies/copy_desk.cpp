#include "agent/copies/copy_desk.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "isolators/process/process.h"
#include "isolators/process/user_database.h"
#include "os/path.h"
#include "os/spawn.h"
#include "unpack/protocol.h"

namespace skerry::agent {
namespace {

using images::UnpackReport;

constexpr const char* kSpawn = "copy.spawn";

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make a pipe");
  return Pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
}

/// "UID:GID", or "archive" where the archive says.
Result<std::string> look_up_owner(int root, const std::string& owner) {
  if (owner.empty()) return std::string("archive");
  TRY_ASSIGN(const std::string passwd, isolators::read_user_database(root, "etc/passwd"));
  TRY_ASSIGN(const std::string group, isolators::read_user_database(root, "etc/group"));
  TRY_ASSIGN(const isolators::ResolvedUser user, isolators::resolve_user(owner, {}, passwd, group));
  return fmt::format("{}:{}", user.uid, user.gid);
}

std::vector<std::string> arguments_of(const std::string& program,
                                      const CopyRequest& request,
                                      const ContainerRoot& root,
                                      const std::string& owner) {
  const images::UnpackLimits limits;
  return {program,
          request.kind == CopyKind::kIn ? "--copy=in" : "--copy=out",
          root.is_process ? "--root=process" : "--root=mount",
          "--path=" + request.path,
          "--owner=" + owner,
          fmt::format("--max-bytes={}", limits.max_bytes.value()),
          fmt::format("--max-entries={}", limits.max_entries),
          fmt::format("--max-ratio={}", limits.max_ratio),
          fmt::format("--max-memory={}", limits.max_memory.value()),
          fmt::format("--max-cpu-seconds={}", limits.max_cpu.count())};
}

// What skerry-unpack says, in the API's words.
Error to_copy_error(Error error) {
  if (error.sys_errno() == EROFS) {
    return std::move(error).with_code(Code::kFailedPrecondition).with_reason("READ_ONLY");
  }
  const std::string& reason = error.reason();
  const bool archive = reason.starts_with("ARCHIVE_") || reason.starts_with("ENTRY_");
  if (error.code() == Code::kInvalidArgument && archive) {
    return std::move(error).with_reason("ARCHIVE_INVALID");
  }
  return error;
}

Error killed() {
  return Error(Code::kAborted,
               "the copy was ended: its container began or ended, or it took too much")
      .with_reason("COPY_KILLED")
      .as_retryable();
}

}  // namespace

struct CopyDesk::Started {
  bool of_a_process = false;
  os::ProcessRef process;
  UniqueFd pipe;
  UniqueFd result;
  skerry::v1::PathInfo info;
};

class CopyDesk::Running final : public Copy {
 public:
  Running(CopyDesk& desk, const Uid& uid, Started started)
      : desk_(desk),
        of_a_process_(started.of_a_process),
        process_(std::move(started.process)),
        result_(std::move(started.result)) {
    pipe = std::move(started.pipe);
    info = std::move(started.info);
    place_ = desk_.running_.emplace(uid.str(), this);
    // Also while nobody asks how it ended: a client that does not read must not keep it a zombie.
    static_cast<void>(watch_end());
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() override {
    watch_.reset();
    desk_.running_.erase(place_);
    if (report_) return;
    kill();
    // Ours to reap; it has no way not to die, but perhaps not at once.
    static_cast<void>(desk_.parts_.workers.submit([pidfd = std::move(process_.pidfd)] {
      static_cast<void>(os::wait_and_reap(pidfd.get()));
    }));
  }

  /// It looks through a process of the container, and ends with it.
  bool of_a_process() const { return of_a_process_; }
  void kill() { static_cast<void>(os::send_signal(process_.pidfd.get(), SIGKILL)); }

  void on_end(std::function<void(Result<UnpackReport>)> done) override {
    done_ = std::move(done);
    if (report_) return tell();
    if (auto watched = watch_end(); !watched) done_(std::move(watched).error());
  }

 private:
  Result<> watch_end() {
    if (is_watched_) return {};
    TRY_ASSIGN(watch_,
               desk_.parts_.reactor.watch(
                   process_.pidfd.get(), EPOLLIN, [this](std::uint32_t) { ended(); }));
    is_watched_ = true;
    return {};
  }

  void ended() {
    watch_.reset();
    const auto status = os::reap(process_.pidfd.get());
    report_ = read_report(status ? *status : std::nullopt);
    if (!*report_) report_ = to_copy_error(std::move(*report_).error());
    if (done_) tell();
  }

  void tell() {
    const auto done = std::exchange(done_, {});
    done(*report_);
  }

  Result<UnpackReport> read_report(const std::optional<os::ExitStatus>& status) const {
    if (status && status->signal == SIGKILL) return killed();
    if (!status || status->signal != 0 || status->code != 0) {
      return Error(Code::kInternal, "skerry-unpack ended without an answer")
          .with_reason("UNPACK_CRASHED");
    }
    // One byte more than an answer, so that a longer one shows.
    TRY_ASSIGN(const std::string answer,
               os::read_file(result_.get(), sizeof(unpack::UnpackResult) + 1));
    return images::read_unpack_result(answer);
  }

  CopyDesk& desk_;
  bool of_a_process_;
  os::ProcessRef process_;
  UniqueFd result_;
  bool is_watched_ = false;
  runtime::Watch watch_;
  std::optional<Result<UnpackReport>> report_;  ///< once it has ended and been reaped
  std::function<void(Result<UnpackReport>)> done_;
  std::multimap<std::string, Running*>::iterator place_;
};

CopyDesk::CopyDesk(Parts parts) : parts_(std::move(parts)) {
  parts_.containers.on_change([this, alive = std::weak_ptr(alive_)](const Container& container) {
    if (alive.lock()) container_changed(container);
  });
}

CopyDesk::~CopyDesk() = default;

void CopyDesk::declare_failpoints(operations::FailpointRegistry& failpoints) {
  failpoints.declare(kSpawn);
}

void CopyDesk::start(CopyRequest request,
                     const std::function<void(Result<std::unique_ptr<Copy>>)>& done) {
  auto found = parts_.containers.find(request.container);
  if (!found) return done(std::move(found).error());
  auto subject = root_subject(**found);
  if (!subject) return done(std::move(subject).error());
  if (running_.size() + starting_ >= kMaxCopies) {
    return done(Error(Code::kResourceExhausted, fmt::format("{} copies run", kMaxCopies))
                    .with_reason("COPIES")
                    .as_retryable());
  }
  ++starting_;
  auto work = [this,
               request = std::move(request),
               subject = std::make_shared<RootSubject>(std::move(*subject)),
               done,
               alive = std::weak_ptr(alive_)] {
    auto started = std::make_shared<Result<Started>>(spawn(*subject, request));
    parts_.reactor.post([this, subject, started, done, alive] {
      if (alive.lock()) this->started(subject->uid, std::move(*started), done);
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  if (submitted) return;
  --starting_;
  done(std::move(submitted).error());
}

// Thread: worker.
Result<CopyDesk::Started> CopyDesk::spawn(const RootSubject& subject, const CopyRequest& request) {
  const bool out = request.kind == CopyKind::kOut;
  TRY_ASSIGN(const ContainerRoot root,
             open_container_root(
                 subject, out ? RootAccess::kRead : RootAccess::kWrite, parts_.host, foreign_));
  Started started;
  started.of_a_process = root.is_process;
  TRY_ASSIGN(started.info, look_at_path(root.directory.get(), request.path));
  TRY_ASSIGN(const std::string owner, look_up_owner(root.directory.get(), request.owner));
  TRY_ASSIGN(Pipe archive, make_pipe());
  TRY_ASSIGN(Pipe result, make_pipe());
  TRY_ASSIGN(const auto group, parts_.host.cgroups->make_leaf(parts_.host.scope + "/helpers"));
  TRY_ASSIGN(const os::CgroupJoin join, group->join());
  os::Command command;
  command.program = parts_.program;
  command.arguments = arguments_of(parts_.program, request, root, owner);
  command.fds = {{unpack::kSourceFd, out ? archive.write_end.get() : archive.read_end.get()},
                 {unpack::kContainerFd, root.handle.get()},
                 {unpack::kResultFd, result.write_end.get()}};
  command.cgroup = &join;
  command.dies_with_parent = true;
  TRY(parts_.failpoints.hit(kSpawn));
  TRY_ASSIGN(started.process, os::spawn(command));
  started.pipe = std::move(out ? archive.read_end : archive.write_end);
  started.result = std::move(result.read_end);
  return started;
}

void CopyDesk::started(const Uid& uid,
                       Result<Started> result,
                       const std::function<void(Result<std::unique_ptr<Copy>>)>& done) {
  --starting_;
  if (!result) return done(std::move(result).error());
  const int flags = ::fcntl(result->pipe.get(), F_GETFL);
  static_cast<void>(::fcntl(result->pipe.get(), F_SETFL, flags | O_NONBLOCK));
  done(std::unique_ptr<Copy>(std::make_unique<Running>(*this, uid, std::move(*result))));
}

// A copy holds the container's mounts, and its writable layer, which the next attempt needs.
void CopyDesk::container_changed(const Container& container) {
  const State state = container.state();
  const bool begins = state == State::kAccepted || state == State::kPreparing;
  const bool lies = state == State::kExited && !container.gone && !container.removing;
  if ((!begins && state != State::kExited) || running_.empty()) return;
  const auto [begin, end] = running_.equal_range(container.uid.str());
  for (auto it = begin; it != end; ++it) {
    // One of a container that lies still goes on until that is removed or begins again.
    if (!lies || it->second->of_a_process()) it->second->kill();
  }
}

void CopyDesk::look_at(const skerry::v1::ContainerRef& container,
                       const std::string& path,
                       const std::function<void(Result<skerry::v1::PathInfo>)>& done) {
  auto found = parts_.containers.find(container);
  if (!found) return done(std::move(found).error());
  auto subject = root_subject(**found);
  if (!subject) return done(std::move(subject).error());
  auto work = [this,
               path,
               done,
               subject = std::make_shared<RootSubject>(std::move(*subject)),
               alive = std::weak_ptr(alive_)] {
    Result<skerry::v1::PathInfo> info = [&]() -> Result<skerry::v1::PathInfo> {
      TRY_ASSIGN(const ContainerRoot root,
                 open_container_root(*subject, RootAccess::kRead, parts_.host, foreign_));
      return look_at_path(root.directory.get(), path);
    }();
    parts_.reactor.post([info = std::move(info), done, alive] {
      if (alive.lock()) done(info);
    });
  };
  auto submitted = parts_.workers.submit(std::move(work));
  if (!submitted) done(std::move(submitted).error());
}

}  // namespace skerry::agent
