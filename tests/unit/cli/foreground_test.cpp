// A container in the foreground, against a daemon that answers from a script.
#include "cli/foreground.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include "cli/relay.h"
#include "cli/terminal/session.h"
#include "skerry/v1/container_service.grpc.pb.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::cli {
namespace {

const std::string kUid = "3f2a0000000000000000000000000001";

grpc::Status failure(grpc::StatusCode code, const std::string& reason, const std::string& step) {
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_step(step);
  v1::RpcStatus status;
  status.add_details()->PackFrom(detail);
  return {code, reason, status.SerializeAsString()};
}

class ScriptedDaemon final : public v1::ContainerService::Service {
 public:
  grpc::Status launch_status = grpc::Status::OK;
  grpc::Status logs_status = grpc::Status::OK;
  v1::ExitInfo exit;
  bool exits_at_end_of_stdin = false;
  /// Sent to the client when the call comes; the call then waits for what the client makes of it.
  int signal_at_launch = 0;
  int signal_at_logs = 0;

  /// The calls so far, in the order they came in.
  std::vector<std::string> calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  std::string stdin_data() {
    const std::scoped_lock lock(mutex_);
    return stdin_data_;
  }

  grpc::Status Launch(grpc::ServerContext* context,
                      const v1::LaunchContainerRequest* request,
                      v1::LaunchContainerResponse* response) override {
    note("Launch " + request->id());
    if (signal_at_launch != 0) {
      ::kill(::getpid(), signal_at_launch);
      while (!context->IsCancelled()) std::this_thread::yield();
    }
    response->mutable_container()->set_uid(kUid);
    *response->mutable_container()->mutable_spec() = request->spec();
    return launch_status;
  }
  grpc::Status ReadLogs(grpc::ServerContext* /*context*/,
                        const v1::ReadLogsRequest* request,
                        grpc::ServerWriter<v1::ReadLogsResponse>* writer) override {
    note("ReadLogs " + request->container().uid());
    if (signal_at_logs != 0) {
      ::kill(::getpid(), signal_at_logs);
      killed_.wait(0);
    }
    v1::ReadLogsResponse response;
    auto& entry = *response.add_entries();
    entry.set_stream(v1::LOG_STREAM_STDOUT);
    entry.set_data("from the container");
    writer->Write(response);
    return logs_status;
  }
  grpc::Status Wait(grpc::ServerContext* /*context*/,
                    const v1::WaitContainerRequest* /*request*/,
                    v1::WaitContainerResponse* response) override {
    if (exits_at_end_of_stdin) stdin_ended_.wait(false);
    *response->mutable_container()->mutable_exit() = exit;
    return grpc::Status::OK;
  }
  grpc::Status WriteStdin(grpc::ServerContext* /*context*/,
                          grpc::ServerReader<v1::WriteStdinRequest>* reader,
                          v1::WriteStdinResponse* /*response*/) override {
    v1::WriteStdinRequest request;
    while (reader->Read(&request)) {
      const std::scoped_lock lock(mutex_);
      stdin_data_ +=
          request.has_header() ? "<" + request.header().container().uid() + ">" : request.data();
    }
    stdin_ended_.store(true);
    stdin_ended_.notify_all();
    return grpc::Status::OK;
  }
  grpc::Status Kill(grpc::ServerContext* /*context*/,
                    const v1::KillContainerRequest* request,
                    v1::KillContainerResponse* /*response*/) override {
    note("Kill " + std::to_string(request->signal()));
    killed_.store(request->signal());
    killed_.notify_all();
    return grpc::Status::OK;
  }
  grpc::Status Stop(grpc::ServerContext* /*context*/,
                    const v1::StopContainerRequest* request,
                    v1::StopContainerResponse* /*response*/) override {
    note("Stop " + request->container().id());
    return grpc::Status::OK;
  }
  grpc::Status Remove(grpc::ServerContext* /*context*/,
                      const v1::RemoveContainerRequest* request,
                      v1::RemoveContainerResponse* /*response*/) override {
    note("Remove " + request->container().uid() + request->container().id());
    return grpc::Status::OK;
  }

 private:
  void note(std::string call) {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
  }

