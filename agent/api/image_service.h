// ImageService on gRPC's threads.
//
//   image_service.cpp  List, Get, Remove      import_stream.cpp  Import
#pragma once

#include "agent/api/context.h"
#include "skerry/v1/image_service.grpc.pb.h"

namespace skerry::agent {

class ImageServiceImpl final : public skerry::v1::ImageService::CallbackService {
 public:
  explicit ImageServiceImpl(ApiContext& context) : context_(context) {}

  // The names are those of the generated base class.
  // NOLINTBEGIN(readability-identifier-naming)
  grpc::ServerReadReactor<skerry::v1::ImportImageRequest>* Import(
      grpc::CallbackServerContext* call, skerry::v1::ImportImageResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* call,
                                 const skerry::v1::ListImagesRequest* request,
                                 skerry::v1::ListImagesResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const skerry::v1::GetImageRequest* request,
                                skerry::v1::GetImageResponse* response) override;
  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* call,
                                   const skerry::v1::RemoveImageRequest* request,
                                   skerry::v1::RemoveImageResponse* response) override;
  // NOLINTEND(readability-identifier-naming)

 private:
  ApiContext& context_;
};

}  // namespace skerry::agent
