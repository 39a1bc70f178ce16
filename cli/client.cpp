#include "cli/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "skerry/v1/container_service.grpc.pb.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::cli {
namespace {

constexpr std::string_view kScheme = "unix://";
constexpr auto kOrdinaryDeadline = std::chrono::seconds(60);

/// Why nobody answers at a socket: the errno of connecting to it, 0 when somebody does.
int connect_errno(const std::string& path) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT
  return ::connect(socket.get(), generic, sizeof address) == 0 ? 0 : errno;
}

std::optional<v1::ErrorDetail> find_detail(const grpc::Status& status) {
  v1::RpcStatus rpc_status;
  if (!rpc_status.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& any : rpc_status.details()) {
    v1::ErrorDetail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error missing(const std::string& typed) {
  return Error(Code::kNotFound, fmt::format("no container \"{}\"", typed))
      .with_reason("CONTAINER_NOT_FOUND");
}

}  // namespace

Client::Client(ClientOptions options, std::string socket_path)
    : options_(std::move(options)), socket_path_(std::move(socket_path)) {
  grpc::ChannelArguments arguments;
  // None of these has a meaning for a socket on this host; each costs time at start.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(
      "unix:" + socket_path_, grpc::InsecureChannelCredentials(), arguments);
}

Result<Client> Client::open(ClientOptions options) {
  const std::string_view host = options.host;
  std::string path(host.starts_with(kScheme) ? host.substr(kScheme.size()) : host);
  if (!path.starts_with('/')) {
    return Error(Code::kInvalidArgument,
                 fmt::format("host \"{}\" is not unix:///PATH, the only kind there is", host));
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(Code::kInvalidArgument, fmt::format("socket path \"{}\" is too long", path));
  }
  return Client(std::move(options), std::move(path));
}

void Client::set_deadline(grpc::ClientContext& context, Patience patience) const {
  const auto now = std::chrono::system_clock::now();
  if (options_.timeout) {
    // gRPC's own clock counts from here; anything longer than this is for ever anyway.
    constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
    context.set_deadline(now + std::min(*options_.timeout, kLongest));
  } else if (patience == Patience::kOrdinary) {
    context.set_deadline(now + kOrdinaryDeadline);
  }
}

Error Client::to_error(const grpc::Status& status) const {
  const auto code = static_cast<Code>(status.error_code());
  if (const auto detail = find_detail(status)) {
    Error error = Error(code, status.error_message())
                      .with_reason(detail->reason())
                      .with_step(detail->step())
                      .with_object(detail->object());
    return detail->retryable() ? std::move(error).as_retryable() : error;
  }
  if (code == Code::kUnavailable) {
    const int sys_errno = connect_errno(socket_path_);
    const std::string why = sys_errno == 0 ? status.error_message() : errno_text(sys_errno);
    return Error(code, fmt::format("cannot reach the daemon at \"{}\": {}", socket_path_, why))
        .with_reason(sys_errno == EACCES ? "DAEMON_FORBIDDEN" : "DAEMON_UNREACHABLE");
  }
  // The library's own answer for a service that is not there; it has no message.
  if (code == Code::kUnimplemented && status.error_message().empty()) {
    return Error(code, "this daemon cannot do that: it does not serve the call")
        .with_reason("CALL_NOT_SERVED");
  }
  return Error(code, status.error_message());
}

v1::ContainerRef likely_ref(const std::string& tenant, const std::string& typed) {
  constexpr std::size_t kUidLength = 32;
  v1::ContainerRef ref;
  ref.set_tenant(tenant);
  if (typed.size() == kUidLength && is_hex(typed)) {
    ref.set_uid(typed);
  } else {
    ref.set_name(typed);
  }
  return ref;
}

bool is_missing_container(const Error& error) {
  return error.code() == Code::kNotFound && error.reason() == "CONTAINER_NOT_FOUND";
}

Result<v1::ContainerRef> pick_container(const std::vector<v1::Container>& candidates,
                                        const std::string& tenant,
                                        const std::string& typed) {
  const std::string_view owner = tenant.empty() ? std::string_view("default") : tenant;
  std::vector<const v1::Container*> named;
  std::vector<const v1::Container*> begun;
  for (const auto& container : candidates) {
    const bool same = container.name() == typed || container.id() == typed;
    if (same && container.tenant() == owner) named.push_back(&container);
    if (container.uid().starts_with(typed)) begun.push_back(&container);
  }
  const auto& fitting = named.empty() ? begun : named;
  if (fitting.empty()) return missing(typed);
  if (fitting.size() > 1) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" fits {} containers, {} and {} among them",
                             typed,
                             fitting.size(),
                             fitting[0]->uid(),
                             fitting[1]->uid()))
        .with_reason("AMBIGUOUS");
  }
  v1::ContainerRef ref;
  ref.set_uid(fitting.front()->uid());
  return ref;
}

Result<v1::ContainerRef> resolve_container(const Client& client,
                                           const std::string& tenant,
                                           const std::string& typed) {
  if (typed.empty()) return missing(typed);
  v1::ListContainersRequest request;
  if (!tenant.empty()) request.set_tenant(tenant);
  request.set_key(typed);
  TRY_ASSIGN(const auto list, client.call(&v1::ContainerService::Stub::List, request));
  return pick_container({list.containers().begin(), list.containers().end()}, tenant, typed);
}

}  // namespace skerry::cli
