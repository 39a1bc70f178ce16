#include "volumes/volume.h"

#include <gtest/gtest.h>

namespace skerry::volumes {
namespace {

TEST(VolumeName, AcceptsWhatFitsADirectory) {
  for (const char* name : {"a", "0", "web-data", "A.b_c-d"})
    EXPECT_TRUE(check_volume_name(name)) << name;
  EXPECT_TRUE(check_volume_name(std::string(128, 'x')));
}

TEST(VolumeName, RefusesWhatIsNone) {
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string(".gone-1"),
                                  std::string("-v"),
                                  std::string("a/b"),
                                  std::string("a b"),
                                  std::string("a\0b", 3),
                                  std::string("ä"),
                                  std::string(129, 'x')}) {
    const auto checked = check_volume_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().reason(), "VOLUME_NAME_INVALID");
    EXPECT_EQ(check_driver_name(name).error().reason(), "VOLUME_DRIVER_NAME_INVALID");
  }
}

TEST(VolumeOptions, AreBoundedText) {
  EXPECT_TRUE(check_options({}));
  EXPECT_TRUE(check_options({{"remote", "s3:büro"}, {"replacement", "\uFFFD"}, {"empty", ""}}));
  VolumeOptions many;
  for (int i = 0; i < 65; ++i) many["option" + std::to_string(i)] = "x";
  for (const VolumeOptions& options : {many,
                                       VolumeOptions{{"", "x"}},
                                       VolumeOptions{{std::string(129, 'n'), "x"}},
                                       VolumeOptions{{"a", std::string(4097, 'v')}},
                                       VolumeOptions{{"a", std::string("x\0y", 3)}},
                                       VolumeOptions{{"a", "\xff"}}}) {
    const auto checked = check_options(options);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().reason(), "VOLUME_OPTION_INVALID");
  }
}

TEST(VolumeOptions, UnknownOneIsNamedWithThoseKnown) {
  EXPECT_TRUE(refuse_unknown_options({{"uid", "1"}}, {"uid", "gid"}));
  const auto refused = refuse_unknown_options({{"size", "1"}}, {"uid", "gid"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "VOLUME_OPTION_UNKNOWN");
  EXPECT_EQ(refused.error().message(), "volume option \"size\" is unknown; there are: uid, gid");
}

}  // namespace
}  // namespace skerry::volumes
