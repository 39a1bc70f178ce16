// What goes wrong, as a value: one error object that grows outward from the failing call to the
// API.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

namespace skerry {

/// The kind of failure a caller can act on. Numbers are those of gRPC status codes, so that the
/// API maps them without a table.
enum class Code : std::uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};

/// The name of a code as gRPC spells it, such as "NOT_FOUND".
std::string_view code_name(Code code);

/// One failure. The message is lower case, without a full stop, with the object in quotes, and the
/// outermost context first: `create container "web": mount "/proc": operation not permitted`.
class [[nodiscard]] Error {
 public:
  Error(Code code,
        std::string message,
        std::source_location origin = std::source_location::current());

  /// A failed system call: the code follows from the errno value (ENOENT → NOT_FOUND, EPERM and
  /// EACCES → PERMISSION_DENIED, ENOSPC, EMFILE, ENOMEM … → RESOURCE_EXHAUSTED, EINVAL →
  /// INTERNAL because we composed the call). `what` names the call and its object: `open "/x"`.
  /// The errno value is passed in, so that it is taken on the line after the call.
  static Error from_errno(int sys_errno,
                          std::string_view what,
                          std::source_location origin = std::source_location::current());

  /// Puts context in front of the message: `mount "/proc": …`.
  Error wrap(std::string_view context) &&;
  /// Replaces the code, where the caller knows better what the failure means to its own caller.
  Error with_code(Code code) &&;
  /// A stable word for programs, in capitals: "IMAGE_NOT_FOUND", "LIMIT_TOO_SMALL".
  Error with_reason(std::string_view reason) &&;
  /// The step of the operation that failed; the innermost one stays.
  Error with_step(std::string_view step) &&;
  /// The object the operation was about; the innermost one stays.
  Error with_object(std::string_view object) &&;
  /// Says that the same request may succeed later without any change.
  Error as_retryable() &&;

  Code code() const { return code_; }
  int sys_errno() const { return sys_errno_; }
  bool retryable() const { return retryable_; }
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }
  const std::string& step() const { return step_; }
  const std::string& object() const { return object_; }
  const std::source_location& origin() const { return origin_; }

 private:
  Code code_;
  bool retryable_ = false;
  int sys_errno_ = 0;
  std::string message_;
  std::string reason_;
  std::string step_;
  std::string object_;
  std::source_location origin_;
};

/// The kernel's text for an errno value, in its own words: "No such file or directory" becomes
/// "no such file or directory". Thread-safe, unlike strerror(3).
std::string errno_text(int sys_errno);

}  // namespace skerry
