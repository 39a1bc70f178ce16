#include "agent/api/event_filter.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

store::EventRow row(const v1::Event& event, std::uint64_t sequence = 7) {
  return {.epoch = 3,
          .sequence = sequence,
          .time = WallTime(std::chrono::seconds(100)),
          .type = static_cast<std::uint32_t>(event.type()),
          .object = "o",
          .blob = event.SerializeAsString()};
}

v1::Event web() {
  v1::Event event;
  event.set_type(v1::EVENT_TYPE_CONTAINER_STATE);
  event.set_tenant("default");
  event.set_id("web-1");
  event.set_name("web");
  event.set_uid(std::string(32, 'a'));
  (*event.mutable_labels())["app"] = "shop";
  return event;
}

bool passes(const v1::WatchEventsRequest& request, const v1::Event& event = web()) {
  auto filter = EventFilter::make(request);
  EXPECT_TRUE(filter);
  const auto taken = filter->take(row(event));
  EXPECT_TRUE(taken);
  return taken->has_value();
}

TEST(EventFilter, PassesAllByDefaultWithCursorAndTime) {
  auto filter = EventFilter::make({});
  const auto taken = filter->take(row(web()));
  ASSERT_TRUE(taken && taken->has_value());
  EXPECT_EQ((*taken)->cursor().epoch(), 3U);
  EXPECT_EQ((*taken)->cursor().sequence(), 7U);
  EXPECT_EQ((*taken)->time().seconds(), 100);
}

TEST(EventFilter, KnowsContainersByAnyKeyWithinTheTenant) {
  const auto with = [](auto set) {
    v1::WatchEventsRequest request;
    set(*request.mutable_filter()->add_containers());
    return passes(request);
  };
  EXPECT_TRUE(with([](v1::ContainerRef& ref) { ref.set_id("web-1"); }));
  EXPECT_TRUE(with([](v1::ContainerRef& ref) { ref.set_name("web"); }));
  EXPECT_TRUE(with([](v1::ContainerRef& ref) { ref.set_uid(std::string(32, 'a')); }));
  EXPECT_FALSE(with([](v1::ContainerRef& ref) { ref.set_id("web"); }));
  EXPECT_FALSE(with([](v1::ContainerRef& ref) {
    ref.set_tenant("other");
    ref.set_id("web-1");
  }));
}

TEST(EventFilter, FieldsHoldAllAndValuesAny) {
  v1::WatchEventsRequest request;
  request.mutable_filter()->add_containers()->set_id("other");
  request.mutable_filter()->add_containers()->set_id("web-1");
  EXPECT_TRUE(passes(request));
  request.mutable_filter()->add_labels()->set_key("app");
  EXPECT_TRUE(passes(request));
  request.mutable_filter()->add_labels()->set_key("absent");
  EXPECT_FALSE(passes(request));
}

TEST(EventFilter, LabelsCompareTheirValue) {
  v1::WatchEventsRequest request;
  auto* label = request.mutable_filter()->add_labels();
  label->set_key("app");
  label->set_value("shop");
  EXPECT_TRUE(passes(request));
  label->set_value("");
  EXPECT_FALSE(passes(request));
}

TEST(EventFilter, ImagesAreNobodysContainer) {
  v1::Event event;
  event.set_type(v1::EVENT_TYPE_IMAGE_ADDED);
  event.set_image("box:latest");
  v1::WatchEventsRequest request;
  EXPECT_TRUE(passes(request, event));
  request.mutable_filter()->set_tenant("default");
  EXPECT_FALSE(passes(request, event));
}

TEST(EventFilter, SinceEndsWithTheFirstOneOfThen) {
  v1::WatchEventsRequest request;
  request.mutable_since()->set_seconds(200);
  auto filter = EventFilter::make(request);
  store::EventRow event = row(web());
  EXPECT_FALSE(filter->take(event)->has_value());
  event.time = WallTime(std::chrono::seconds(200));
  EXPECT_TRUE(filter->take(event)->has_value());
  event.time = WallTime(std::chrono::seconds(150));
  EXPECT_TRUE(filter->take(event)->has_value());
}

TEST(EventFilter, RefusesWhatNamesNothing) {
  v1::WatchEventsRequest container;
  container.mutable_filter()->add_containers();
  EXPECT_FALSE(EventFilter::make(container));
  v1::WatchEventsRequest type;
  type.mutable_filter()->add_types(v1::EVENT_TYPE_UNSPECIFIED);
  EXPECT_FALSE(EventFilter::make(type));
  v1::WatchEventsRequest label;
  label.mutable_filter()->add_labels();
  EXPECT_FALSE(EventFilter::make(label));
  v1::WatchEventsRequest since;
  since.mutable_since()->set_nanos(-1);
  EXPECT_FALSE(EventFilter::make(since));
}

TEST(EventFilter, ReportsABlobThatIsNone) {
  store::EventRow damaged = row(web());
  damaged.blob = "\xFF\xFF\xFF";
  EXPECT_EQ(EventFilter::make({})->take(damaged).error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace skerry::agent
