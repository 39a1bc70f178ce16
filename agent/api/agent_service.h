// AgentService: what the daemon is, does and owes; for people, monitoring and bug reports.
//
//   agent_service.cpp  requests      agent_answers.h  what they answer      state_entries.h
//   GetState
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/agent_service.grpc.pb.h"

namespace skerry::agent {

class AgentServiceImpl final : public skerry::v1::AgentService::CallbackService {
 public:
  explicit AgentServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* GetAgent(grpc::CallbackServerContext* call,
                                     const skerry::v1::GetAgentRequest* request,
                                     skerry::v1::GetAgentResponse* response) override;
  grpc::ServerUnaryReactor* ListOperations(grpc::CallbackServerContext* call,
                                           const skerry::v1::ListOperationsRequest* request,
                                           skerry::v1::ListOperationsResponse* response) override;
  grpc::ServerUnaryReactor* ListDebts(grpc::CallbackServerContext* call,
                                      const skerry::v1::ListDebtsRequest* request,
                                      skerry::v1::ListDebtsResponse* response) override;
  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* call,
                                      const skerry::v1::GetConfigRequest* request,
                                      skerry::v1::GetConfigResponse* response) override;
  grpc::ServerUnaryReactor* GetPlan(grpc::CallbackServerContext* call,
                                    const skerry::v1::GetPlanRequest* request,
                                    skerry::v1::GetPlanResponse* response) override;
  grpc::ServerUnaryReactor* ListLeaks(grpc::CallbackServerContext* call,
                                      const skerry::v1::ListLeaksRequest* request,
                                      skerry::v1::ListLeaksResponse* response) override;
  grpc::ServerUnaryReactor* GetState(grpc::CallbackServerContext* call,
                                     const skerry::v1::GetStateRequest* request,
                                     skerry::v1::GetStateResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
