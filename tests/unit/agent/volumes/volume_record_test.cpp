#include "agent/volumes/volume_record.h"

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

TEST(VolumeName, IsItsOwnInTheDefaultTenantAndSaysTheTenantElsewhere) {
  EXPECT_EQ(driver_name_of({"default", "data"}), "data");
  EXPECT_EQ(driver_name_of({"blue", "data"}), "4.blue.data");
  for (const VolumeId& id : {VolumeId{"default", "data"},
                             VolumeId{"blue", "data"},
                             VolumeId{"a.b", "c"},
                             VolumeId{"a", "b.c"},
                             VolumeId{"7", "7.7"},
                             VolumeId{"default", "1.5-backup"},
                             VolumeId{"default", "4"},
                             VolumeId{"default", "4.blue"},
                             VolumeId{"default", "9.blue.x"}}) {
    EXPECT_EQ(volume_id_of(driver_name_of(id)), id) << id.str();
    EXPECT_TRUE(check_volume_id(id)) << id.str();
  }
}

TEST(VolumeName, CannotBeTakenForAnotherTenants) {
  const auto posing = check_volume_id({"default", "4.blue.data"});
  ASSERT_FALSE(posing);
  EXPECT_EQ(posing.error().reason(), "NAME_INVALID");
  EXPECT_FALSE(check_volume_id({"default", "7.default.data"}));
}

TEST(VolumeName, RefusesWhatIsNoNameOfOne) {
  for (const std::string& name : {std::string(),
                                  std::string("-x"),
                                  std::string(".x"),
                                  std::string("a/b"),
                                  std::string("ä"),
                                  std::string("a b"),
                                  std::string(65, 'a'),
                                  std::string("a\0b", 3)}) {
    const auto checked = check_volume_id({"default", name});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().reason(), "NAME_INVALID");
  }
  EXPECT_EQ(check_volume_id({"a/b", "x"}).error().reason(), "ID_INVALID");
  EXPECT_TRUE(check_volume_id({"default", std::string(64, 'a')}));
  EXPECT_FALSE(check_volume_id({std::string(64, 't'), std::string(64, 'a')}));
  EXPECT_TRUE(check_volume_id({std::string(60, 't'), std::string(64, 'a')}));
}

TEST(VolumeRecord, ComesBackFromItsBytes) {
  const VolumeRecord record{.id = {"blue", "data"},
                            .driver = "rclone",
                            .options = {{"remote", ":local:/srv"}},
                            .labels = {{"team", "web"}},
                            .created = WallTime(std::chrono::seconds(1'760'000'000)),
                            .exists = true};
  EXPECT_EQ(decode_volume(encode_volume(record)).value(), record);
  for (const char* bytes : {"", "null", "[]", "{}", "\xff", R"({"tenant":"a"})"}) {
    EXPECT_EQ(decode_volume(bytes).error().reason(), "RECORD_DAMAGED");
  }
  VolumeRecord bad = record;
  bad.id.name = "../x";
  EXPECT_FALSE(decode_volume(encode_volume(bad)));
}

TEST(ReferenceRecord, ComesBackFromItsBytes) {
  ReferenceRecord record{
      .key = {.driver = "rclone", .name = "data"},
      .references = {.consumers = {"a", "b"},
                     .staged = volumes::Staged{.mountpoint = "/mnt/x", .is_mount = true},
                     .certain = true},
      .boot_id = "boot"};
  EXPECT_EQ(decode_references(encode_references(record)).value(), record);
  record.references = {};
  EXPECT_EQ(decode_references(encode_references(record)).value(), record);
  for (const char* bytes : {"",
                            "{}",
                            R"({"driver":"d","name":"n","consumers":[1],"certain":true})",
                            R"({"driver":"d","name":"n","consumers":[],"certain":1,"boot_id":""})",
                            R"({"driver":"d","name":"n","consumers":[],"certain":true,
                                "boot_id":"","staged":{"mountpoint":1}})"}) {
    EXPECT_EQ(decode_references(bytes).error().reason(), "RECORD_DAMAGED") << bytes;
  }
}

TEST(VolumeKeyRecord, ComesBackFromItsBytes) {
  const volumes::VolumeKey key{.driver = "rclone", .name = "data"};
  EXPECT_EQ(decode_volume_key(encode_volume_key(key)).value(), key);
  EXPECT_FALSE(decode_volume_key("rclone/data"));
}

}  // namespace
}  // namespace skerry::agent
