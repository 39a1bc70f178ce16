// The connection to the daemon, and calls over it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "base/result.h"
#include "skerry/v1/container.pb.h"

namespace skerry::cli {

struct ClientOptions {
  /// "unix:///run/skerry/skerryd.sock"; only unix sockets are served.
  std::string host = "unix:///run/skerry/skerryd.sock";
  /// For every single call. Absent: what the call itself finds sensible.
  std::optional<std::chrono::nanoseconds> timeout;
};

/// How long a call may take when the user does not say.
enum class Patience { kOrdinary, kEndless };

/// Thread: any, once open. Blocks: in calls, up to their deadline.
class Client final {
 public:
  /// Connects nothing yet: the first call does. Errors: INVALID_ARGUMENT for a host that is not a
  /// unix socket's.
  static Result<Client> open(ClientOptions options);

  /// One unary call: `client.call(&v1::ContainerService::Stub::Get, request)`. Errors: those of the
  /// call, see to_error().
  template <class Stub, class Request, class Response>
  Result<Response> call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                     const Request&,
                                                     Response*),
                        const Request& request,
                        Patience patience = Patience::kOrdinary) const {
    grpc::ClientContext context;
    set_deadline(context, patience);
    Response response;
    Stub stub(channel_);
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return to_error(status);
    return response;
  }

  void set_deadline(grpc::ClientContext& context, Patience patience) const;

  /// What a failed call means: the daemon's message, reason, step and object; or, when the daemon
  /// was not reached, why (reason DAEMON_UNREACHABLE).
  Error to_error(const grpc::Status& status) const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  Client(ClientOptions options, std::string socket_path);

  ClientOptions options_;
  std::string socket_path_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// The one of `candidates` that `typed` means: the tenant's with that id or name, else the one
/// whose uid begins with it. Errors: NOT_FOUND (reason CONTAINER_NOT_FOUND); INVALID_ARGUMENT
/// (reason AMBIGUOUS) when several fit.
Result<v1::ContainerRef> pick_container(const std::vector<v1::Container>& candidates,
                                        const std::string& tenant,
                                        const std::string& typed);

/// The same with the daemon's containers: one call of List.
Result<v1::ContainerRef> resolve_container(const Client& client,
                                           const std::string& tenant,
                                           const std::string& typed);

/// What `typed` most likely is, without asking: a uid if it looks like one, else a name.
v1::ContainerRef likely_ref(const std::string& tenant, const std::string& typed);

/// Whether an error says that the container named in the request does not exist (and not, say, a
/// mount source or an image).
bool is_missing_container(const Error& error);

/// Runs `call` for the container that `typed` means: first as what it most likely is, so that one
/// round trip is enough, and only if there is none by the uid that List finds.
template <class Call>
auto on_container(const Client& client,
                  const std::string& tenant,
                  const std::string& typed,
                  const Call& call) -> decltype(call(v1::ContainerRef())) {
  auto result = call(likely_ref(tenant, typed));
  if (result || !is_missing_container(result.error())) return result;
  TRY_ASSIGN(const auto ref, resolve_container(client, tenant, typed));
  return call(ref);
}

}  // namespace skerry::cli
