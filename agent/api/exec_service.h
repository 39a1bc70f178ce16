// ExecService on gRPC's threads: check, post to the reactor, answer when it says so.
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/exec_service.grpc.pb.h"

namespace skerry::agent {

class ExecServiceImpl final : public skerry::v1::ExecService::CallbackService {
 public:
  explicit ExecServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext* call,
                                  const skerry::v1::StartExecRequest* request,
                                  skerry::v1::StartExecResponse* response) override;
  grpc::ServerBidiReactor<skerry::v1::AttachExecRequest, skerry::v1::AttachExecResponse>* Attach(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* Resize(grpc::CallbackServerContext* call,
                                   const skerry::v1::ResizeExecRequest* request,
                                   skerry::v1::ResizeExecResponse* response) override;
  grpc::ServerUnaryReactor* Wait(grpc::CallbackServerContext* call,
                                 const skerry::v1::WaitExecRequest* request,
                                 skerry::v1::WaitExecResponse* response) override;
  grpc::ServerUnaryReactor* Kill(grpc::CallbackServerContext* call,
                                 const skerry::v1::KillExecRequest* request,
                                 skerry::v1::KillExecResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetExecRequest* request,
                                skerry::v1::GetExecResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListExecsRequest* request,
                                 skerry::v1::ListExecsResponse* response) override;
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* call,
                                const skerry::v1::RunExecRequest* request,
                                skerry::v1::RunExecResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
