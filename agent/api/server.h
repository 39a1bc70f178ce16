// The gRPC server on RUN/skerryd.sock: services, health, reflection.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"

namespace skerry::agent {

struct ApiContext;

/// Thread: main makes and ends it; gRPC serves on threads of its own.
class ApiServer {
 public:
  ApiServer() = default;
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;
  virtual ~ApiServer() = default;

  /// Takes no more calls, cancels those under way after the grace. The reactor must still turn:
  /// calls end through it. Blocks: until the last call has ended.
  virtual void shut_down(std::chrono::milliseconds grace) = 0;
};

/// Serves on `socket` (0660, the group if the host has it). Health says SERVING when this returns.
/// Errors: UNAVAILABLE when the socket cannot be bound.
Result<std::unique_ptr<ApiServer>> serve(ApiContext& context,
                                         const std::string& socket,
                                         const std::string& group);

}  // namespace skerry::agent
