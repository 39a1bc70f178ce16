#include "volumes/plugin/client.h"

#include <algorithm>

#include <fmt/format.h>

#include "volumes/plugin/http.h"
#include "volumes/waiting.h"

namespace skerry::volumes {
namespace {

using std::chrono::milliseconds;

/// Counts one call for as long as it lives.
class Counted final {
 public:
  explicit Counted(std::atomic<std::size_t>& calls) : calls_(calls), number_(++calls) {}
  ~Counted() { --calls_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  std::size_t number() const { return number_; }

 private:
  std::atomic<std::size_t>& calls_;
  std::size_t number_;
};

}  // namespace

Result<HttpReply> PluginClient::call(const std::string& function,
                                     const std::string& body,
                                     const CallLimits& limits) {
  const Counted counted(calls_);
  if (counted.number() > settings_.max_calls) {
    return Error(Code::kUnavailable,
                 fmt::format("volume plugin \"{}\" has {} calls under way already",
                             name_,
                             settings_.max_calls))
        .with_reason("PLUGIN_BUSY")
        .as_retryable();
  }
  auto reply = call_patiently("/VolumeDriver." + function, body, limits);
  if (reply) return reply;
  return std::move(reply).error().wrap(fmt::format("volume plugin \"{}\": {}", name_, function));
}

Result<HttpReply> PluginClient::call_patiently(const std::string& path,
                                               const std::string& body,
                                               const CallLimits& limits) {
  constexpr milliseconds kFirstPause{50};
  constexpr milliseconds kLongestPause{1000};
  const auto give_up = std::min(limits.deadline, CallLimits::within(settings_.patience).deadline);
  for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
    auto reply = call_once(path, body, limits);
    if (reply || reply.error().reason() != "PLUGIN_UNREACHABLE") return reply;
    is_active_ = false;
    TRY_ASSIGN(const Wake wake, pause(wait, {.deadline = give_up, .cancel_fd = limits.cancel_fd}));
    if (wake == Wake::kCancelled) return cancelled("wait for the plugin to listen");
    if (wake == Wake::kDeadline) return reply;
  }
}

Result<HttpReply> PluginClient::call_once(const std::string& path,
                                          const std::string& body,
                                          const CallLimits& limits) {
  // Found anew each time: an upgraded plugin may listen elsewhere.
  TRY_ASSIGN(const std::string socket, find_plugin_socket(settings_.dirs, name_));
  if (!is_active_) {
    TRY_ASSIGN(const HttpReply reply,
               post({.socket_path = socket, .path = "/Plugin.Activate", .body = {}}, limits));
    TRY(parse_activation(reply));
    is_active_ = true;
  }
  return post({.socket_path = socket, .path = path, .body = body}, limits);
}

}  // namespace skerry::volumes
