// Results of every version, and what plugins say when they fail.
#include <csignal>

#include <gtest/gtest.h>

#include "cni/cni_result.h"
#include "cni/plugin_error.h"

namespace skerry::cni {
namespace {

constexpr const char* kOne =
    R"({"cniVersion":"1.0.0","interfaces":[{"name":"br0","mac":"aa:bb:cc:dd:ee:ff"},)"
    R"({"name":"eth0","sandbox":"/proc/1/fd/3"}],)"
    R"("ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.1","interface":1}],)"
    R"("routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}],"dns":{"nameservers":["10.1.0.1"]},)"
    R"("vendor":true})";

TEST(CniResult, ReadsTheNewestForm) {
  const auto result = parse_result(kOne, SpecVersion::k010);
  ASSERT_TRUE(result) << result.error().message();
  ASSERT_EQ(result->interfaces.size(), 2U);
  EXPECT_EQ(result->interfaces[1].sandbox, "/proc/1/fd/3");
  ASSERT_EQ(result->ips.size(), 1U);
  EXPECT_EQ(result->ips[0].address.str(), "10.1.0.5/16");
  EXPECT_EQ(result->ips[0].gateway->str(), "10.1.0.1");
  EXPECT_EQ(result->ips[0].interface, 1U);
  EXPECT_EQ(result->routes[0].destination.str(), "0.0.0.0/0");
  EXPECT_EQ(result->dns.servers[0].str(), "10.1.0.1");
}

TEST(CniResult, ReadsTheOldForm) {
  const auto result = parse_result(
      R"({"ip4":{"ip":"10.2.0.5/24","gateway":"10.2.0.1","routes":[{"dst":"10.9.0.0/16"}]},)"
      R"("ip6":{"ip":"fd00::5/64"}})",
      SpecVersion::k020);
  ASSERT_TRUE(result) << result.error().message();
  ASSERT_EQ(result->ips.size(), 2U);
  EXPECT_EQ(result->ips[0].address.str(), "10.2.0.5/24");
  EXPECT_EQ(result->ips[1].address.str(), "fd00::5/64");
  EXPECT_EQ(result->routes[0].destination.str(), "10.9.0.0/16");
}

TEST(CniResult, IsTheSameThroughEveryVersion) {
  const auto result = parse_result(kOne, SpecVersion::k100);
  ASSERT_TRUE(result);
  for (const auto version : {SpecVersion::k010,
                             SpecVersion::k020,
                             SpecVersion::k030,
                             SpecVersion::k031,
                             SpecVersion::k040,
                             SpecVersion::k100,
                             SpecVersion::k110}) {
    const std::string text = write_result(*result, version);
    const auto again = parse_result(text, SpecVersion::k010);
    ASSERT_TRUE(again) << text << again.error().message();
    ASSERT_EQ(again->ips.size(), 1U) << text;
    EXPECT_EQ(again->ips[0].address, result->ips[0].address);
    EXPECT_EQ(again->ips[0].gateway, result->ips[0].gateway);
    EXPECT_EQ(again->routes.size(), 1U);
    EXPECT_EQ(again->dns.servers, result->dns.servers);
    EXPECT_EQ(again->interfaces.empty(), version < SpecVersion::k030);
    const bool has_family = text.find(R"("version":"4")") != std::string::npos;
    EXPECT_EQ(has_family, version >= SpecVersion::k030 && version < SpecVersion::k100) << text;
  }
}

TEST(CniResult, KeepsThePluginsBytesAsPreviousResult) {
  const auto same = as_previous_result(kOne, SpecVersion::k100);
  ASSERT_TRUE(same);
  EXPECT_NE(same->find(R"("vendor":true)"), std::string::npos);
  const auto other = as_previous_result(kOne, SpecVersion::k040);
  ASSERT_TRUE(other);
  EXPECT_NE(other->find(R"("cniVersion":"0.4.0")"), std::string::npos);
  const auto silent = as_previous_result(R"({"ips":[]})", SpecVersion::k031);
  ASSERT_TRUE(silent);
  EXPECT_NE(silent->find(R"("cniVersion":"0.3.1")"), std::string::npos);
}

