// The one place where an Error becomes a gRPC status, and a view an answer.
#pragma once

#include <grpcpp/support/status.h>

#include "agent/containers/snapshot.h"
#include "base/error.h"
#include "skerry/v1/container.pb.h"

namespace skerry::agent {

/// The status with its ErrorDetail in the trailer, as proto/skerry/v1/error_detail.proto says.
grpc::Status to_status(const Error& error);

/// Copies a view into an answer; BASIC leaves out what is marked "FULL only". UNSPECIFIED is
/// `fallback`.
void fill_container(const ContainerView& view,
                    skerry::v1::ContainerView wanted,
                    skerry::v1::ContainerView fallback,
                    skerry::v1::Container& out);

}  // namespace skerry::agent
