#include "agent/api/event_service.h"

#include "api_fixture.h"

namespace skerry::agent {
namespace {

using tests::ApiFixture;
using tests::import;
using tests::reason_of;

struct WatchCall {
  WatchCall(ApiFixture& f, const v1::WatchEventsRequest& request)
      : stub(v1::EventService::NewStub(f.channel)), reader(stub->Watch(&call, request)) {}
  /// The next `count` events, or fewer when it ends: "type image" each.
  std::vector<std::string> read(std::size_t count) {
    std::vector<std::string> all;
    while (all.size() < count && reader->Read(&response)) {
      for (const v1::Event& event : response.events()) {
        all.push_back(v1::EventType_Name(event.type()).substr(17) + " " + event.image());
        last = event;
      }
    }
    return all;
  }

  grpc::ClientContext call;
  std::unique_ptr<v1::EventService::Stub> stub;
  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> reader;
  v1::WatchEventsResponse response;
  v1::Event last;
};

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

TEST(EventService, GivesWhatFollowsTheHeaders) {
  ApiFixture f;
  WatchCall watch(f, {});
  watch.reader->WaitForInitialMetadata();
  ASSERT_TRUE(import(f, {"one"}, "a").ok());
  ASSERT_TRUE(import(f, {"one"}, "b").ok());
  const std::vector<std::string> expected = {
      "ADDED " + kA, "ADDED one:latest", "REMOVED one:latest", "ADDED " + kB, "ADDED one:latest"};
  EXPECT_EQ(watch.read(5), expected);
  EXPECT_GT(watch.last.cursor().sequence(), 0U);
  EXPECT_GT(watch.last.time().seconds(), 0);
  watch.call.TryCancel();
  EXPECT_EQ(watch.reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(EventService, HistoryEnds) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"one"}, "a").ok());
  v1::WatchEventsRequest request;
  request.set_history_only(true);
  EXPECT_TRUE(WatchCall(f, request).reader->Finish().ok());
  request.mutable_since()->set_seconds(1);
  WatchCall watch(f, request);
  EXPECT_EQ(watch.read(100).size(), 2U);
  EXPECT_TRUE(watch.reader->Finish().ok());
}

TEST(EventService, GoesOnAfterACursor) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"one"}, "a").ok());
  v1::WatchEventsRequest request;
  request.set_history_only(true);
  request.mutable_since()->set_seconds(1);
  WatchCall first(f, request);
  ASSERT_EQ(first.read(2).size(), 2U);
  ASSERT_TRUE(import(f, {"two"}, "a").ok());
  *request.mutable_after() = first.last.cursor();
  WatchCall second(f, request);
  EXPECT_EQ(second.read(100), std::vector<std::string>{"ADDED two:latest"});
}

TEST(EventService, FiltersAndStillEnds) {
  ApiFixture f;
  ASSERT_TRUE(import(f, {"one"}, "a").ok());
  v1::WatchEventsRequest request;
  request.set_history_only(true);
  request.mutable_since()->set_seconds(1);
  request.mutable_filter()->add_types(v1::EVENT_TYPE_CONTAINER_OOM);
  WatchCall watch(f, request);
  EXPECT_TRUE(watch.read(1).empty());
  EXPECT_TRUE(watch.reader->Finish().ok());
}

TEST(EventService, RefusesCursorsItCannotGoOnFrom) {
  ApiFixture f;
  v1::WatchEventsRequest request;
  request.mutable_after()->set_epoch(77);
  const grpc::Status status = WatchCall(f, request).reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(reason_of(status), "CURSOR_UNKNOWN");
}

TEST(EventService, EndsWithTheServerAndWithTheClient) {
  ApiFixture f;
  {
    // Destroyed by clients that die at any moment of it.
    for (int i = 0; i < 50; ++i) {
      WatchCall watch(f, {});
      if (i % 2 == 0) watch.reader->WaitForInitialMetadata();
      watch.call.TryCancel();
      EXPECT_FALSE(watch.reader->Finish().ok());
    }
  }
  WatchCall watch(f, {});
  watch.reader->WaitForInitialMetadata();
  f.server->shut_down(std::chrono::milliseconds(10));
  EXPECT_FALSE(watch.reader->Finish().ok());
  f.server.reset();
}

TEST(EventService, ASlowClientGetsEverything) {
  ApiFixture f;
  WatchCall watch(f, {});
  watch.reader->WaitForInitialMetadata();
  constexpr int kEvents = 3000;
  std::binary_semaphore done(0);
  f.reactor->post([&] {
    for (int i = 0; i < kEvents; ++i) {
      v1::Event event;
      event.set_type(v1::EVENT_TYPE_IMAGE_ADDED);
      event.set_image(std::to_string(i));
      event.set_message(std::string(2000, 'm'));
      store::Transaction transaction = f.store->begin();
      f.events->append(transaction,
                       {.type = static_cast<std::uint32_t>(event.type()),
                        .object = "image",
                        .blob = event.SerializeAsString()});
      EXPECT_TRUE(transaction.commit());
    }
    done.release();
  });
  done.acquire();
  EXPECT_EQ(watch.read(kEvents).size(), static_cast<std::size_t>(kEvents));
  EXPECT_EQ(watch.last.image(), std::to_string(kEvents - 1));
  watch.call.TryCancel();
  watch.reader->Finish();
}

}  // namespace
}  // namespace skerry::agent