TEST(CniResult, RefusesWhatLies) {
  for (const char* bytes : {
           "",
           "null",
           R"({"cniVersion":"9.0.0"})",
           R"({"ips":[{"address":"10.1.0.5"}]})",
           R"({"ips":[{"address":"10.1.0.5/33"}]})",
           R"({"ips":[{"address":"10.1.0.5/16","interface":4}]})",
           R"({"ips":[{"address":"10.1.0.5/16","gateway":"there"}]})",
           R"({"ips":[3]})",
           R"({"ips":{}})",
           R"({"interfaces":[{"name":"../../etc"}]})",
           R"({"interfaces":[{"name":"a-name-that-is-too-long"}]})",
           R"({"routes":[{"dst":"everywhere"}]})",
           R"({"dns":{"nameservers":["10.0.0.1\noptions evil"]}})",
           R"({"dns":{"search":["a b"]}})",
           R"({"dns":{"domain":"a\nnameserver 6.6.6.6"}})",
       }) {
    const auto result = parse_result(bytes, SpecVersion::k100);
    ASSERT_FALSE(result) << bytes;
    EXPECT_EQ(result.error().reason(), "CNI_RESULT_INVALID") << bytes;
  }
  std::string many = R"({"ips":[{"address":"10.0.0.1/8"})";
  for (int i = 0; i < 300; ++i) many += R"(,{"address":"10.0.0.1/8"})";
  EXPECT_FALSE(parse_result(many + "]}", SpecVersion::k100));
}

os::Output failed(int code, std::string out, std::string error_text = {}) {
  return {.status = {.code = code, .signal = 0, .core_dumped = false},
          .out = std::move(out),
          .error_text = std::move(error_text),
          .truncated = false};
}

TEST(PluginError, ReadsTheErrorObject) {
  const Error error =
      plugin_error(failed(1, R"({"code":7,"msg":"bad bridge","details":"no name"})", "noise\n"));
  EXPECT_EQ(error.code(), Code::kFailedPrecondition);
  EXPECT_EQ(error.reason(), "CNI_CONFIG_REFUSED");
  EXPECT_EQ(error.message(), "bad bridge (no name); it said: noise (code 7)");
}

TEST(PluginError, KnowsWhatMayBeTriedAgain) {
  const Error later = plugin_error(failed(1, R"({"code":11,"msg":"busy"})"));
  EXPECT_EQ(later.reason(), "CNI_TRY_LATER");
  EXPECT_TRUE(later.retryable());
  const Error full = plugin_error(failed(
      1,
      R"({"code":999,"msg":"failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.6"})"));
  EXPECT_EQ(full.reason(), "NO_ADDRESS_LEFT");
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_EQ(plugin_error(failed(1, R"({"code":3,"msg":"?"})")).reason(), "CNI_UNKNOWN_CONTAINER");
  EXPECT_EQ(plugin_error(failed(1, R"({"code":50,"msg":"?"})")).reason(), "CNI_NOT_READY");
}

TEST(PluginError, SaysWhatItCanOfOneThatSaysNothing) {
  const Error silent = plugin_error(failed(3, "", "cannot open /run/x\x1b[31m"));
  EXPECT_EQ(silent.reason(), "CNI_PLUGIN_FAILED");
  EXPECT_EQ(silent.message(), "exit code 3; it said: cannot open /run/x?[31m");
  os::Output crashed = failed(0, "");
  crashed.status.signal = SIGSEGV;
  EXPECT_EQ(plugin_error(crashed).reason(), "CNI_PLUGIN_CRASHED");
  const Error garbage = plugin_error(failed(1, "panic: everything"));
  EXPECT_NE(garbage.message().find("panic: everything"), std::string::npos);
}

}  // namespace
}  // namespace skerry::cni
