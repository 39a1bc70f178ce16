#include "agent/attach/container_target.h"

#include <fmt/format.h>

#include "agent/attach/log_tail.h"

namespace skerry::agent {
namespace {

Error bad_state(const Container& container) {
  return Error(Code::kFailedPrecondition,
               fmt::format("the container is {}", state_name(container.state())))
      .with_reason("STATE")
      .with_object("container " + container.api().id());
}

struct Streams {
  bool out = false;
  bool err = false;
};

Result<Streams> wanted_streams(const ContainerAttachments::Header& header) {
  if (header.streams().empty()) return Streams{.out = true, .err = true};
  Streams wanted;
  for (const int stream : header.streams()) {
    if (stream == skerry::v1::OUTPUT_STREAM_STDOUT) {
      wanted.out = true;
    } else if (stream == skerry::v1::OUTPUT_STREAM_STDERR) {
      wanted.err = true;
    } else {
      return Error(Code::kInvalidArgument, "streams: no such stream").with_reason("FIELD_INVALID");
    }
  }
  return wanted;
}

logs::StreamFilter filter_of(const OutputHub::Client& client) {
  if (client.wants_out && client.wants_err) return logs::StreamFilter::kBoth;
  return client.wants_out ? logs::StreamFilter::kStdout : logs::StreamFilter::kStderr;
}

}  // namespace

class ContainerTarget final : public AttachTarget {
 public:
  ContainerTarget(ContainerAttachments& desk,
                  const Container& container,
                  std::shared_ptr<OutputHub::Client> client)
      : desk_(desk),
        uid_(container.uid),
        terminal_(container.spec.terminal.wanted),
        client_(std::move(client)) {
    ref_.set_uid(uid_.str());
  }
  ContainerTarget(const ContainerTarget&) = delete;
  ContainerTarget& operator=(const ContainerTarget&) = delete;
  ~ContainerTarget() override {
    if (tail_) tail_->on_ready({});
    desk_.leave(uid_, client_);
    if (feeds_) desk_.containers_.release_stdin(uid_, false);
  }

  void take_stdin(UniqueFd fd) {
    feeds_ = true;
    stdin_ = std::move(fd);
  }
  void begin_with(std::shared_ptr<LogTail> tail) { tail_ = std::move(tail); }
  void await_exit() {
    desk_.containers_.wait(
        ref_,
        WaitGoal::kExited,
        [this, alive = std::weak_ptr(alive_)](const Result<ViewPtr>& view) {
          if (!alive.lock()) return;
          over_ = true;
          if (view && *view) exit_ = (*view)->container.exit();
          // A copy: who is called may end us.
          const std::function<void()> on_ready = client_->on_ready;
          if (on_ready) on_ready();
        },
        [alive = std::weak_ptr(alive_)] { return alive.expired(); });
  }

  std::optional<OutputPiece> take() override {
    if (tail_) {
      auto piece = tail_->take();
      if (piece || !tail_->done()) return piece;
      tail_.reset();
    }
    return client_->queue.take();
  }

  std::optional<Result<skerry::v1::ExitInfo>> ended() override {
    if (tail_ || !over_ || !client_->ended || !client_->queue.empty()) return std::nullopt;
    if (exit_) return Result<skerry::v1::ExitInfo>(*exit_);
    return Error(Code::kNotFound, "the container is gone").with_reason("REMOVED");
  }

  Result<> resize(const TerminalSize& size) override {
    return desk_.containers_.resize(ref_, size);
  }

  void open_stdin(std::function<void(Result<UniqueFd>)> done) override {
    if (stdin_) return done(std::move(stdin_));
    done(Error(Code::kFailedPrecondition,
               feeds_ ? "the container's standard input was closed"
                      : "the header of the call does not say stdin")
             .with_reason("NO_STDIN"));
  }

  void close_stdin() override {
    stdin_.reset();
    if (std::exchange(feeds_, false)) desk_.containers_.release_stdin(uid_, true);
  }

  bool has_terminal() const override { return terminal_; }
  // The container does not notice either way.
  void detach() override {}

