// The whole daemon but containers, cgroups and launcher: a reactor on a thread of its own, a store,
// the events, the images with an unpacker that runs no program, and the API on a socket.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include "agent/api/context.h"
#include "agent/api/server.h"
#include "agent/images/image_desk.h"
#include "fixtures.h"
#include "skerry/v1/agent_service.grpc.pb.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/event_service.grpc.pb.h"
#include "skerry/v1/image_service.grpc.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::tests {

/// The archive "a…" is content aaaa…; "!…" is no archive; "?…" waits for `go`; a directory is
/// dddd….
class LetterUnpacker final : public images::Unpacker {
 public:
  Result<images::UnpackReport> unpack(const images::UnpackJob& job) override {
    std::array<char, 1> letter = {'d'};
    const bool archive = job.source_kind == images::SourceKind::kArchive;
    if (archive && ::read(job.source, letter.data(), 1) != 1) letter = {'!'};
    if (letter[0] == '!') {
      return Error(Code::kInvalidArgument, "not an archive").with_reason("ARCHIVE_CORRUPT");
    }
    if (letter[0] == '?') {
      waiting.release();
      go.acquire();
      letter = {'f'};
    }
    const UniqueFd file(::openat(job.destination, "content", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    if (!file) return Error::from_errno(errno, "make a file");
    return images::UnpackReport{.content_id = *images::ContentId::parse(std::string(64, letter[0])),
                                .size = Bytes(1),
                                .entries = 1};
  }
  std::counting_semaphore<> waiting{0};
  std::counting_semaphore<> go{0};
};

inline std::string reason_of(const grpc::Status& status) {
  v1::RpcStatus details;
  v1::ErrorDetail detail;
  if (!details.ParseFromString(status.error_details()) || details.details_size() != 1) return "";
  return details.details(0).UnpackTo(&detail) ? detail.reason() : "";
}

class ApiFixture {
 public:
  explicit ApiFixture(const std::vector<std::string>& armed = {}) {
    auto started = start(armed);
    if (!started) ADD_FAILURE() << started.error().message();
  }
  ApiFixture(const ApiFixture&) = delete;
  ApiFixture& operator=(const ApiFixture&) = delete;
  ~ApiFixture() {
    unpacker->go.release(8);
    if (server) server->shut_down(std::chrono::seconds(1));
    reactor->stop();
    if (thread.joinable()) thread.join();
    workers->shutdown();
  }

  std::string layers() const { return config.root.string() + "/layers"; }
  std::size_t count_layers() const {
    const std::filesystem::directory_iterator all(layers());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  /// Until `done`, at most 20 s.
  template <class Predicate>
  static bool eventually(Predicate done) {
    for (int i = 0; i < 20'000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  TempDir dir;
  KeptTrace trace;
  SystemClock clock;
  config::Config config;
  std::unique_ptr<runtime::Reactor> reactor = *runtime::Reactor::create(clock, trace.get());
  agent::Host host;
  operations::FailpointRegistry failpoints;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<runtime::WorkerPool> workers;
  std::unique_ptr<events::EventLog> events;
  operations::OperationTable table{clock};
  std::unique_ptr<operations::DebtKeeper> debts;
  std::unique_ptr<operations::Interpreter> interpreter;
  LetterUnpacker* unpacker = nullptr;
  std::unique_ptr<agent::ImageDesk> desk;
  agent::SnapshotBoard board;
  std::unique_ptr<agent::ContainerManager> containers;
  std::unique_ptr<agent::ContainerAttachments> attachments;
  agent::ExecBoard exec_board;
  std::unique_ptr<agent::ExecManager> execs;
  std::unique_ptr<agent::CopyDesk> copies;
  agent::PodBoard pod_board;
  std::unique_ptr<agent::PodManager> pods;
  std::unique_ptr<agent::ApiContext> context;
  std::unique_ptr<agent::ApiServer> server;
  std::thread thread;
  std::shared_ptr<grpc::Channel> channel;

 private:
  Result<> start(const std::vector<std::string>& armed) {
    config.root = dir.path() / "root";
    config.run = dir.path() / "run";
    std::filesystem::create_directories(config.root);
    std::filesystem::create_directories(config.run);
    TRY_ASSIGN(host.directories,
               agent::open_directories(config.root.string(), config.run.string()));
    agent::ImageDesk::declare_failpoints(failpoints);
    agent::ContainerManager::declare_failpoints(failpoints, host.isolators);
    agent::ExecManager::declare_failpoints(failpoints);
    agent::PodManager::declare_failpoints(failpoints);
    agent::CopyDesk::declare_failpoints(failpoints);
    for (const std::string& each : armed) TRY(failpoints.arm(each));
    workers = std::make_unique<runtime::WorkerPool>("worker", 4, 64, trace.get());
    TRY_ASSIGN(
        store,
        store::Store::open({.root = config.root, .on_damage = {}}, *reactor, trace.get(), clock));
    TRY_ASSIGN(events, events::EventLog::open(*store, trace.get(), clock, {}));
    return start_desk();
  }

  Result<> start_desk() {
    debts = std::make_unique<operations::DebtKeeper>(
        operations::DebtKeeper::Parts{*reactor, *workers, *store, trace.get(), clock});
    interpreter = std::make_unique<operations::Interpreter>(operations::Interpreter::Parts{
        *reactor, *workers, table, *debts, failpoints, clock, "boot"});
    auto letters = std::make_unique<LetterUnpacker>();
    unpacker = letters.get();
    TRY_ASSIGN(
        desk,
        agent::ImageDesk::open(
            {*reactor, *workers, trace.get(), clock, *store, *events, table, failpoints, host, {}},
            std::move(letters)));
    containers = std::make_unique<agent::ContainerManager>(agent::ContainerManager::Parts{
        *reactor,
        *workers,
        trace.get(),
        clock,
        config,
        *store,
        *events,
        *interpreter,
        *debts,
        failpoints,
        host,
        board,
        [this](const std::string& name) { return desk->resolve(name); }});
    desk->set_users(*containers);
    attachments = std::make_unique<agent::ContainerAttachments>(*reactor, *workers, *containers);
    execs = std::make_unique<agent::ExecManager>(agent::ExecManager::Parts{*reactor,
                                                                           *workers,
                                                                           trace.get(),
                                                                           clock,
                                                                           *store,
                                                                           *events,
                                                                           *interpreter,
                                                                           *debts,
                                                                           failpoints,
                                                                           host,
                                                                           *containers,
                                                                           exec_board});
    copies = std::make_unique<agent::CopyDesk>(
        agent::CopyDesk::Parts{*reactor, *workers, host, *containers, failpoints, {}});
    pods = std::make_unique<agent::PodManager>(agent::PodManager::Parts{*reactor,
                                                                        *workers,
                                                                        trace.get(),
                                                                        clock,
                                                                        config,
                                                                        *store,
                                                                        *events,
                                                                        *interpreter,
                                                                        *debts,
                                                                        failpoints,
                                                                        host,
                                                                        *containers,
                                                                        pod_board});
    return start_server();
  }

  Result<> start_server() {
    context = std::make_unique<agent::ApiContext>(agent::ApiContext{
        *reactor,    *workers, trace.get(),  clock,      config, host,         board,
        *containers, nullptr,  *attachments, exec_board, *execs, *copies,      pod_board,
        *pods,       *events,  table,        *debts,     *desk,  clock.wall(), "1.2.3"});
    const std::string socket = config.run.string() + "/skerryd.sock";
    TRY_ASSIGN(server, agent::serve(*context, socket, "no-such-group"));
    thread = std::thread([this] { reactor->run(); });
    channel = grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials());
    return {};
  }
};

/// One import as a client does it: header, chunks, end.
struct ImportCall {
  explicit ImportCall(ApiFixture& f)
      : stub(v1::ImageService::NewStub(f.channel)), writer(stub->Import(&call, &response)) {}

  ImportCall& header(const std::vector<std::string>& names, const std::string& path = {}) {
    v1::ImportImageRequest request;
    for (const std::string& name : names) request.mutable_header()->add_names(name);
    if (path.empty()) {
      request.mutable_header()->mutable_stream();
    } else {
      request.mutable_header()->set_path(path);
    }
    writer->Write(request);
    return *this;
  }
  ImportCall& chunk(const std::string& bytes) {
    v1::ImportImageRequest request;
    request.set_chunk(bytes);
    writer->Write(request);
    return *this;
  }
  grpc::Status end() {
    writer->WritesDone();
    return writer->Finish();
  }

  grpc::ClientContext call;
  v1::ImportImageResponse response;
  std::unique_ptr<v1::ImageService::Stub> stub;
  std::unique_ptr<grpc::ClientWriter<v1::ImportImageRequest>> writer;
};

inline grpc::Status import(ApiFixture& f,
                           const std::vector<std::string>& names,
                           const std::string& archive) {
  return ImportCall(f).header(names).chunk(archive).end();
}

inline std::vector<v1::Image> images_of(ApiFixture& f) {
  const auto stub = v1::ImageService::NewStub(f.channel);
  grpc::ClientContext call;
  v1::ListImagesResponse response;
  EXPECT_TRUE(stub->List(&call, {}, &response).ok());
  return {response.images().begin(), response.images().end()};
}

}  // namespace skerry::tests
