#include "agent/attach/input_pipe.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace skerry::agent {

Result<std::unique_ptr<InputPipe>> InputPipe::open(runtime::Reactor& reactor, UniqueFd fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return Error::from_errno(errno, "make the standard input non-blocking");
  }
  return std::unique_ptr<InputPipe>(new InputPipe(reactor, std::move(fd)));
}

void InputPipe::write(std::string bytes, std::function<void(Result<>)> done) {
  bytes_ = std::move(bytes);
  written_ = 0;
  done_ = std::move(done);
  write_some();
}

void InputPipe::write_some() {
  while (written_ < bytes_.size()) {
    const ssize_t count = ::write(fd_.get(), bytes_.data() + written_, bytes_.size() - written_);
    if (count >= 0) {
      written_ += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      return finish(Error::from_errno(errno, "write to the standard input")
                        .with_code(Code::kFailedPrecondition)
                        .with_reason("NO_STDIN"));
    }
    if (watch_) return;
    auto watch = reactor_.watch(fd_.get(), EPOLLOUT, [this](std::uint32_t) { write_some(); });
    if (!watch) return finish(std::move(watch).error());
    watch_ = std::move(*watch);
    return;
  }
  finish({});
}

void InputPipe::finish(Result<> result) {
  watch_.reset();
  // Out of the member first: who is called may destroy us, or write again.
  const auto done = std::exchange(done_, {});
  if (done) done(std::move(result));
}

}  // namespace skerry::agent
