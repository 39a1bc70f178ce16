// ContainerService on gRPC's threads: check, post to the reactor, answer when it says so.
//
//   container_service.cpp  requests    log_stream.cpp  ReadLogs    stats_stream.cpp  stats
//   stdin_stream.cpp       WriteStdin  list.cpp        Get, List
//   attach.cpp             Attach, ResizeTerminal
//   list_processes.cpp     ListProcesses
//   copy_out.cpp           CopyOut, StatPath     copy_in.cpp  CopyIn
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::agent {

class ContainerServiceImpl final : public skerry::v1::ContainerService::CallbackService {
 public:
  explicit ContainerServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* call,
                                   const skerry::v1::CreateContainerRequest* request,
                                   skerry::v1::CreateContainerResponse* response) override;
  grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* call,
                                  const skerry::v1::StartContainerRequest* request,
                                  skerry::v1::StartContainerResponse* response) override;
  grpc::ServerUnaryReactor* Launch(grpc::CallbackServerContext* call,
                                   const skerry::v1::LaunchContainerRequest* request,
                                   skerry::v1::LaunchContainerResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetContainerRequest* request,
                                skerry::v1::GetContainerResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListContainersRequest* request,
                                 skerry::v1::ListContainersResponse* response) override;
  grpc::ServerUnaryReactor* Wait(grpc::CallbackServerContext* call,
                                 const skerry::v1::WaitContainerRequest* request,
                                 skerry::v1::WaitContainerResponse* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* call,
                                 const skerry::v1::StopContainerRequest* request,
                                 skerry::v1::StopContainerResponse* response) override;
  grpc::ServerUnaryReactor* Kill(grpc::CallbackServerContext* call,
                                 const skerry::v1::KillContainerRequest* request,
                                 skerry::v1::KillContainerResponse* response) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* call,
                                  const skerry::v1::PauseContainerRequest* request,
                                  skerry::v1::PauseContainerResponse* response) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* call,
                                   const skerry::v1::ResumeContainerRequest* request,
                                   skerry::v1::ResumeContainerResponse* response) override;
  grpc::ServerUnaryReactor* Update(grpc::CallbackServerContext* call,
                                   const skerry::v1::UpdateContainerRequest* request,
                                   skerry::v1::UpdateContainerResponse* response) override;
  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* call,
                                   const skerry::v1::RemoveContainerRequest* request,
                                   skerry::v1::RemoveContainerResponse* response) override;
  grpc::ServerWriteReactor<skerry::v1::ReadLogsResponse>* ReadLogs(
      grpc::CallbackServerContext* call, const skerry::v1::ReadLogsRequest* request) override;
  grpc::ServerReadReactor<skerry::v1::WriteStdinRequest>* WriteStdin(
      grpc::CallbackServerContext* call, skerry::v1::WriteStdinResponse* response) override;
  grpc::ServerBidiReactor<skerry::v1::AttachContainerRequest, skerry::v1::AttachContainerResponse>*
  Attach(grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* ResizeTerminal(grpc::CallbackServerContext* call,
                                           const skerry::v1::ResizeTerminalRequest* request,
                                           skerry::v1::ResizeTerminalResponse* response) override;
  grpc::ServerUnaryReactor* ListProcesses(grpc::CallbackServerContext* call,
                                          const skerry::v1::ListProcessesRequest* request,
                                          skerry::v1::ListProcessesResponse* response) override;
  grpc::ServerUnaryReactor* StatPath(grpc::CallbackServerContext* call,
                                     const skerry::v1::StatPathRequest* request,
                                     skerry::v1::StatPathResponse* response) override;
  grpc::ServerReadReactor<skerry::v1::CopyInRequest>* CopyIn(
      grpc::CallbackServerContext* call, skerry::v1::CopyInResponse* response) override;
  grpc::ServerWriteReactor<skerry::v1::CopyOutResponse>* CopyOut(
      grpc::CallbackServerContext* call, const skerry::v1::CopyOutRequest* request) override;
  grpc::ServerUnaryReactor* GetStats(grpc::CallbackServerContext* call,
                                     const skerry::v1::GetStatsRequest* request,
                                     skerry::v1::GetStatsResponse* response) override;
  grpc::ServerWriteReactor<skerry::v1::WatchStatsResponse>* WatchStats(
      grpc::CallbackServerContext* call, const skerry::v1::WatchStatsRequest* request) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
