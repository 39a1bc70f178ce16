#include "cli/parse/words.h"

#include <signal.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace skerry::cli {
namespace {

std::optional<std::string> lookup(const std::string& name) {
  if (name == "KNOWN") return "value";
  return std::nullopt;
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("a,", ','), (std::vector<std::string>{"a", ""}));
  EXPECT_TRUE(split("", ',').empty());
}

TEST(ParsePair, CutsAtTheFirstEquals) {
  EXPECT_EQ(*parse_pair("--label", "a=b=c"), Pair("a", "b=c"));
  EXPECT_EQ(*parse_pair("--label", "a="), Pair("a", ""));
  EXPECT_FALSE(parse_pair("--label", "a"));
  EXPECT_FALSE(parse_pair("--label", "=b"));
  EXPECT_FALSE(parse_pair("--label", ""));
}

TEST(FillMap, TheLastOfAKeyCounts) {
  google::protobuf::Map<std::string, std::string> map;
  ASSERT_TRUE(fill_map("--label", {"a=1", "b=2", "a=3"}, map));
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map["a"], "3");
  EXPECT_EQ(fill_map("--label", {"c"}, map).error().code(), Code::kInvalidArgument);
}

TEST(ParseEnv, TakesTheCallersValueForABareName) {
  EXPECT_EQ(**parse_env("A=1", lookup), "A=1");
  EXPECT_EQ(**parse_env("A=", lookup), "A=");
  EXPECT_EQ(**parse_env("KNOWN", lookup), "KNOWN=value");
  EXPECT_FALSE(parse_env("UNKNOWN", lookup)->has_value());
}

TEST(ParseEnv, RefusesAMissingName) {
  EXPECT_FALSE(parse_env("", lookup));
  EXPECT_FALSE(parse_env("=1", lookup));
}

TEST(ParseEnvFile, LeavesOutCommentsAndKeepsValuesAsTheyAre) {
  const auto env =
      parse_env_file("f", "# c\n\n  \t\nA=1\nB=\"x y\" # no comment\r\nKNOWN\nUNKNOWN\nC=", lookup);
  ASSERT_TRUE(env);
  EXPECT_EQ(*env, (std::vector<std::string>{"A=1", "B=\"x y\" # no comment", "KNOWN=value", "C="}));
}

TEST(ParseEnvFile, NamesTheLineThatIsWrong) {
  EXPECT_EQ(parse_env_file("f", "A=1\nB C=2\n", lookup).error().message(),
            "f:2: white space in the name of \"B C=2\"");
  EXPECT_EQ(parse_env_file("f", "=2", lookup).error().message(),
            "f:1: variable \"=2\" has no name");
  EXPECT_FALSE(parse_env_file("f", std::string_view("A=\0x", 4), lookup));
}

TEST(MergeEnv, ReplacesByWholeName) {
  std::vector<std::string> env = {"A=1", "AB=2"};
  merge_env(env, "A=3");
  merge_env(env, "C=4");
  EXPECT_EQ(env, (std::vector<std::string>{"A=3", "AB=2", "C=4"}));
}

