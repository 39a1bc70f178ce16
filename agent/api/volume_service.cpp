#include "agent/api/volume_service.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "agent/api/unary_call.h"
#include "agent/operations/operation_table.h"
#include "agent/volumes/volume_answers.h"

namespace skerry::agent {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

namespace {

using Call = std::shared_ptr<PendingCall>;
using Line = std::shared_ptr<operations::OperationTable::Entry>;

Error no_volumes() { return Error(Code::kUnavailable, "this daemon has no volumes"); }

Error unknown(const std::string& name) {
  return Error(Code::kNotFound, fmt::format("volume \"{}\" does not exist", name))
      .with_reason("VOLUME_NOT_FOUND")
      .with_object("volume " + name);
}

// A line in the table of operations, "queued" until the driver's lane has room.
Line begin_line(ApiContext& context, const VolumeId& id, const char* operation) {
  return std::make_shared<operations::OperationTable::Entry>(
      context.operations, "volume " + id.name, operation, nullptr);
}

void refuse_when_full(const Call& call, const Result<>& submitted) {
  if (!submitted) call->finish(to_status(submitted.error()), [] {});
}

}  // namespace

ServerUnaryReactor* VolumeServiceImpl::Create(CallbackServerContext* call,
                                              const skerry::v1::CreateVolumeRequest* request,
                                              skerry::v1::CreateVolumeResponse* response) {
  VolumeDesk* desk = context_.host.volumes.get();
  if (desk == nullptr) return answer_now(call, no_volumes());
  auto wish = volume_wish_of(*request);
  if (!wish) return answer_now(call, wish.error());
  auto* unary = new UnaryCall();
  const std::string driver = desk->driver_of(*wish);
  auto work = [this,
               desk,
               line = begin_line(context_, wish->id, "create"),
               wish = std::move(*wish),
               response,
               pending = unary->pending()] {
    line->at_step("volume.create");
    const auto made = desk->create(wish);
    if (!made) return pending->finish(to_status(made.error()), [] {});
    auto volume = describe_volume(*made, *context_.board.current());
    pending->finish(grpc::Status::OK, [&] { response->mutable_volume()->Swap(&volume); });
  };
  refuse_when_full(unary->pending(), desk->submit(driver, std::move(work)));
  return unary;
}

ServerUnaryReactor* VolumeServiceImpl::Get(CallbackServerContext* call,
                                           const skerry::v1::GetVolumeRequest* request,
                                           skerry::v1::GetVolumeResponse* response) {
  const VolumeDesk* desk = context_.host.volumes.get();
  if (desk == nullptr) return answer_now(call, no_volumes());
  const auto entry = desk->book().entry(volume_id_of(request->volume()));
  if (!entry) return answer_now(call, unknown(request->volume().name()));
  *response->mutable_volume() = describe_volume(*entry, *context_.board.current());
  return answer_now(call, {});
}

ServerUnaryReactor* VolumeServiceImpl::List(CallbackServerContext* call,
                                            const skerry::v1::ListVolumesRequest* request,
                                            skerry::v1::ListVolumesResponse* response) {
  VolumeDesk* desk = context_.host.volumes.get();
  if (desk == nullptr) return answer_now(call, no_volumes());
  auto known = list_volumes(*desk, *context_.board.current(), *request);
  if (!known) return answer_now(call, known.error());
  if (!request->ask_drivers()) {
    response->mutable_volumes()->Add(known->begin(), known->end());
    return answer_now(call, {});
  }
  auto* unary = new UnaryCall();
  // Where their sockets are has to be looked up.
  auto work = [desk,
               request = *request,
               known = std::move(*known),
               response,
               pending = unary->pending()]() mutable {
    desk->ask_drivers([desk, request, known = std::move(known), response, pending](
                          const VolumeDesk::Found& found) mutable {
      add_found(found, *desk, request, known);
      pending->finish(grpc::Status::OK, [&] {
        response->mutable_volumes()->Add(known.begin(), known.end());
        response->mutable_silent_drivers()->Add(found.silent.begin(), found.silent.end());
      });
    });
  };
  refuse_when_full(unary->pending(), context_.workers.submit(std::move(work)));
  return unary;
}

ServerUnaryReactor* VolumeServiceImpl::Remove(CallbackServerContext* call,
                                              const skerry::v1::RemoveVolumeRequest* request,
                                              skerry::v1::RemoveVolumeResponse*) {
  VolumeDesk* desk = context_.host.volumes.get();
  if (desk == nullptr) return answer_now(call, no_volumes());
  const VolumeId id = volume_id_of(request->volume());
  const auto record = desk->book().find(id);
  if (!record) return answer_now(call, unknown(id.name));
  auto* unary = new UnaryCall();
  auto work = [desk, line = begin_line(context_, id, "remove"), id, pending = unary->pending()] {
    line->at_step("volume.remove");
    const auto removed = desk->remove(id);
    pending->finish(removed ? grpc::Status::OK : to_status(removed.error()), [] {});
  };
  refuse_when_full(unary->pending(), desk->submit(record->driver, std::move(work)));
  return unary;
}

ServerUnaryReactor* VolumeServiceImpl::ListDrivers(
    CallbackServerContext* call,
    const skerry::v1::ListVolumeDriversRequest*,
    skerry::v1::ListVolumeDriversResponse* response) {
  const VolumeDesk* desk = context_.host.volumes.get();
  if (desk == nullptr) return answer_now(call, no_volumes());
  auto* unary = new UnaryCall();
  auto work = [desk, response, pending = unary->pending()] {
    const auto drivers = list_drivers(*desk);
    pending->finish(grpc::Status::OK,
                    [&] { response->mutable_drivers()->Add(drivers.begin(), drivers.end()); });
  };
  refuse_when_full(unary->pending(), context_.workers.submit(std::move(work)));
  return unary;
}

}  // namespace skerry::agent