  std::mutex mutex_;
  std::vector<std::string> calls_;
  std::string stdin_data_;
  std::atomic<bool> stdin_ended_ = false;
  std::atomic<int> killed_ = 0;
};

/// What main() does before any test makes a client.
class Process final : public ::testing::Environment {
 public:
  void SetUp() override {
    block_relayed_signals();
    // For the tests of sessions: a thread of gRPC's that left them open would take them.
    block_session_signals();
    // One more user of gRPC, for good: between tests it would else be taken apart and made again,
    // and this version can hang in that.
    ::grpc_init();
  }
};
const ::testing::Environment* const kProcess = ::testing::AddGlobalTestEnvironment(new Process);

class Foreground : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "skerry-cli-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket(), grpc::InsecureServerCredentials());
    builder.RegisterService(&daemon_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    request_.set_id("job");
  }
  void TearDown() override {
    server_->Shutdown();
    server_.reset();
    ::unlink(socket().c_str());
    ::rmdir(directory_.c_str());
  }

  /// The result, with what went to our standard output meanwhile in output_.
  Result<int> run() {
    const auto client = Client::open({.host = socket(), .timeout = std::chrono::seconds(20)});
    ::testing::internal::CaptureStdout();
    auto code = run_in_foreground(*client, request_);
    output_ = ::testing::internal::GetCapturedStdout();
    return code;
  }

  std::string socket() const { return directory_ + "/s"; }

  ScriptedDaemon daemon_;
  v1::LaunchContainerRequest request_;
  std::string output_;

 private:
  std::string directory_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(Foreground, PrintsTheLogAndGivesTheExitCode) {
  daemon_.exit.set_code(7);
  EXPECT_EQ(*run(), 7);
  EXPECT_EQ(output_, "from the container\n");
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Launch job", "ReadLogs " + kUid}));
}

TEST_F(Foreground, RemovesInTheEndWhenAsked) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.exit.set_signal(9);
  EXPECT_EQ(*run(), 137);
  EXPECT_EQ(daemon_.calls().back(), "Remove " + kUid);
}

TEST_F(Foreground, RemovesWhatAFailedLaunchLeft) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.launch_status = failure(grpc::NOT_FOUND, "COMMAND_NOT_FOUND", "exec");
  const auto code = run();
  ASSERT_FALSE(code);
  EXPECT_EQ(exit_code_of_failure(code.error()), 127);
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Launch job", "Remove job"}));
}

TEST_F(Foreground, RemovesNothingOfALaunchThatWasRefused) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.launch_status = failure(grpc::ALREADY_EXISTS, "SPEC_DIFFERS", "");
  EXPECT_EQ(run().error().reason(), "SPEC_DIFFERS");
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Launch job"}));
}

TEST_F(Foreground, PassesItsInputOnUpToTheEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::write(ends[1], "hello", 5), 5);
  ::close(ends[1]);
  const int saved = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  ASSERT_EQ(::dup3(ends[0], STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
  request_.mutable_spec()->set_stdin(true);
  daemon_.exits_at_end_of_stdin = true;
  daemon_.exit.set_code(0);
  EXPECT_EQ(*run(), 0);
  ::dup3(saved, STDIN_FILENO, O_CLOEXEC);
  ::close(saved);
  ::close(ends[0]);
  EXPECT_EQ(daemon_.stdin_data(), "<" + kUid + ">hello");
}

TEST_F(Foreground, PassesSignalsOn) {
  daemon_.signal_at_logs = SIGTERM;
  daemon_.exit.set_code(5);
  EXPECT_EQ(*run(), 5);
  EXPECT_EQ(daemon_.calls(),
            (std::vector<std::string>{"Launch job", "ReadLogs " + kUid, "Kill 15"}));
}

TEST_F(Foreground, StopsWhatASignalInterruptsBeforeItRuns) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.signal_at_launch = SIGINT;
  EXPECT_EQ(*run(), 130);
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Launch job", "Stop job", "Remove job"}));
}

TEST_F(Foreground, StopsALaunchThatOutlastsTheDeadline) {
  request_.mutable_spec()->set_remove_on_exit(true);
  daemon_.launch_status = grpc::Status(grpc::DEADLINE_EXCEEDED, "Deadline Exceeded");
  EXPECT_EQ(run().error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(daemon_.calls(), (std::vector<std::string>{"Launch job", "Stop job", "Remove job"}));
}

TEST_F(Foreground, ReportsALogThatBroke) {
  daemon_.logs_status = failure(grpc::DATA_LOSS, "LOG_BROKEN", "");
  EXPECT_EQ(run().error().reason(), "LOG_BROKEN");
}

}  // namespace
}  // namespace skerry::cli
