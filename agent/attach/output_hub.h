// A container's output, fanned out to every client that watches it. The shim sends it once; here
// each client has a bounded queue of its own, and who reads too slowly misses some and is told.
//
// Every newcomer makes the shim begin a new stream, whose place in the log it says. The stream
// before ends then, with all that was written up to that place; clients that were there before read
// on from the one to the next.
//
//   shim   ══ stream 1 ══╗ ends      ╔══ stream 2 ════ …
//   A      ── from log position 1 ───┼──────────────── …
//   B                                └─ from position 2 …
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "agent/attach/frame_reader.h"
#include "agent/attach/output_queue.h"
#include "agent/containers/shim_requests.h"
#include "agent/runtime/reactor.h"

namespace skerry::agent {

/// Thread: reactor.
class OutputHub final {
 public:
  /// Asks the shim for a new stream.
  using Attach = std::function<void(std::function<void(Result<AttachedOutput>)>)>;

  /// One client's part. Bytes of output of streams it does not want do not come here.
  struct Client {
    Client(std::size_t limit, bool out, bool err)
        : queue(limit, OutputQueue::WhenFull::kDropNewest), wants_out(out), wants_err(err) {}
    OutputQueue queue;
    bool wants_out;
    bool wants_err;
    /// No more will come.
    bool ended = false;
    std::function<void()> on_ready;

   private:
    friend class OutputHub;
    std::uint64_t first_stream_ = 0;
  };

  OutputHub(runtime::Reactor& reactor, Attach attach)
      : reactor_(reactor), attach_(std::move(attach)) {}

  /// `done` gets the place in the log where the client's output begins.
  void join(const std::shared_ptr<Client>& client,
            std::function<void(Result<AttachedOutput>)> done);
  void leave(const std::shared_ptr<Client>& client);
  /// Nobody watches, so nothing is to be kept.
  bool idle() const { return clients_.empty() && asked_ == 0; }

 private:
  struct Stream {
    std::uint64_t number = 0;
    std::unique_ptr<FrameReader> reader;
  };
  void attached(const std::shared_ptr<Client>& client,
                const std::function<void(Result<AttachedOutput>)>& done,
                Result<AttachedOutput> result);
  void on_frame(std::optional<OutputPiece> piece);
  void deliver(const OutputPiece& piece);
  void next_stream();
  void end_if_over();

  runtime::Reactor& reactor_;
  Attach attach_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::deque<Stream> streams_;  ///< the first one is read
  std::uint64_t last_number_ = 0;
  std::size_t asked_ = 0;  ///< attaches the shim has not answered
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace skerry::agent
