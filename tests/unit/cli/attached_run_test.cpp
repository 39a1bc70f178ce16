// Terminals and attachments over a real stream, against a daemon that answers from a script.
#include "cli/terminal/attached_run.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

const std::string kUid = "3f2a0000000000000000000000000001";

class TerminalDaemon final : public v1::ContainerService::Service {
 public:
  grpc::Status start_status = grpc::Status::OK;
  grpc::Status attach_end = grpc::Status::OK;
  std::uint64_t missed = 0;
  bool exits = true;
  int signal_at_create = 0;

  std::vector<std::string> calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  grpc::Status Create(grpc::ServerContext* context,
                      const v1::CreateContainerRequest* request,
                      v1::CreateContainerResponse* response) override {
    note("Create " + request->id());
    if (signal_at_create != 0) {
      ::kill(::getpid(), signal_at_create);
      while (!context->IsCancelled()) ::usleep(1000);
    }
    response->mutable_container()->set_uid(kUid);
    return grpc::Status::OK;
  }
  grpc::Status Start(grpc::ServerContext* /*context*/,
                     const v1::StartContainerRequest* request,
                     v1::StartContainerResponse* /*response*/) override {
    note("Start " + request->container().uid());
    if (start_status.ok()) {
      started_.store(true);
      started_.notify_all();
    }
    return start_status;
  }
  grpc::Status Remove(grpc::ServerContext* /*context*/,
                      const v1::RemoveContainerRequest* request,
                      v1::RemoveContainerResponse* /*response*/) override {
    note("Remove " + request->container().uid() + request->container().id());
    return grpc::Status::OK;
  }
  grpc::Status Attach(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<v1::AttachContainerResponse,
                                               v1::AttachContainerRequest>* stream) override {
    v1::AttachContainerRequest request;
    stream->Read(&request);
    note("Attach " + request.header().container().uid() + " tail " +
         std::to_string(request.header().tail()));
    v1::AttachContainerResponse response;
    response.mutable_header()->set_terminal(false);
    stream->Write(response);
    if (waits_for_start) {
      while (!started_.load() && !context->IsCancelled()) ::usleep(1000);
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
    }
    response.mutable_data()->set_stream(v1::OUTPUT_STREAM_STDOUT);
    response.mutable_data()->set_data("from the container");
    stream->Write(response);
    if (missed > 0) {
      response.mutable_missed()->set_bytes(missed);
      stream->Write(response);
    }
    if (exits) {
      response.mutable_exit()->set_code(7);
      stream->Write(response);
    }
    return attach_end;
  }

  bool waits_for_start = true;

 private:
  void note(std::string call) {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
  }

  std::mutex mutex_;
  std::vector<std::string> calls_;
  std::atomic<bool> started_ = false;
};

class AttachedRun : public ::testing::Test {
 protected:
  void SetUp() override {
    block_session_signals();
    std::string pattern = ::testing::TempDir() + "skerry-tty-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + directory_ + "/s", grpc::InsecureServerCredentials());
    builder.RegisterService(&daemon_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    request_.set_id("shell");
    request_.mutable_spec()->mutable_terminal();
  }
  void TearDown() override {
    server_->Shutdown();
    server_.reset();
    ::unlink((directory_ + "/s").c_str());
    ::rmdir(directory_.c_str());
  }

  Client client() const {
    return *Client::open({.host = directory_ + "/s", .timeout = std::chrono::seconds(20)});
  }
  /// The result, with what went to our outputs meanwhile.
  Result<int> captured(const std::function<Result<int>()>& call) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto code = call();
    output_ = ::testing::internal::GetCapturedStdout();
    errors_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  Result<int> run() {
    return captured([this] { return run_with_terminal(client(), request_, ""); });
  }
  Result<int> attach() {
    daemon_.waits_for_start = false;
    v1::AttachContainerRequest::Header header;
    header.mutable_container()->set_uid(kUid);
    header.set_tail(5);
    return captured([&] {
      return attach_to(
          client(), header, {.terminal = false, .input = false, .detach_keys = "", .signal = {}});
    });
  }

  TerminalDaemon daemon_;
  v1::CreateContainerRequest request_;
  std::string output_;
  std::string errors_;

 private:
  std::string directory_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(AttachedRun, AttachesBeforeItStarts) {
  EXPECT_EQ(*run(), 7);
  EXPECT_EQ(output_, "from the container");
  EXPECT_EQ(
      daemon_.calls(),
      (std::vector<std::string>{"Create shell", "Attach " + kUid + " tail 0", "Start " + kUid}));
}

TEST_F(AttachedRun, RemovesInTheEndWhenAsked) {
  request_.mutable_spec()->set_remove_on_exit(true);
  EXPECT_EQ(*run(), 7);
  EXPECT_EQ(daemon_.calls().back(), "Remove " + kUid);
}

TEST_F(AttachedRun, RemovesWhatDidNotStart) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.start_status = {grpc::NOT_FOUND, "no such command"};
  EXPECT_EQ(run().error().message(), "no such command");
  EXPECT_EQ(daemon_.calls().back(), "Remove " + kUid);
}

TEST_F(AttachedRun, RemovesWhatASignalInterrupts) {
  daemon_.signal_at_create = SIGINT;
  EXPECT_EQ(*run(), 130);
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Create shell", "Remove shell"}));
}

TEST_F(AttachedRun, SaysThatTheDaemonWentAway) {
  daemon_.exits = false;
  daemon_.attach_end = {grpc::INTERNAL, "shutting down"};
  EXPECT_EQ(run().error().message(), "shutting down");
}

TEST_F(AttachedRun, SaysWhatWasMissed) {
  daemon_.missed = 4096;
  EXPECT_EQ(*attach(), 7);
  EXPECT_EQ(output_, "from the container");
  EXPECT_NE(errors_.find("4096 bytes of output are missing"), std::string::npos);
  EXPECT_EQ(daemon_.calls().front(), "Attach " + kUid + " tail 5");
}

TEST_F(AttachedRun, GivesTheErrorOfARefusedAttach) {
  daemon_.attach_end = {grpc::INTERNAL, "no"};
  daemon_.exits = false;
  EXPECT_EQ(attach().error().message(), "no");
}

}  // namespace
}  // namespace skerry::cli
