// What goes from the caller's terminal to a container in the foreground: signals and input.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "cli/client.h"
#include "skerry/v1/container.pb.h"

namespace skerry::cli {

/// Blocks the signals that a SignalRelay takes. A thread that leaves them open would take them
/// first and end us; so this comes before the first one starts, and gRPC starts some with the
/// client. Thread: main.
void block_relayed_signals();

/// Takes the signals that would end or steer us and passes them on. They have to be blocked
/// already.
class SignalRelay final {
 public:
  /// `deliver` is called on the relay's own thread, with the signal's number.
  explicit SignalRelay(std::function<void(int)> deliver);
  SignalRelay(const SignalRelay&) = delete;
  SignalRelay& operator=(const SignalRelay&) = delete;
  /// Ends the thread; the signals stay blocked.
  ~SignalRelay();

 private:
  void loop();

  std::function<void(int)> deliver_;
  UniqueFd signals_;
  UniqueFd stop_;
  std::thread thread_;
};

/// Copies our standard input to a container until its end, which it passes on.
class StdinRelay final {
 public:
  StdinRelay(const Client& client, v1::ContainerRef container);
  StdinRelay(const StdinRelay&) = delete;
  StdinRelay& operator=(const StdinRelay&) = delete;
  /// Ends the copying, wherever it is.
  ~StdinRelay();

 private:
  void loop();

  const Client& client_;
  v1::ContainerRef container_;
  grpc::ClientContext context_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace skerry::cli
