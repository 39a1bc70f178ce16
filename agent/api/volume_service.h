// VolumeService on gRPC's threads.
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/volume_service.grpc.pb.h"

namespace skerry::agent {

class VolumeServiceImpl final : public skerry::v1::VolumeService::CallbackService {
 public:
  explicit VolumeServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* call,
                                   const skerry::v1::CreateVolumeRequest* request,
                                   skerry::v1::CreateVolumeResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetVolumeRequest* request,
                                skerry::v1::GetVolumeResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListVolumesRequest* request,
                                 skerry::v1::ListVolumesResponse* response) override;
  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* call,
                                   const skerry::v1::RemoveVolumeRequest* request,
                                   skerry::v1::RemoveVolumeResponse* response) override;
  grpc::ServerUnaryReactor* ListDrivers(grpc::CallbackServerContext* call,
                                        const skerry::v1::ListVolumeDriversRequest* request,
                                        skerry::v1::ListVolumeDriversResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
