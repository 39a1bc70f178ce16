#include "launcher/output_pump.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace skerry::launcher {

void OutputPump::take_terminal(UniqueFd master, UniqueFd slave) {
  parts_.output = std::move(master);
  slave_ = std::move(slave);
  has_terminal_ = true;
}

bool OutputPump::waits_for_reader() const {
  if (!is_lossless()) return false;
  return waiting_ > 0 || (!attached_.attached() && (parts_.output || parts_.errors));
}

int OutputPump::descriptor(logs::Stream stream) const {
  if (waiting_ > 0 || waits_for_reader()) return -1;
  return (stream == logs::Stream::kStdout ? parts_.output : parts_.errors).get();
}

// A terminal that nobody has open any more ends with EIO.
void OutputPump::pump(logs::Stream stream) {
  auto& source = pipe(stream);
  const auto buffer = buffer_.get();
  holds_memory_ = true;
  const ssize_t got = ::read(source.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return source.reset();
  stream_ = stream;
  offset_ = 0;
  waiting_ = static_cast<std::size_t>(got);
  retry();
}

void OutputPump::retry() {
  if (waiting_ == 0) return;
  const std::string_view data(buffer_.get().data() + offset_, waiting_);
  std::size_t taken = data.size();
  if (is_lossless()) {
    taken = attached_.attached() ? attached_.send(stream_, data) : 0;
  } else {
    if (parts_.log) taken = parts_.log->append(stream_, data);
    // In step with the log, so that a place in the one is a place in the other.
    if (attached_.attached()) {
      attached_.send_or_drop(stream_, data.substr(0, taken));
    } else if (!parts_.log) {
      unseen_ += taken;
    }
  }
  offset_ += taken;
  waiting_ -= taken;
}

bool OutputPump::finished() const {
  // What was in no log, and nobody saw, is still to be told.
  return waiting_ == 0 && !parts_.output && !parts_.errors && unseen_ == 0 &&
         !(attached_.attached() && attached_.owes_word());
}

void OutputPump::give_up() {
  if (waits_for_log()) parts_.log->drop({buffer_.get().data() + offset_, waiting_});
  waiting_ = 0;
  unseen_ = 0;
  parts_.output.reset();
  parts_.errors.reset();
  attached_.close();
}

logs::LogPosition OutputPump::attach(AttachedStream stream) {
  // What is in no log has no place to be looked up in: the next reader is told that it is missing.
  if (!parts_.log) stream.owe(std::exchange(unseen_, 0) + attached_.missed());
  attached_ = std::move(stream);
  return parts_.log ? parts_.log->position() : logs::LogPosition{};
}

void OutputPump::detach() {
  attached_ = AttachedStream();
  if (is_lossless()) waiting_ = 0;
  unseen_ = 0;
  parts_.slow_reader = plan::SlowReader::kMisses;
}

void OutputPump::on_attached_event(short events) {
  if ((events & (POLLHUP | POLLERR)) != 0) return attached_.close();
  attached_.tell_missed();
  if (is_lossless()) retry();
}

void OutputPump::release_memory() {
  if (waiting_ > 0) return;
  buffer_.release();
  if (parts_.log) parts_.log->release_memory();
  holds_memory_ = false;
}

}  // namespace skerry::launcher
