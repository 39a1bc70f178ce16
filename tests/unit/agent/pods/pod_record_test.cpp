#include "agent/pods/pod_record.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace skerry::agent {
namespace {

PodRecord good() {
  PodRecord record;
  record.set_ordinal(7);
  record.set_boot_id("boot");
  record.mutable_pod()->set_tenant("default");
  record.mutable_pod()->set_id("shop");
  record.mutable_pod()->set_uid(Uid::make().str());
  record.mutable_pod()->set_state(v1::POD_STATE_READY);
  return record;
}

TEST(PodRecord, ComesBackAsItWent) {
  const PodRecord record = good();
  const store::ObjectRow row = to_row(record);
  EXPECT_EQ(row.kind, "pod");
  EXPECT_EQ(row.key, record.pod().uid());
  const auto decoded = decode_pod_record(row.record);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->SerializeAsString(), record.SerializeAsString());
  EXPECT_EQ(state_of(*decoded), PodState::kReady);
}

TEST(PodRecord, RefusesWhatIsNone) {
  const auto refuse = [](const auto& spoil) {
    PodRecord record = good();
    spoil(record);
    const auto decoded = decode_pod_record(record.SerializeAsString());
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().reason(), "RECORD_DAMAGED");
  };
  refuse([](PodRecord& r) { r.mutable_pod()->set_uid("../etc"); });
  refuse([](PodRecord& r) { r.mutable_pod()->set_id("a/b"); });
  refuse([](PodRecord& r) { r.mutable_pod()->set_tenant(""); });
  refuse([](PodRecord& r) { r.mutable_pod()->set_state(v1::POD_STATE_UNSPECIFIED); });
  refuse([](PodRecord& r) { r.mutable_pod()->set_state(static_cast<v1::PodState>(6)); });
  EXPECT_FALSE(decode_pod_record("\xff\xff\xff"));
  EXPECT_FALSE(decode_pod_record(""));
}

TEST(PodTombstone, ComesBackAsItWent) {
  PodTombstone tombstone;
  tombstone.set_tenant("a");
  tombstone.set_id("b");
  tombstone.set_uid(Uid::make().str());
  tombstone.mutable_removed_at()->set_seconds(5);
  const store::ObjectRow row = to_row(tombstone);
  EXPECT_EQ(row.key, "a/b");
  const auto decoded = decode_pod_tombstone(row.record);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->SerializeAsString(), tombstone.SerializeAsString());
  EXPECT_FALSE(decode_pod_tombstone("x"));
}

TEST(PodRecord, RemembersWhatItsCreateAnswered) {
  PodRecord record = good();
  record.set_error_code(static_cast<int>(Code::kResourceExhausted));
  record.mutable_pod()->set_message("no address left");
  record.mutable_pod()->mutable_error()->set_reason("NO_ADDRESS_LEFT");
  record.mutable_pod()->mutable_error()->set_step("pod.network");
  record.mutable_pod()->mutable_error()->set_retryable(true);
  const Error error = recorded_error(record);
  EXPECT_EQ(error.code(), Code::kResourceExhausted);
  EXPECT_EQ(error.message(), "no address left");
  EXPECT_EQ(error.reason(), "NO_ADDRESS_LEFT");
  EXPECT_EQ(error.step(), "pod.network");
  EXPECT_TRUE(error.retryable());
}

}  // namespace
}  // namespace skerry::agent
