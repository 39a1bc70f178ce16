#include "unpack/options.h"

#include <vector>

#include <gtest/gtest.h>

namespace skerry::unpack {
namespace {

const std::vector<std::string_view> kGood = {"--source=directory",
                                             "--whiteouts=overlay",
                                             "--max-bytes=1",
                                             "--max-entries=2",
                                             "--max-ratio=3",
                                             "--max-memory=4",
                                             "--max-cpu-seconds=5"};

TEST(UnpackOptions, TakesAll) {
  const auto options = parse_options(kGood);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->source, SourceKind::kDirectory);
  EXPECT_EQ(options->whiteouts, Whiteouts::kOverlay);
  EXPECT_EQ(options->limits.max_bytes, Bytes(1));
  EXPECT_EQ(options->limits.max_entries, 2U);
  EXPECT_EQ(options->limits.max_ratio, 3U);
  EXPECT_EQ(options->max_memory, Bytes(4));
  EXPECT_EQ(options->max_cpu_seconds, 5U);
}

TEST(UnpackOptions, NamesTheOneThatIsMissing) {
  for (std::size_t i = 0; i < kGood.size(); ++i) {
    auto arguments = kGood;
    const std::string name(arguments[i].substr(0, arguments[i].find('=')));
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i));
    const auto options = parse_options(arguments);
    ASSERT_FALSE(options);
    EXPECT_NE(options.error().message().find(name), std::string::npos);
  }
}

TEST(UnpackOptions, RefusesWhatItDoesNotKnow) {
  for (const auto* bad : {"--more=1", "more", "--source", "--max-bytes=2"}) {
    auto arguments = kGood;
    arguments.emplace_back(bad);
    EXPECT_FALSE(parse_options(arguments)) << bad;
  }
}

TEST(UnpackOptions, RefusesBadValues) {
  for (const auto* bad : {"--source=file", "--max-bytes=0", "--max-bytes=-1", "--max-bytes=1k"}) {
    auto arguments = kGood;
    const std::string_view name = std::string_view(bad).substr(0, std::string_view(bad).find('='));
    for (auto& argument : arguments) {
      if (argument.starts_with(name)) argument = bad;
    }
    EXPECT_FALSE(parse_options(arguments)) << bad;
  }
}

}  // namespace
}  // namespace skerry::unpack
