#include "cli/client.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/foreground.h"
#include "skerry/v1/error_detail.pb.h"
#include "skerry/v1/rpc_status.pb.h"

namespace skerry::cli {
namespace {

const std::string kUid1 = "3f2a0000000000000000000000000001";
const std::string kUid2 = "3f2a0000000000000000000000000002";

v1::Container container(const std::string& tenant,
                        const std::string& id,
                        const std::string& name,
                        const std::string& uid) {
  v1::Container made;
  made.set_tenant(tenant);
  made.set_id(id);
  made.set_name(name);
  made.set_uid(uid);
  return made;
}

TEST(ClientOpen, TakesUnixSocketsOnly) {
  EXPECT_TRUE(Client::open({.host = "unix:///run/x.sock", .timeout = {}}));
  EXPECT_TRUE(Client::open({.host = "/run/x.sock", .timeout = {}}));
  for (const std::string host : {"tcp://10.0.0.1:80", "unix://run/x", "x.sock", "unix://", ""}) {
    EXPECT_FALSE(Client::open({.host = host, .timeout = {}})) << host;
  }
  EXPECT_FALSE(Client::open({.host = "/" + std::string(200, 'x'), .timeout = {}}));
}

TEST(LikelyRef, TellsUidsFromNames) {
  EXPECT_EQ(likely_ref("", kUid1).uid(), kUid1);
  EXPECT_EQ(likely_ref("t", "web").name(), "web");
  EXPECT_EQ(likely_ref("t", "web").tenant(), "t");
  EXPECT_EQ(likely_ref("", kUid1.substr(1)).key_case(), v1::ContainerRef::kName);
}

TEST(PickContainer, PrefersWhatWasTypedInFull) {
  const std::vector<v1::Container> candidates = {container("default", "a", "3f2a", kUid2),
                                                 container("default", "b", "", kUid1)};
  EXPECT_EQ(pick_container(candidates, "", "3f2a")->uid(), kUid2);
  EXPECT_EQ(pick_container(candidates, "", "b")->uid(), kUid1);
}

TEST(PickContainer, TakesAnUnambiguousBeginningOfAUid) {
  const std::vector<v1::Container> one = {container("other", "a", "", kUid1)};
  EXPECT_EQ(pick_container(one, "", "3f2a")->uid(), kUid1);
  const std::vector<v1::Container> two = {container("default", "a", "", kUid1),
                                          container("default", "b", "", kUid2)};
  EXPECT_EQ(pick_container(two, "", "3f2a").error().reason(), "AMBIGUOUS");
}

TEST(PickContainer, LooksForIdsInOneTenantOnly) {
  const std::vector<v1::Container> candidates = {container("other", "web", "", kUid1)};
  EXPECT_EQ(pick_container(candidates, "", "web").error().reason(), "CONTAINER_NOT_FOUND");
  EXPECT_EQ(pick_container(candidates, "other", "web")->uid(), kUid1);
}

TEST(OnContainer, AsksOnceWhenTheNameFits) {
  const auto client = Client::open({.host = "/nonexistent/skerry.sock", .timeout = {}});
  int calls = 0;
  const auto result = on_container(*client, "", "web", [&](const v1::ContainerRef& ref) {
    ++calls;
    return Result<std::string>(ref.name());
  });
  EXPECT_EQ(*result, "web");
  EXPECT_EQ(calls, 1);
}

TEST(OnContainer, KeepsErrorsAboutOtherThings) {
  const auto client = Client::open({.host = "/nonexistent/skerry.sock", .timeout = {}});
  const auto result = on_container(*client, "", "web", [](const v1::ContainerRef&) {
    return Result<int>(Error(Code::kNotFound, "no image").with_reason("IMAGE_NOT_FOUND"));
  });
  EXPECT_EQ(result.error().reason(), "IMAGE_NOT_FOUND");
}

TEST(ToError, ReadsTheDetail) {
  v1::ErrorDetail detail;
  detail.set_reason("NAME_TAKEN");
  detail.set_step("accept");
  detail.set_object("container web");
  detail.set_retryable(true);
  v1::RpcStatus rpc_status;
  rpc_status.add_details()->PackFrom(detail);
  const auto client = Client::open({.host = "/nonexistent/skerry.sock", .timeout = {}});
  const Error error = client->to_error(
      grpc::Status(grpc::ALREADY_EXISTS, "name \"web\" is taken", rpc_status.SerializeAsString()));
  EXPECT_EQ(error.code(), Code::kAlreadyExists);
  EXPECT_EQ(error.message(), "name \"web\" is taken");
  EXPECT_EQ(error.reason(), "NAME_TAKEN");
  EXPECT_EQ(error.step(), "accept");
  EXPECT_EQ(error.object(), "container web");
  EXPECT_TRUE(error.retryable());
}

TEST(ToError, NamesTheSocketOfADaemonThatIsNotThere) {
  const auto client = Client::open({.host = "/nonexistent/skerry.sock", .timeout = {}});
  const Error error = client->to_error(grpc::Status(grpc::UNAVAILABLE, "failed to connect"));
  EXPECT_EQ(error.reason(), "DAEMON_UNREACHABLE");
  EXPECT_EQ(error.message(),
            "cannot reach the daemon at \"/nonexistent/skerry.sock\": no such file or directory");
}

TEST(ExitCodes, FollowDockersConvention) {
  v1::ExitInfo exit;
  EXPECT_EQ(exit_code_of(exit), 125);
  exit.set_signal(15);
  EXPECT_EQ(exit_code_of(exit), 143);
  exit.set_code(7);
  EXPECT_EQ(exit_code_of(exit), 7);
  const auto failed = [](std::string_view reason) {
    return exit_code_of_failure(Error(Code::kNotFound, "x").with_reason(reason));
  };
  EXPECT_EQ(failed("COMMAND_NOT_FOUND"), 127);
  EXPECT_EQ(failed("COMMAND_NOT_EXECUTABLE"), 126);
  EXPECT_EQ(failed("IMAGE_NOT_FOUND"), 125);
}

}  // namespace
}  // namespace skerry::cli
