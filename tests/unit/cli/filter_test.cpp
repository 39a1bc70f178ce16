#include "cli/parse/filter.h"

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

TEST(ListFilter, LeavesLabelsAndStatesToTheDaemon) {
  const auto filter =
      parse_list_filter({"label=a", "label=b=c=d", "status=running", "status=exited"});
  ASSERT_TRUE(filter);
  ASSERT_EQ(filter->request.labels_size(), 2);
  EXPECT_EQ(filter->request.labels(0).key(), "a");
  EXPECT_FALSE(filter->request.labels(0).has_value());
  EXPECT_EQ(filter->request.labels(1).value(), "c=d");
  ASSERT_EQ(filter->request.states_size(), 2);
  EXPECT_EQ(filter->request.states(1), v1::CONTAINER_STATE_EXITED);
}

TEST(ListFilter, MatchesPartsOfNamesAndBeginningsOfIds) {
  v1::Container container;
  container.set_name("my-web");
  container.set_uid("3f2a");
  container.set_id("job");
  container.set_root("busybox");
  EXPECT_TRUE(passes(*parse_list_filter({"name=web"}), container));
  EXPECT_TRUE(passes(*parse_list_filter({"name=db", "name=web"}), container));
  EXPECT_FALSE(passes(*parse_list_filter({"name=db"}), container));
  EXPECT_TRUE(passes(*parse_list_filter({"id=3f"}), container));
  EXPECT_TRUE(passes(*parse_list_filter({"id=jo"}), container));
  EXPECT_FALSE(passes(*parse_list_filter({"id=2a"}), container));
  EXPECT_TRUE(passes(*parse_list_filter({"image=busybox"}), container));
  EXPECT_FALSE(passes(*parse_list_filter({"name=web", "image=busy"}), container));
}

TEST(ListFilter, ListsWhatThereIs) {
  EXPECT_FALSE(parse_list_filter({"label"}));
  EXPECT_FALSE(parse_list_filter({"frob=1"}));
  EXPECT_EQ(parse_list_filter({"status=dead"}).error().message(),
            "status \"dead\" is not one of accepted, preparing, created, starting, running, "
            "paused, stopping, exited");
}

TEST(EventFilter, FillsTheRequest) {
  const auto filter = parse_event_filter({"container=web", "type=container_oom", "label=a=b"});
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->containers(0).name(), "web");
  EXPECT_EQ(filter->types(0), v1::EVENT_TYPE_CONTAINER_OOM);
  EXPECT_EQ(filter->labels(0).value(), "b");
  EXPECT_FALSE(parse_event_filter({"type=birthday"}));
  EXPECT_FALSE(parse_event_filter({"container"}));
}

}  // namespace
}  // namespace skerry::cli
