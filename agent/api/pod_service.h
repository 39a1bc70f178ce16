// PodService on gRPC's threads: check, post to the reactor, answer when it says so.
//
//   pod_service.cpp  requests, Get and List    pod_stats.cpp  GetStats
//   pod_answers.cpp  what a pod looks like
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/pod_service.grpc.pb.h"

namespace skerry::agent {

class PodServiceImpl final : public skerry::v1::PodService::CallbackService {
 public:
  explicit PodServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* call,
                                   const skerry::v1::CreatePodRequest* request,
                                   skerry::v1::CreatePodResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetPodRequest* request,
                                skerry::v1::GetPodResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListPodsRequest* request,
                                 skerry::v1::ListPodsResponse* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* call,
                                 const skerry::v1::StopPodRequest* request,
                                 skerry::v1::StopPodResponse* response) override;
  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* call,
                                   const skerry::v1::RemovePodRequest* request,
                                   skerry::v1::RemovePodResponse* response) override;
  grpc::ServerUnaryReactor* Update(grpc::CallbackServerContext* call,
                                   const skerry::v1::UpdatePodRequest* request,
                                   skerry::v1::UpdatePodResponse* response) override;
  grpc::ServerUnaryReactor* GetStats(grpc::CallbackServerContext* call,
                                     const skerry::v1::GetPodStatsRequest* request,
                                     skerry::v1::GetPodStatsResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
