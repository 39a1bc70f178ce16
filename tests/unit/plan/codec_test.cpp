#include "plan/codec.h"

#include <random>

#include <gtest/gtest.h>

#include "sample_plan.h"

namespace skerry::plan {
namespace {

std::vector<std::uint8_t> encoded_sample() {
  auto bytes = encode(sample_plan());
  EXPECT_TRUE(bytes);
  return bytes ? *bytes : std::vector<std::uint8_t>{};
}

TEST(PlanCodec, RoundTripsEveryOperation) {
  const auto plan = sample_plan();
  ASSERT_EQ(plan.operations.size(), std::variant_size_v<Operation>);
  for (std::size_t i = 0; i < plan.operations.size(); ++i) EXPECT_EQ(plan.operations[i].index(), i);
  const auto decoded = decode(encoded_sample());
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(*decoded, plan);
}

TEST(PlanCodec, RefusesEveryTruncation) {
  const auto bytes = encoded_sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode(std::span(bytes).first(size));
    ASSERT_FALSE(decoded) << "accepted " << size << " of " << bytes.size() << " bytes";
    EXPECT_EQ(decoded.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(decoded.error().reason(), "PLAN_MALFORMED");
  }
}

TEST(PlanCodec, RefusesTrailingBytes) {
  auto bytes = encoded_sample();
  bytes.push_back(0);
  EXPECT_FALSE(decode(bytes));
}

TEST(PlanCodec, RefusesAnotherVersionByName) {
  auto bytes = encoded_sample();
  bytes[4] ^= 0xFFU;
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().reason(), "PLAN_VERSION");
}

TEST(PlanCodec, WhatDecodesFromMutatedBytesEncodesAgain) {
  const auto original = encoded_sample();
  std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same mutations every run
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    auto bytes = original;
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    const auto decoded = decode(bytes);
    if (!decoded) continue;
    ++accepted;
    const auto again = encode(*decoded);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, bytes);
  }
  EXPECT_GT(accepted, 0);
}

TEST(PlanCodec, RefusesNulInsideStrings) {
  auto plan = sample_plan();
  plan.exec.arguments[0] = std::string("a\0b", 3);
  const auto bytes = encode(plan);
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(decode(*bytes));
}

TEST(PlanCodec, RefusesNoProgram) {
  auto plan = sample_plan();
  plan.exec.arguments.clear();
  const auto bytes = encode(plan);
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(decode(*bytes));
}

TEST(PlanCodec, AnInitRunsNoProgram) {
  auto plan = sample_plan();
  plan.init = true;
  auto bytes = encode(plan);
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(decode(*bytes));
  plan.exec = {};
  bytes = encode(plan);
  ASSERT_TRUE(bytes);
  const auto decoded = decode(*bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, plan);
}

SandboxPlan sample_sandbox() {
  return {.uid = "0123456789abcdef0123456789abcdef",
          .namespaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
          .operations = {Hostname{.name = "web"}, Sysctl{.key = "kernel.shmmni", .value = "5"}}};
}

TEST(PlanCodec, RoundTripsASandbox) {
  const auto bytes = encode(sample_sandbox());
  ASSERT_TRUE(bytes);
  const auto decoded = decode_sandbox(*bytes);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(*decoded, sample_sandbox());
  for (std::size_t size = 0; size < bytes->size(); ++size)
    EXPECT_FALSE(decode_sandbox(std::span(*bytes).first(size)));
}

TEST(PlanCodec, TellsTheKindsOfPlanApart) {
  const auto sandbox = encode(sample_sandbox());
  ASSERT_TRUE(sandbox);
  EXPECT_FALSE(decode(*sandbox));
  EXPECT_FALSE(decode_sandbox(encoded_sample()));
}

TEST(PlanCodec, CarriesAMebibyteOfArguments) {
  auto plan = sample_plan();
  plan.exec.arguments.assign(16, std::string(64UL * 1024, 'x'));
  const auto bytes = encode(plan);
  ASSERT_TRUE(bytes);
  const auto decoded = decode(*bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->exec, plan.exec);
}

TEST(PlanCodec, RefusesToEncodeAboveTheLimit) {
  auto plan = sample_plan();
  plan.exec.arguments.assign(5, std::string(1UL << 20U, 'x'));
  const auto bytes = encode(plan);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace skerry::plan
