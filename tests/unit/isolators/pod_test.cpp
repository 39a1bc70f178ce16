#include "isolators/pod/pod.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace skerry::isolators {
namespace {

class NoPods final : public PodProvider {
 public:
  Result<PodNamespaces> open(const JoinedPod& /*pod*/) override { return PodNamespaces(); }
};

TEST(PodIsolator, WhoSharesProcessesHoldsUpOnlyTheirOwnPod) {
  NoPods pods;
  const auto isolator = make_pod_isolator(pods);
  ContainerConfig config;
  EXPECT_TRUE(isolator->foreign_code(config).empty());
  config.pod.emplace().uid = Uid::make();
  EXPECT_TRUE(isolator->foreign_code(config).empty());
  config.pod->shares_pid = true;
  EXPECT_EQ(isolator->foreign_code(config),
            std::vector<std::string>{"pod/" + config.pod->uid.str()});
  EXPECT_TRUE(isolator->foreign_code(Checkpoint{}).empty());
}

}  // namespace
}  // namespace skerry::isolators
