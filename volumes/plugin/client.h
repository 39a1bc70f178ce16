// Calls to one Docker volume plugin: finding its socket, the handshake, retries, a cap on how many
// calls it may hold at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"
#include "volumes/plugin/discovery.h"
#include "volumes/plugin/messages.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

struct PluginSettings {
  PluginDirs dirs = {};
  /// This host's part of the id that mounts are asked for with; [A-Za-z0-9_.-], up to 64.
  /// The same for as long as the volumes of the host are its own.
  std::string host_id = {};
  /// How long a plugin that is down is waited for, within a call's deadline.
  std::chrono::milliseconds patience{5000};
  /// A plugin that hangs holds so many threads; further calls are refused.
  std::size_t max_calls = 16;
};

/// Thread: any; calls of several threads run side by side.
class PluginClient final {
 public:
  PluginClient(std::string name, PluginSettings settings)
      : name_(std::move(name)), settings_(std::move(settings)) {}

  const std::string& name() const { return name_; }
  const std::string& host_id() const { return settings_.host_id; }

  /// "Mount" calls /VolumeDriver.Mount. A plugin that cannot be reached is tried again, with a
  /// growing pause, until patience or deadline end; one that was reached is not: it may have done
  /// it. Errors: find_plugin_socket's, post's, parse_activation's; UNAVAILABLE, reason PLUGIN_BUSY,
  /// retryable. All name plugin and call.
  /// Blocks: up to the deadline. Thread: worker.
  Result<HttpReply> call(const std::string& function,
                         const std::string& body,
                         const CallLimits& limits);

 private:
  Result<HttpReply> call_patiently(const std::string& path,
                                   const std::string& body,
                                   const CallLimits& limits);
  Result<HttpReply> call_once(const std::string& path,
                              const std::string& body,
                              const CallLimits& limits);

  std::string name_;
  PluginSettings settings_;
  std::atomic<bool> is_active_ = false;
  std::atomic<std::size_t> calls_ = 0;
};

}  // namespace skerry::volumes
