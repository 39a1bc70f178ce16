// Stop tokens as a descriptor, for libraries that poll.
#pragma once

#include <sys/eventfd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::agent {

/// Polls readable once either of the two is asked to stop.
class StopFd final {
 public:
  /// Errors: RESOURCE_EXHAUSTED, no descriptor left.
  static Result<std::unique_ptr<StopFd>> make(const std::stop_token& one,
                                              const std::stop_token& other) {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return Error::from_errno(errno, "make an eventfd");
    return std::unique_ptr<StopFd>(new StopFd(std::move(event), one, other));
  }
  StopFd(const StopFd&) = delete;
  StopFd& operator=(const StopFd&) = delete;
  ~StopFd() = default;

  int get() const { return event_.get(); }

 private:
  StopFd(UniqueFd event, const std::stop_token& one, const std::stop_token& other)
      : event_(std::move(event)), one_(one, raise()), other_(other, raise()) {}
  std::function<void()> raise() {
    return [fd = event_.get()] { static_cast<void>(::eventfd_write(fd, 1)); };
  }

  UniqueFd event_;
  std::stop_callback<std::function<void()>> one_;
  std::stop_callback<std::function<void()>> other_;
};

}  // namespace skerry::agent
