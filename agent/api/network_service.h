// NetworkService on gRPC's threads.
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/network_service.grpc.pb.h"

namespace skerry::agent {

class NetworkServiceImpl final : public skerry::v1::NetworkService::CallbackService {
 public:
  explicit NetworkServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListNetworksRequest* request,
                                 skerry::v1::ListNetworksResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetNetworkRequest* request,
                                skerry::v1::GetNetworkResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
