#include "plan/validation.h"

#include <gtest/gtest.h>

namespace skerry::plan {
namespace {

TEST(PlanValidation, TakesAMebibyteInAll) {
  Exec exec{.arguments = std::vector<std::string>(16, std::string(64UL * 1024, 'x')),
            .environment = {"PATH=/bin"}};
  EXPECT_TRUE(validate_exec(exec));
}

TEST(PlanValidation, NamesTheArgumentAboveTheKernelsLimit) {
  Exec exec{.arguments = {"sh", std::string(kMaxArgumentBytes - 1, 'x')}, .environment = {}};
  EXPECT_TRUE(validate_exec(exec));
  exec.arguments[1] += 'x';
  const auto result = validate_exec(exec);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(result.error().reason(), "ARGUMENT_TOO_LONG");
  EXPECT_EQ(result.error().message(),
            "argument 1 is 131072 bytes long; the kernel takes at most 131071");
}

TEST(PlanValidation, NamesTheVariableAboveTheKernelsLimit) {
  const Exec exec{.arguments = {"sh"},
                  .environment = {"BIG=" + std::string(kMaxArgumentBytes, 'x')}};
  const auto result = validate_exec(exec);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("environment variable \"BIG\""), std::string::npos);
}

TEST(PlanValidation, RefusesTheSumAboveTheKernelsLimit) {
  const Exec exec{.arguments = std::vector<std::string>(17, std::string(120UL * 1024, 'x')),
                  .environment = {}};
  const auto result = validate_exec(exec);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason(), "ARGUMENTS_TOO_LONG");
}

TEST(PlanValidation, CountsPointersOfManySmallArguments) {
  const Exec exec{.arguments = std::vector<std::string>(200'000, "x"), .environment = {}};
  EXPECT_TRUE(
      validate_exec({.arguments = std::vector<std::string>(180'000, "x"), .environment = {}}));
  EXPECT_FALSE(validate_exec(exec));
}

TEST(PlanValidation, RefusesWhatIsNoArgumentOrVariable) {
  for (const Exec& exec : {Exec{},
                           Exec{.arguments = {""}, .environment = {}},
                           Exec{.arguments = {std::string("a\0b", 3)}, .environment = {}},
                           Exec{.arguments = {"sh"}, .environment = {"novalue"}},
                           Exec{.arguments = {"sh"}, .environment = {"=x"}}}) {
    const auto result = validate_exec(exec);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason(), "ARGUMENT_INVALID");
  }
}

}  // namespace
}  // namespace skerry::plan
