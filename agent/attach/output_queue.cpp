#include "agent/attach/output_queue.h"

#include <utility>

namespace skerry::agent {

void OutputQueue::push(OutputSource source, std::string bytes) {
  if (bytes.empty()) return;
  if (when_full_ == WhenFull::kDropNewest && bytes_ + bytes.size() > limit_ && bytes_ > 0) {
    dropped_ += bytes.size();
    return push_missed(source, bytes.size());
  }
  bytes_ += bytes.size();
  pieces_.push_back({.source = source, .bytes = std::move(bytes)});
  while (when_full_ == WhenFull::kDropOldest && bytes_ > limit_) drop_oldest();
}

// Notes of one gap become one, whatever streams it was in: a flood of both must not grow the queue.
void OutputQueue::push_missed(OutputSource source, std::uint64_t bytes) {
  if (bytes == 0) return;
  if (pieces_.empty() || pieces_.back().missed == 0) {
    pieces_.push_back({.source = source, .bytes = {}, .missed = bytes});
    return;
  }
  OutputPiece& last = pieces_.back();
  last.missed += bytes;
  if (last.source != source) last.source = OutputSource::kEither;
}

void OutputQueue::drop_oldest() {
  OutputPiece gap = std::move(pieces_.front());
  pieces_.pop_front();
  if (gap.missed == 0) {
    gap.missed = gap.bytes.size();
    bytes_ -= gap.bytes.size();
    dropped_ += gap.bytes.size();
    gap.bytes.clear();
  } else {
    const OutputPiece& next = pieces_.front();
    gap.missed += next.missed + next.bytes.size();
    bytes_ -= next.bytes.size();
    dropped_ += next.bytes.size();
    if (gap.source != next.source) gap.source = OutputSource::kEither;
    pieces_.pop_front();
  }
  pieces_.push_front(std::move(gap));
}

std::optional<OutputPiece> OutputQueue::take() {
  if (pieces_.empty()) return std::nullopt;
  OutputPiece piece = std::move(pieces_.front());
  pieces_.pop_front();
  bytes_ -= piece.bytes.size();
  while (piece.missed == 0 && !pieces_.empty()) {
    const OutputPiece& next = pieces_.front();
    if (next.missed != 0 || next.source != piece.source ||
        piece.bytes.size() + next.bytes.size() > kMaxPiece) {
      break;
    }
    piece.bytes += next.bytes;
    bytes_ -= next.bytes.size();
    pieces_.pop_front();
  }
  return piece;
}

}  // namespace skerry::agent
