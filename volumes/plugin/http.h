// One HTTP request to a plugin over its unix socket. Bounded in time and size, and exact about
// whether the request can have been seen.
#pragma once

#include <string>

#include "base/result.h"
#include "volumes/plugin/messages.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

struct HttpRequest {
  std::string socket_path;
  /// "/VolumeDriver.Mount".
  std::string path;
  /// JSON, or empty.
  std::string body;
};

/// Posts on a new connection. Any status is an answer. Proxies of the environment are not used and
/// redirections not followed.
/// Errors: UNAVAILABLE, reason PLUGIN_UNREACHABLE: nobody listens, so nothing was sent.
/// UNAVAILABLE, reason PLUGIN_BROKE_OFF: it closed before the end of its answer. DEADLINE_EXCEEDED,
/// reason PLUGIN_TIMEOUT. INTERNAL, reason PLUGIN_REPLY_INVALID: no HTTP, or more than kMaxReply.
/// CANCELLED, reason CALL_CANCELLED. After all but the first the plugin may have done what it was
/// asked. Blocks: up to the deadline. Thread: worker.
Result<HttpReply> post(const HttpRequest& request, const CallLimits& limits);

}  // namespace skerry::volumes
