// What every command of the client needs to call the daemon.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <grpcpp/grpcpp.h>

#include "base/result.h"
#include "options.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::bench {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr auto kCallDeadline = std::chrono::seconds(60);
/// Which worker, or which group of sleepers, a container is of.
constexpr const char* kLabel = "bench";

/// A connection of its own; channels to one address would share one otherwise.
std::shared_ptr<grpc::Channel> connect(const Options& options);

std::unique_ptr<grpc::ClientContext> context();

Result<> check(const grpc::Status& status, std::string_view what);

/// The container every contender launches, with the limits of the floor program's and crun's.
v1::ContainerSpec make_spec(const Options& options, const std::string& label);

/// Not used before: a removed id is refused for a day, so ids differ from run to run too.
std::string make_id(const std::string& label, int number);

}  // namespace skerry::bench