TEST(ParseSignal, KnowsNamesAndNumbers) {
  EXPECT_EQ(*parse_signal("TERM"), SIGTERM);
  EXPECT_EQ(*parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(*parse_signal("sighup"), SIGHUP);
  EXPECT_EQ(*parse_signal("9"), SIGKILL);
  EXPECT_EQ(*parse_signal("RTMIN"), SIGRTMIN);
  EXPECT_EQ(*parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(*parse_signal("RTMAX-1"), SIGRTMAX - 1);
}

TEST(ParseSignal, RefusesEverythingElse) {
  for (const char* text : {"",
                           "0",
                           "65",
                           "-1",
                           "FOO",
                           "SIG",
                           "TERMINATE",
                           "RTMIN+99",
                           "RTMIN-1",
                           "RTMAX+1",
                           "RTMINx"}) {
    EXPECT_FALSE(parse_signal(text)) << text;
  }
}

TEST(ParseUlimit, TakesOneOrTwoValues) {
  const auto both = parse_ulimit("nofile=1024:4096");
  EXPECT_EQ(both->name(), "nofile");
  EXPECT_EQ(both->soft().value(), 1024U);
  EXPECT_EQ(both->hard().value(), 4096U);
  EXPECT_EQ(parse_ulimit("core=0")->hard().value(), 0U);
  EXPECT_TRUE(parse_ulimit("core=0")->hard().limit_case() == v1::RlimitValue::kValue);
  EXPECT_TRUE(parse_ulimit("memlock=-1")->soft().has_unlimited());
  EXPECT_TRUE(parse_ulimit("memlock=64:unlimited")->hard().has_unlimited());
}

TEST(ParseUlimit, RefusesEverythingElse) {
  for (const char* text : {"",
                           "nofile",
                           "nofile=",
                           "nofile=a",
                           "nofile=1:2:3",
                           "nofile=2:1",
                           "nofile=unlimited:5",
                           "=5",
                           "nofile=:5"}) {
    EXPECT_FALSE(parse_ulimit(text)) << text;
  }
}

TEST(SecurityOpt, TakesDockersWords) {
  v1::Security security;
  EXPECT_TRUE(apply_security_opt("seccomp=unconfined", security));
  EXPECT_EQ(security.seccomp(), v1::SECCOMP_PROFILE_UNCONFINED);
  EXPECT_TRUE(apply_security_opt("seccomp:default", security));
  EXPECT_EQ(security.seccomp(), v1::SECCOMP_PROFILE_DEFAULT);
  EXPECT_TRUE(apply_security_opt("no-new-privileges", security));
  EXPECT_TRUE(security.no_new_privs());
  EXPECT_TRUE(apply_security_opt("no-new-privileges=false", security));
  EXPECT_FALSE(security.no_new_privs());
  EXPECT_TRUE(apply_security_opt("systempaths=unconfined", security));
  EXPECT_EQ(security.system_paths(), v1::SYSTEM_PATHS_UNCONFINED);
}

TEST(SecurityOpt, KeepsThePathOfAProfile) {
  v1::Security security;
  EXPECT_TRUE(apply_security_opt("seccomp=profile.json", security));
  EXPECT_EQ(security.seccomp_json(), "profile.json");
}

TEST(SecurityOpt, RefusesWhatIsNotBuilt) {
  v1::Security security;
  for (const char* text : {"", "seccomp", "apparmor=unconfined", "no-new-privileges=maybe"}) {
    EXPECT_FALSE(apply_security_opt(text, security)) << text;
  }
}

TEST(LogOpt, FillsTheSpec) {
  v1::LogOptions log;
  EXPECT_TRUE(apply_log_opt("max-size=10m", log));
  EXPECT_TRUE(apply_log_opt("max-file=3", log));
  EXPECT_TRUE(apply_log_opt("overflow=drop", log));
  EXPECT_TRUE(apply_log_opt("path=/var/log/x", log));
  EXPECT_EQ(log.max_size_bytes(), 10U << 20);
  EXPECT_EQ(log.max_files(), 3U);
  EXPECT_EQ(log.overflow(), v1::LOG_OVERFLOW_DROP);
  EXPECT_EQ(log.path(), "/var/log/x");
}

TEST(LogOpt, RefusesEverythingElse) {
  v1::LogOptions log;
  for (const char* text : {"",
                           "max-size",
                           "max-size=x",
                           "max-file=-1",
                           "max-file=99999999999",
                           "overflow=maybe",
                           "labels=a"}) {
    EXPECT_FALSE(apply_log_opt(text, log)) << text;
  }
}

TEST(Nearest, FindsTheTypoAndNothingFar) {
  const std::vector<std::string> commands = {"run", "ps", "stats", "start", "inspect", "events"};
  EXPECT_EQ(nearest("pss", commands), "ps");
  EXPECT_EQ(nearest("inspct", commands), "inspect");
  EXPECT_EQ(nearest("event", commands), "events");
  EXPECT_EQ(nearest("frobnicate", commands), std::nullopt);
  EXPECT_EQ(nearest("", commands), std::nullopt);
}

}  // namespace
}  // namespace skerry::cli
