#include "agent/volumes/volume_users.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

/// Containers, each with one mount of the volume.
class Users {
 public:
  void add(const std::string& name, const std::string& volume, const std::string& tenant) {
    auto view = std::make_shared<ContainerView>();
    view->ordinal = ++count_;
    const Uid uid = Uid::make();
    skerry::v1::Container& container = view->container;
    container.set_uid(uid.str());
    container.set_id("id-" + name);
    container.set_name(name);
    container.set_tenant(tenant);
    skerry::v1::Mount& mount = *container.mutable_spec()->add_mounts();
    mount.set_target("/data");
    mount.mutable_volume()->set_name(volume);
    board_.change(uid, std::move(view));
    board_.publish({});
  }
  std::shared_ptr<const Snapshot> snapshot() const { return board_.current(); }

 private:
  SnapshotBoard board_;
  std::uint64_t count_ = 0;
};

const VolumeId kData{"default", "data"};

TEST(VolumeUsers, AreThoseOfTheTenantInTheOrderInWhichTheyCame) {
  Users users;
  users.add("one", "data", "default");
  users.add("other", "logs", "default");
  users.add("stranger", "data", "blue");
  users.add("two", "data", "default");
  const auto uses = users_of(kData, *users.snapshot());
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].container_name(), "one");
  EXPECT_EQ(uses[0].target(), "/data");
  EXPECT_EQ(uses[1].container_name(), "two");
}

TEST(VolumeUsers, AreNamedByTheRefusal) {
  Users users;
  EXPECT_TRUE(check_unused(kData, *users.snapshot(), std::nullopt));
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) users.add(name, "data", "default");
  const auto refused = check_unused(kData, *users.snapshot(), std::nullopt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(refused.error().reason(), "VOLUME_IN_USE");
  EXPECT_EQ(refused.error().message(),
            "volume \"data\" is used by container \"a\", container \"b\", container \"c\", "
            "container \"d\", container \"e\" and 2 more");
}

TEST(VolumeUsers, AReferenceOfNobodyKeepsItToo) {
  const Users users;
  const auto owed = check_unused(kData, *users.snapshot(), volumes::VolumeReferences());
  ASSERT_FALSE(owed);
  EXPECT_EQ(owed.error().reason(), "VOLUME_IN_USE");
  EXPECT_NE(owed.error().message().find("unmounted"), std::string::npos);
  const auto held =
      check_unused(kData, *users.snapshot(), volumes::VolumeReferences{.consumers = {"gone"}});
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().message().find("container that is gone"), std::string::npos);
}

}  // namespace
}  // namespace skerry::agent
