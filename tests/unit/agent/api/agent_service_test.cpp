#include "agent/api/agent_service.h"

#include "api_fixture.h"

namespace skerry::agent {
namespace {

using tests::ApiFixture;
using tests::reason_of;

struct AgentFixture : ApiFixture {
  std::unique_ptr<v1::AgentService::Stub> stub = v1::AgentService::NewStub(channel);
  grpc::ClientContext call;
};

TEST(AgentService, SaysWhoItIs) {
  AgentFixture f;
  ASSERT_TRUE(tests::import(f, {"box"}, "a").ok());
  v1::GetAgentResponse agent;
  ASSERT_TRUE(f.stub->GetAgent(&f.call, {}, &agent).ok());
  EXPECT_EQ(agent.name(), "skerry");
  EXPECT_EQ(agent.version(), "1.2.3");
  EXPECT_EQ(agent.root_directory(), f.config.root.string());
  EXPECT_EQ(agent.use().images(), 1U);
  EXPECT_NE(agent.host().architecture(), "");
}

TEST(AgentService, ShowsTheImportUnderWay) {
  AgentFixture f;
  tests::ImportCall import(f);
  import.header({"waits"}).chunk("?");
  import.writer->WritesDone();
  f.unpacker->waiting.acquire();
  v1::ListOperationsResponse response;
  ASSERT_TRUE(f.stub->ListOperations(&f.call, {}, &response).ok());
  ASSERT_EQ(response.operations_size(), 1);
  EXPECT_EQ(response.operations(0).kind(), "import");
  EXPECT_EQ(response.operations(0).object(), "image waits:latest");
  EXPECT_EQ(response.operations(0).step(), "import.stage");
  f.unpacker->go.release();
  EXPECT_TRUE(import.writer->Finish().ok());
}

TEST(AgentService, GivesTheConfigurationWithItsOrigin) {
  AgentFixture f;
  v1::GetConfigResponse response;
  ASSERT_TRUE(f.stub->GetConfig(&f.call, {}, &response).ok());
  bool found = false;
  for (const v1::ConfigEntry& entry : response.entries()) {
    if (entry.key() != "workers.threads") continue;
    found = true;
    EXPECT_EQ(entry.value(), "8");
    EXPECT_EQ(entry.origin(), "default");
  }
  EXPECT_TRUE(found);
}

TEST(AgentService, OwesNothing) {
  AgentFixture f;
  v1::ListDebtsResponse response;
  ASSERT_TRUE(f.stub->ListDebts(&f.call, {}, &response).ok());
  EXPECT_EQ(response.debts_size(), 0);
}

TEST(AgentService, KnowsNoPlanOfNobody) {
  AgentFixture f;
  v1::GetPlanRequest request;
  request.mutable_container()->set_id("nobody");
  v1::GetPlanResponse response;
  EXPECT_EQ(reason_of(f.stub->GetPlan(&f.call, request, &response)), "CONTAINER_NOT_FOUND");
}

TEST(AgentService, KnowsNoStateOfNobody) {
  AgentFixture f;
  v1::GetStateRequest request;
  v1::GetStateResponse response;
  EXPECT_EQ(reason_of(f.stub->GetState(&f.call, request, &response)), "FIELD_INVALID");
}

}  // namespace
}  // namespace skerry::agent
