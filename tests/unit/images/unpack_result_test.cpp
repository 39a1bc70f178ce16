#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "images/unpacker.h"
#include "unpack/protocol.h"

namespace skerry::images {
namespace {

using unpack::UnpackResult;

std::string bytes_of(const UnpackResult& result) {
  return {reinterpret_cast<const char*>(&result), sizeof(result)};
}

template <std::size_t Size>
void put(std::array<char, Size>& field, std::string_view text) {
  std::memcpy(field.data(), text.data(), std::min(text.size(), Size));
}

UnpackResult failure(std::string_view message) {
  UnpackResult out;
  out.code = static_cast<std::uint32_t>(Code::kInvalidArgument);
  put(out.reason, "ARCHIVE_CORRUPT");
  put(out.message, message);
  return out;
}

TEST(UnpackResult, ReadsSuccess) {
  UnpackResult result;
  result.bytes = 7;
  result.entries = 3;
  result.digest.fill(0xab);
  const auto report = read_unpack_result(bytes_of(result));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->size, Bytes(7));
  EXPECT_EQ(report->entries, 3U);
  EXPECT_EQ(report->content_id.hex().substr(0, 4), "abab");
}

TEST(UnpackResult, ReadsFailure) {
  UnpackResult result = failure("write: no space left on device");
  result.code = static_cast<std::uint32_t>(Code::kResourceExhausted);
  result.sys_errno = ENOSPC;
  result.retryable = 1;
  put(result.entry, "usr/bin/x");
  const auto report = read_unpack_result(bytes_of(result));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(report.error().sys_errno(), ENOSPC);
  EXPECT_TRUE(report.error().retryable());
  EXPECT_EQ(report.error().object(), "usr/bin/x");
  EXPECT_EQ(report.error().message(), "\"usr/bin/x\": write: no space left on device");
}

TEST(UnpackResult, BelievesNoText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\x1b[2Jb\n", "a?[2Jb?"},
      {"ünï", "ünï"},
      {"\xff\xfe", "??"},
      {"cut \xc3", "cut ?"},
      {"overlong \xc0\xaf", "overlong ??"},
      {"surrogate \xed\xa0\x80", "surrogate ???"},
      {"\xf0\x9f\x98\x80 \xf5\x80", "\xf0\x9f\x98\x80 ??"},
  };
  for (const auto& [text, expected] : cases) {
    const auto report = read_unpack_result(bytes_of(failure(text)));
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().message(), expected);
  }
}

TEST(UnpackResult, TakesTextsWithoutAnEnd) {
  const auto report = read_unpack_result(bytes_of(failure(std::string(5000, 'x'))));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message().size(), sizeof(UnpackResult::message));
}

TEST(UnpackResult, RefusesStrangeReasons) {
  UnpackResult result = failure("x");
  put(result.reason, "not a reason");
  EXPECT_EQ(read_unpack_result(bytes_of(result)).error().reason(), "UNPACK_FAILED");
}

TEST(UnpackResult, RefusesWhatIsNoAnswer) {
  const std::string good = bytes_of(UnpackResult{});
  EXPECT_TRUE(read_unpack_result(good));
  UnpackResult bad_code;
  bad_code.code = 99;
  UnpackResult bad_magic;
  bad_magic.magic = 1;
  for (const std::string& bytes :
       {std::string(), good.substr(1), good + "x", bytes_of(bad_code), bytes_of(bad_magic)}) {
    const auto report = read_unpack_result(bytes);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().reason(), "UNPACK_CRASHED");
  }
}

}  // namespace
}  // namespace skerry::images
