#include "agent/attach/output_hub.h"

#include <algorithm>
#include <utility>

namespace skerry::agent {

void OutputHub::join(const std::shared_ptr<Client>& client,
                     std::function<void(Result<AttachedOutput>)> done) {
  ++asked_;
  attach_([this, client, done = std::move(done), alive = std::weak_ptr(alive_)](
              Result<AttachedOutput> result) {
    if (alive.lock()) attached(client, done, std::move(result));
  });
}

void OutputHub::attached(const std::shared_ptr<Client>& client,
                         const std::function<void(Result<AttachedOutput>)>& done,
                         Result<AttachedOutput> result) {
  --asked_;
  if (!result) {
    done(std::move(result).error());
    return end_if_over();
  }
  auto reader = FrameReader::open(
      reactor_, std::move(result->socket), [this](std::optional<OutputPiece> piece) {
        on_frame(std::move(piece));
      });
  if (!reader) return done(std::move(reader).error());
  client->first_stream_ = ++last_number_;
  clients_.push_back(client);
  streams_.push_back({.number = last_number_, .reader = std::move(*reader)});
  if (streams_.size() == 1) streams_.front().reader->resume();
  done(std::move(result));
}

void OutputHub::leave(const std::shared_ptr<Client>& client) {
  client->on_ready = {};
  std::erase(clients_, client);
  // The shim sees its socket close, and keeps its output to itself. Not from inside a reader: it
  // may be the caller.
  if (!clients_.empty()) return;
  for (Stream& stream : streams_) stream.reader->pause();
  reactor_.post([streams = std::exchange(streams_, {})] {});
}

void OutputHub::on_frame(std::optional<OutputPiece> piece) {
  if (piece) return deliver(*piece);
  next_stream();
}

void OutputHub::deliver(const OutputPiece& piece) {
  const std::uint64_t number = streams_.front().number;
  // A copy: a client may leave from inside.
  for (const std::shared_ptr<Client>& client : std::vector(clients_)) {
    if (client->first_stream_ > number) continue;
    if (piece.missed > 0) {
      client->queue.push_missed(piece.source, piece.missed);
    } else if (piece.source == OutputSource::kStderr ? client->wants_err : client->wants_out) {
      client->queue.push(piece.source, piece.bytes);
    }
    const std::function<void()> on_ready = client->on_ready;
    if (on_ready) on_ready();
  }
}

void OutputHub::next_stream() {
  // Destroyed later: the reader that ended is the caller.
  reactor_.post([ended = std::move(streams_.front())] {});
  streams_.pop_front();
  if (!streams_.empty()) return streams_.front().reader->resume();
  end_if_over();
}

void OutputHub::end_if_over() {
  if (!streams_.empty() || asked_ > 0) return;
  for (const std::shared_ptr<Client>& client : std::vector(clients_)) {
    client->ended = true;
    const std::function<void()> on_ready = client->on_ready;
    if (on_ready) on_ready();
  }
}

}  // namespace skerry::agent
