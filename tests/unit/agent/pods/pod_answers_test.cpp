#include "agent/api/pod_answers.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

v1::Pod sample() {
  v1::Pod pod;
  pod.set_tenant("a");
  pod.set_id("shop");
  pod.set_name("the-shop");
  pod.set_uid("0123456789abcdef0123456789abcdef");
  pod.set_state(v1::POD_STATE_READY);
  (*pod.mutable_labels())["app"] = "web";
  return pod;
}

TEST(PodAnswers, MatchByEveryFilter) {
  const auto fits = [](const auto& narrow) {
    v1::ListPodsRequest request;
    narrow(request);
    return matches(sample(), request);
  };
  using Request = v1::ListPodsRequest;
  EXPECT_TRUE(fits([](Request&) {}));
  EXPECT_TRUE(fits([](Request& r) { r.set_tenant("a"); }));
  EXPECT_FALSE(fits([](Request& r) { r.set_tenant("b"); }));
  EXPECT_TRUE(fits([](Request& r) { r.add_states(v1::POD_STATE_READY); }));
  EXPECT_FALSE(fits([](Request& r) { r.add_states(v1::POD_STATE_STOPPED); }));
  EXPECT_TRUE(fits([](Request& r) { r.set_key("shop"); }));
  EXPECT_TRUE(fits([](Request& r) { r.set_key("the-shop"); }));
  EXPECT_TRUE(fits([](Request& r) { r.set_key("0123"); }));
  EXPECT_FALSE(fits([](Request& r) { r.set_key("012"); }));
  EXPECT_TRUE(fits([](Request& r) { r.add_labels()->set_key("app"); }));
  EXPECT_FALSE(fits([](Request& r) { r.add_labels()->set_key("other"); }));
  EXPECT_FALSE(fits([](Request& r) {
    r.add_labels()->set_key("app");
    r.mutable_labels(0)->set_value("db");
  }));
}

TEST(PodAnswers, AListHasMembersAndNoSpecs) {
  PodView view{.ordinal = 1, .pod = sample(), .has_init = false};
  view.pod.mutable_spec()->set_hostname("x");
  view.pod.mutable_effective_resources();
  PodMembers members;
  auto container = std::make_shared<ContainerView>();
  container->container.set_id("c");
  container->container.set_state(v1::CONTAINER_STATE_RUNNING);
  members[view.pod.uid()].push_back(container);

  v1::Pod listed;
  fill_pod(view, members, PodDetail::kList, listed);
  EXPECT_FALSE(listed.has_spec());
  EXPECT_FALSE(listed.has_effective_resources());
  ASSERT_EQ(listed.containers_size(), 1);
  EXPECT_EQ(listed.containers(0).id(), "c");
  EXPECT_EQ(listed.containers(0).state(), v1::CONTAINER_STATE_RUNNING);

  v1::Pod full;
  fill_pod(view, {}, PodDetail::kFull, full);
  EXPECT_EQ(full.spec().hostname(), "x");
  EXPECT_EQ(full.containers_size(), 0);
}

}  // namespace
}  // namespace skerry::agent
