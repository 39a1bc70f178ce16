#include "launcher/output_pump.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace skerry::launcher {

void OutputPump::pump(logs::Stream stream) {
  auto& source = stream == logs::Stream::kStdout ? output_ : errors_;
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
  const auto buffer = buffer_.get();
  const std::size_t taken = log_->append(stream_, {buffer.data() + offset_, waiting_});
  offset_ += taken;
  waiting_ -= taken;
}

void OutputPump::give_up() {
  if (blocked()) log_->drop({buffer_.get().data() + offset_, std::exchange(waiting_, 0)});
  output_.reset();
  errors_.reset();
}

void OutputPump::release_memory() {
  if (blocked()) return;
  buffer_.release();
  if (log_) log_->release_memory();
  holds_memory_ = false;
}

}  // namespace skerry::launcher
