#include "agent/volumes/driver_error.h"

#include <utility>

namespace skerry::agent {
namespace {

// The driver answered, or did not, and the volume cannot be used.
bool is_of_driver(const Error& error) {
  const std::string& reason = error.reason();
  return reason.starts_with("PLUGIN_") || reason.starts_with("MOUNTPOINT_") ||
         reason == "VOLUME_DISCONNECTED" || reason == "VOLUME_NOT_FOUND";
}

}  // namespace

bool is_uncertain(const Error& error) {
  return error.code() == Code::kDeadlineExceeded || error.code() == Code::kUnavailable ||
         error.code() == Code::kCancelled;
}

Error to_client_error(Error error) {
  const std::string& reason = error.reason();
  if (reason == "VOLUME_DRIVER_NOT_FOUND") return std::move(error).with_reason("DRIVER_NOT_FOUND");
  if (reason == "VOLUME_DRIVER_NAME_INVALID") return std::move(error).with_reason("NAME_INVALID");
  if (error.code() == Code::kInvalidArgument || error.code() == Code::kCancelled) return error;
  if (error.code() == Code::kDeadlineExceeded) {
    return std::move(error).with_reason("DRIVER_TIMEOUT").as_retryable();
  }
  if (!is_of_driver(error)) return error;
  return std::move(error).with_code(Code::kUnavailable).with_reason("DRIVER_FAILED");
}

}  // namespace skerry::agent