 private:
  ContainerAttachments& desk_;
  Uid uid_;
  skerry::v1::ContainerRef ref_;
  bool terminal_;
  std::shared_ptr<OutputHub::Client> client_;
  std::shared_ptr<LogTail> tail_;
  bool feeds_ = false;
  UniqueFd stdin_;
  bool over_ = false;
  std::optional<skerry::v1::ExitInfo> exit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A client on its way in: it has its standard input, then its place in the output.
struct ContainerAttachments::Joining {
  Uid uid;
  std::uint32_t tail = 0;
  std::shared_ptr<OutputHub::Client> client;
  std::unique_ptr<ContainerTarget> target;
  std::function<void(Result<Connected>)> done;
};

void ContainerAttachments::attach(const Header& header,
                                  std::function<void()> on_ready,
                                  std::function<void(Result<Connected>)> done) {
  auto streams = wanted_streams(header);
  if (!streams) return done(std::move(streams).error());
  if (header.tail() > kMaxTail) {
    return done(Error(Code::kInvalidArgument, fmt::format("tail: is above {}", kMaxTail))
                    .with_reason("FIELD_INVALID"));
  }
  auto found = containers_.find(header.container());
  if (!found) return done(std::move(found).error());
  const Container& container = **found;
  const bool begun = container.state() >= State::kCreated && is_live(container.state());
  if (!begun || !container.shim) return done(bad_state(container));

  auto joining = std::make_shared<Joining>();
  joining->uid = container.uid;
  joining->tail = header.tail();
  joining->client = std::make_shared<OutputHub::Client>(kQueueBytes, streams->out, streams->err);
  joining->client->on_ready = std::move(on_ready);
  joining->target = std::make_unique<ContainerTarget>(*this, container, joining->client);
  joining->done = std::move(done);
  if (!header.stdin()) return join(joining);
  containers_.open_stdin(
      header.container(),
      [this, joining, alive = std::weak_ptr(alive_)](Result<std::pair<Uid, UniqueFd>> opened) {
        const auto there = alive.lock();
        if (!there || !*there) return;
        if (!opened) return joining->done(std::move(opened).error());
        joining->target->take_stdin(std::move(opened->second));
        join(joining);
      });
}

void ContainerAttachments::join(const std::shared_ptr<Joining>& joining) {
  hub(joining->uid).join(joining->client, [this, joining](Result<AttachedOutput> attached) {
    if (!attached) return joining->done(std::move(attached).error());
    Container* container = containers_.find(joining->uid);
    if (container == nullptr) {
      return joining->done(Error(Code::kNotFound, "the container is gone").with_reason("REMOVED"));
    }
    if (joining->tail > 0 && attached->position.file_ns != 0) {
      const LogSettings& log = container->spec.log;
      LogTail::Options options{.directory = log.directory.empty()
                                                ? container->spec.config.root.scratch + "/log"
                                                : log.directory,
                               .reader = {.directory = {},
                                          .name = log.name,
                                          .max_files = log.max_files,
                                          .tail = joining->tail,
                                          .until = attached->position,
                                          .streams = filter_of(*joining->client)}};
      auto tail = std::make_shared<LogTail>(reactor_, workers_, std::move(options));
      tail->on_ready([client = std::weak_ptr(joining->client)] {
        const auto there = client.lock();
        const auto on_ready = there ? there->on_ready : std::function<void()>();
        if (on_ready) on_ready();
      });
      joining->target->begin_with(std::move(tail));
    }
    joining->target->await_exit();
    Connected connected;
    connected.view = container->view;
    connected.terminal = container->spec.terminal.wanted;
    connected.stdin_wanted = container->spec.open_stdin;
    connected.target = std::move(joining->target);
    joining->done(std::move(connected));
  });
}

OutputHub& ContainerAttachments::hub(const Uid& uid) {
  std::unique_ptr<OutputHub>& hub = hubs_[uid.str()];
  if (!hub) {
    hub = std::make_unique<OutputHub>(
        reactor_, [this, uid](std::function<void(Result<AttachedOutput>)> done) {
          containers_.attach_output(uid, std::move(done));
        });
  }
  return *hub;
}

void ContainerAttachments::leave(const Uid& uid, const std::shared_ptr<OutputHub::Client>& client) {
  const auto found = hubs_.find(uid.str());
  if (found == hubs_.end()) return;
  found->second->leave(client);
  // Destroyed later: a reader of it may be the caller.
  if (!found->second->idle()) return;
  reactor_.post([this, uid, alive = std::weak_ptr(alive_)] {
    const auto there = alive.lock();
    if (!there || !*there) return;
    const auto again = hubs_.find(uid.str());
    if (again != hubs_.end() && again->second->idle()) hubs_.erase(again);
  });
}

}  // namespace skerry::agent
