#include "base/error.h"

#include <string.h>

#include <array>
#include <cerrno>
#include <utility>

namespace skerry {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
      "UNIMPLEMENTED",
      "INTERNAL",
      "UNAVAILABLE",
      "DATA_LOSS",
  };
  return kNames.at(static_cast<std::size_t>(code));
}

namespace {

Code code_of_errno(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EPERM:
    case EACCES:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case E2BIG:
    case EMLINK:
      return Code::kResourceExhausted;
    case ETIMEDOUT:
      return Code::kDeadlineExceeded;
    case EBUSY:
    case ENOTEMPTY:
      return Code::kFailedPrecondition;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return Code::kUnavailable;
    case ENOSYS:
    case EOPNOTSUPP:
      return Code::kUnimplemented;
    case EIO:
      return Code::kDataLoss;
    default:
      return Code::kInternal;
  }
}

// Conditions that pass by themselves: somebody frees space, descriptors or a busy object.
bool is_transient(int sys_errno) {
  switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EBUSY:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string errno_text(int sys_errno) {
  const char* text = ::strerrordesc_np(sys_errno);
  if (text == nullptr) return "error " + std::to_string(sys_errno);
  std::string out = text;
  // "No such file" reads as the tail of a sentence; "I/O error" and the like keep their capitals.
  if (out.size() > 1 && out[1] >= 'a' && out[1] <= 'z' && out[0] >= 'A' && out[0] <= 'Z') {
    out[0] = static_cast<char>(out[0] - 'A' + 'a');
  }
  return out;
}

Error::Error(Code code, std::string message, std::source_location origin)
    : code_(code), message_(std::move(message)), origin_(origin) {}

Error Error::from_errno(int sys_errno, std::string_view what, std::source_location origin) {
  Error error(code_of_errno(sys_errno), std::string(what) + ": " + errno_text(sys_errno), origin);
  error.sys_errno_ = sys_errno;
  error.retryable_ = is_transient(sys_errno);
  return error;
}

Error Error::wrap(std::string_view context) && {
  message_.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Error Error::with_code(Code code) && {
  code_ = code;
  return std::move(*this);
}

Error Error::with_reason(std::string_view reason) && {
  reason_ = reason;
  return std::move(*this);
}

Error Error::with_step(std::string_view step) && {
  if (step_.empty()) step_ = step;
  return std::move(*this);
}

Error Error::with_object(std::string_view object) && {
  if (object_.empty()) object_ = object;
  return std::move(*this);
}

Error Error::as_retryable() && {
  retryable_ = true;
  return std::move(*this);
}

}  // namespace skerry
