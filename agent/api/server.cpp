#include "agent/api/server.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "agent/api/agent_service.h"
#include "agent/api/container_service.h"
#include "agent/api/event_service.h"
#include "agent/api/exec_service.h"
#include "agent/api/image_service.h"
#include "agent/api/network_service.h"
#include "agent/api/pod_service.h"
#include "agent/api/volume_service.h"

namespace skerry::agent {
namespace {

constexpr mode_t kSocketMode = 0660;
// Requests with 1 MiB of arguments and 256 KiB of annotations, and room.
constexpr int kMaxMessage = 16 << 20;

class GrpcServer final : public ApiServer {
 public:
  explicit GrpcServer(ApiContext& context)
      : containers_(context),
        execs_(context),
        images_(context),
        events_(context),
        networks_(context),
        volumes_(context),
        pods_(context),
        agent_(context) {}

  Result<> start(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(kMaxMessage);
    builder.RegisterService(&containers_);
    builder.RegisterService(&execs_);
    builder.RegisterService(&images_);
    builder.RegisterService(&events_);
    builder.RegisterService(&networks_);
    builder.RegisterService(&volumes_);
    builder.RegisterService(&pods_);
    builder.RegisterService(&agent_);
    server_ = builder.BuildAndStart();
    if (server_) return {};
    return Error(Code::kUnavailable, "cannot listen on \"" + socket + "\"");
  }

  void shut_down(std::chrono::milliseconds grace) override {
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
  }

 private:
  ContainerServiceImpl containers_;
  ExecServiceImpl execs_;
  ImageServiceImpl images_;
  EventServiceImpl events_;
  NetworkServiceImpl networks_;
  VolumeServiceImpl volumes_;
  PodServiceImpl pods_;
  AgentServiceImpl agent_;
  std::unique_ptr<grpc::Server> server_;
};

// Absent when the host has no such group: then only root may.
Result<> give_to_group(const std::string& socket, const std::string& name) {
  std::vector<char> buffer(16UL * 1024);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return {};
  }
  if (::chown(socket.c_str(), 0, found->gr_gid) == 0) return {};
  return Error::from_errno(errno, "give \"" + socket + "\" to the group \"" + name + "\"");
}

}  // namespace

Result<std::unique_ptr<ApiServer>> serve(ApiContext& context,
                                         const std::string& socket,
                                         const std::string& group) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto server = std::make_unique<GrpcServer>(context);
  // The mode is right from the first moment: bind(2) honours the umask.
  const mode_t before = ::umask(~kSocketMode & 0777U);
  auto started = server->start(socket);
  ::umask(before);
  if (!started) return std::move(started).error();
  TRY(give_to_group(socket, group));
  return std::unique_ptr<ApiServer>(std::move(server));
}

}  // namespace skerry::agent
