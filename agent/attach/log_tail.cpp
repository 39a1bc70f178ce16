#include "agent/attach/log_tail.h"

#include <algorithm>
#include <utility>

#include "os/path.h"

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatchBytes = 256UL * 1024;
constexpr auto kBusyRetry = 10ms;

}  // namespace

std::optional<OutputPiece> LogTail::take() {
  if (batch_.empty()) {
    if (!done_ && !reading_) read_more();
    return std::nullopt;
  }
  OutputPiece piece = std::move(batch_.back());
  batch_.pop_back();
  return piece;
}

void LogTail::read_more() {
  reading_ = true;
  auto work = [self = shared_from_this()] {
    Batch batch = self->read();
    self->reactor_.post([self, batch = std::move(batch)]() mutable {
      self->reading_ = false;
      self->done_ = batch.last;
      self->batch_ = std::move(batch.pieces);
      std::ranges::reverse(self->batch_);
      if (self->on_ready_) self->on_ready_();
    });
  };
  if (workers_.submit(std::move(work))) return;
  retry_ = reactor_.after(kBusyRetry, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->read_more();
  });
}

LogTail::Batch LogTail::read() {
  Batch batch;
  if (!reader_) {
    auto directory = os::open_dir(options_.directory);
    if (!directory) return {.pieces = {}, .last = true};
    options_.reader.directory = std::move(*directory);
    reader_.emplace(logs::LogReader::open(std::move(options_.reader)));
  }
  std::size_t bytes = 0;
  while (bytes < kBatchBytes) {
    auto entry = reader_->next();
    if (!entry || !*entry) {
      batch.last = true;
      break;
    }
    const bool out = (*entry)->header.stream == logs::Stream::kStdout;
    std::string text = std::move((*entry)->text);
    if (!(*entry)->header.partial) text += '\n';
    bytes += text.size();
    const auto source = out ? OutputSource::kStdout : OutputSource::kStderr;
    const bool same = !batch.pieces.empty() && batch.pieces.back().source == source &&
                      batch.pieces.back().bytes.size() + text.size() <= OutputQueue::kMaxPiece;
    if (same) {
      batch.pieces.back().bytes += text;
    } else {
      batch.pieces.push_back({.source = source, .bytes = std::move(text)});
    }
  }
  return batch;
}

}  // namespace skerry::agent
