// Profiles in Docker's JSON format: what is read and refused, and what the kernel does with the
// programs.
#include <linux/capability.h>
#include <linux/filter.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "isolators/capabilities/names.h"
#include "isolators/seccomp/json_profile.h"
#include "seccomp_child.h"

namespace skerry::isolators {
namespace {

using seccomp::ActionKind;
using seccomp::Comparison;
using seccomp::JsonProfile;
using seccomp::parse_profile;
using test::in_filtered_child;

/// What is wrong with the profile, without what all errors begin with; "" for a good one.
std::string complaint(std::string_view text) {
  const auto profile = parse_profile(text);
  if (profile) return "";
  EXPECT_EQ(profile.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(profile.error().reason(), "SECCOMP_PROFILE_INVALID");
  constexpr std::string_view kStart = "seccomp profile: ";
  EXPECT_TRUE(profile.error().message().starts_with(kStart)) << profile.error().message();
  return profile.error().message().substr(kStart.size());
}

/// A profile that allows everything but what `rules` say.
std::string allowing(std::string_view rules) {
  return fmt::format(R"({{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}]}})", rules);
}

std::string complaint_about(std::string_view rule) { return complaint(allowing(rule)); }

constexpr seccomp::KernelVersion kSomeKernel{.major = 5, .minor = 10};

std::vector<std::uint8_t> compiled(std::string_view text,
                                   const seccomp::Surroundings& around = {.capabilities = 0,
                                                                          .kernel = kSomeKernel}) {
  const auto program = seccomp::compile(parse_profile(text).value(), around).value();
  std::vector<std::uint8_t> bytes(program.size() * sizeof(sock_filter));
  std::memcpy(bytes.data(), program.data(), bytes.size());
  return bytes;
}

/// errno of a call that should not work in any case, 0 when it does.
template <class... Arguments>
int error_of(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) == -1 ? errno : 0;
}

// --- reading ------------------------------------------------------------------------------------

TEST(SeccompJson, ReadsEveryPart) {
  const auto profile = parse_profile(R"({
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64",
                 "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_S390X", "subArchitectures": null}],
    "syscalls": [
      {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "yes",
       "includes": {}, "excludes": {}},
      {"name": "clone", "action": "SCMP_ACT_ERRNO", "errnoRet": 13,
       "args": [{"index": 1, "value": 18446744073709551615, "valueTwo": 7,
                 "op": "SCMP_CMP_MASKED_EQ"}],
       "includes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["amd64"], "minKernel": "4.8"},
       "excludes": {"caps": ["CAP_BPF"], "arches": ["s390"]}}]})");
  ASSERT_TRUE(profile) << profile.error().message();
  EXPECT_EQ(profile->default_action, (seccomp::Action{ActionKind::kErrno, ENOSYS}));
  ASSERT_EQ(profile->groups.size(), 2U);
  EXPECT_EQ(profile->groups[0].sub_architectures,
            (std::vector<std::string>{"SCMP_ARCH_X86", "SCMP_ARCH_X32"}));
  ASSERT_EQ(profile->rules.size(), 2U);
  EXPECT_EQ(profile->rules[0].names, (std::vector<std::string>{"read", "write"}));
  const auto& clone = profile->rules[1];
  EXPECT_EQ(clone.action, (seccomp::Action{ActionKind::kErrno, EACCES}));
  EXPECT_EQ(clone.checks,
            (std::vector<seccomp::ArgumentCheck>{{.index = 1,
                                                  .comparison = Comparison::kMaskedEqual,
                                                  .value = UINT64_MAX,
                                                  .value_two = 7}}));
  EXPECT_EQ(clone.includes.capabilities, std::vector<int>{CAP_SYS_ADMIN});
  EXPECT_EQ(clone.includes.architectures, std::vector<std::string>{"amd64"});
  EXPECT_EQ(clone.includes.min_kernel, (seccomp::KernelVersion{4, 8}));
  EXPECT_EQ(clone.excludes.capabilities, std::vector<int>{CAP_BPF});
}

TEST(SeccompJson, ErrnoIsEpermUnlessSaid) {
  const auto profile = parse_profile(R"({"defaultAction": "SCMP_ACT_ERRNO"})");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->default_action, (seccomp::Action{ActionKind::kErrno, EPERM}));
}

TEST(SeccompJson, SaysWhereTextIsNoJson) {
  EXPECT_EQ(complaint(""), "line 1: no JSON from byte 1 on");
  EXPECT_EQ(complaint("{\n\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"syscalls\": [,]}"),
            "line 3: no JSON from byte 51 on");
  EXPECT_NE(complaint("{\"defaultAction\": \"SCMP_ACT_ALLOW\"} x"), "");
  EXPECT_NE(complaint("{\"defaultAction\": \"\xff\"}"), "");
  EXPECT_EQ(complaint("[]"), "is no object");
  EXPECT_EQ(complaint("null"), "is no object");
}

TEST(SeccompJson, RefusesUnknownKeysByName) {
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "sycalls": []})"),
            "unknown key \"sycalls\"; there are: defaultAction, defaultErrnoRet, architectures, "
            "archMap, syscalls");
  EXPECT_TRUE(complaint(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": []})")
                  .starts_with("unknown key \"flags\""));
  EXPECT_TRUE(complaint_about(R"({"names": ["read"], "action": "SCMP_ACT_LOG", "errno": 1})")
                  .starts_with("syscalls[0]: unknown key \"errno\""));
  EXPECT_TRUE(
      complaint_about(R"({"names": ["read"], "action": "SCMP_ACT_LOG", "includes": {"cap": []}})")
          .starts_with("syscalls[0].includes: unknown key \"cap\""));
  EXPECT_TRUE(
      complaint_about(R"({"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"idx": 0}]})")
          .starts_with("syscalls[0].args[0]: unknown key \"idx\""));
}

TEST(SeccompJson, RefusesUnknownWordsByPlace) {
  EXPECT_EQ(complaint("{}"), "defaultAction: is missing");
  EXPECT_TRUE(complaint(R"({"defaultAction": "ALLOW"})")
                  .starts_with("defaultAction: \"ALLOW\" is none of: SCMP_ACT_ALLOW, "));
  EXPECT_EQ(complaint(R"({"defaultAction": 7})"), "defaultAction: is no string");
  EXPECT_EQ(complaint_about(R"({"names": ["read"]})"), "syscalls[0].action: is missing");
  EXPECT_TRUE(complaint_about(R"({"names": ["read"], "action": "SCMP_ACT_LOG",
                                  "args": [{"index": 0, "op": "EQ"}]})")
                  .starts_with("syscalls[0].args[0].op: \"EQ\" is none of: SCMP_CMP_NE, "));
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_LOG", "architectures": ["x86_64"]})"),
            "architectures[0]: \"x86_64\" is no architecture");
  for (const char* action : {"SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"}) {
    EXPECT_EQ(complaint_about(fmt::format(R"({{"names": ["read"], "action": "{}"}})", action)),
              fmt::format("syscalls[0].action: {} is not supported: nothing outside the container "
                          "would answer",
                          action));
  }
}

TEST(SeccompJson, RefusesWrongConditions) {
  const auto with = [](std::string_view conditions) {
    return complaint_about(fmt::format(
        R"({{"names": ["read"], "action": "SCMP_ACT_LOG", "excludes": {{{}}}}})", conditions));
  };
  EXPECT_EQ(with(R"("caps": ["CAP_SYS_ADMIM"])"),
            "syscalls[0].excludes.caps[0]: \"CAP_SYS_ADMIM\" is no capability");
  EXPECT_EQ(with(R"("arches": ["amd46"])"),
            "syscalls[0].excludes.arches[0]: \"amd46\" is no architecture");
  for (const char* version :
       {"", "4", "4.", ".8", "4.8.1", "0.0", "-1.2", "4.99999999999", " 4.8"}) {
    EXPECT_NE(with(fmt::format(R"("minKernel": "{}")", version)), "") << version;
  }
  EXPECT_EQ(with(R"("minKernel": 4.8)"), "syscalls[0].excludes.minKernel: is no string");
}

TEST(SeccompJson, RefusesWrongNumbers) {
  EXPECT_EQ(complaint(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096})"),
            "defaultErrnoRet: is no whole number from 0 to 4095");
  for (const char* index : {"6", "-1", "1.0", "\"1\"", "18446744073709551616"}) {
    EXPECT_EQ(complaint_about(fmt::format(R"({{"names": ["read"], "action": "SCMP_ACT_LOG",
                                               "args": [{{"index": {}, "op": "SCMP_CMP_EQ"}}]}})",
                                          index)),
              "syscalls[0].args[0].index: is no whole number from 0 to 5")
        << index;
  }
  EXPECT_EQ(complaint_about(R"({"names": ["read"], "action": "SCMP_ACT_LOG",
                                "args": [{"index": 0, "valueTwo": 1, "op": "SCMP_CMP_EQ"}]})"),
            "syscalls[0].args[0].valueTwo: is compared by SCMP_CMP_MASKED_EQ only");
  EXPECT_NE(complaint(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1e999})"), "");
}

TEST(SeccompJson, RefusesWhatSaysTwoThings) {
  EXPECT_EQ(complaint_about(R"({"names": ["read"], "name": "write", "action": "SCMP_ACT_LOG"})"),
            "syscalls[0]: has both \"name\" and \"names\"");
  EXPECT_EQ(complaint_about(R"({"names": [], "action": "SCMP_ACT_LOG"})"),
            "syscalls[0]: names no system call");
  EXPECT_NE(complaint(R"({"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_X86"],
                          "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]})"),
            "");
}

TEST(SeccompJson, RefusesNamesThatAreNone) {
  for (const char* name : {"", "re ad", "read\\u0000", "../read", "r\\u00e9ad"}) {
    EXPECT_NE(
        complaint_about(fmt::format(R"({{"names": ["{}"], "action": "SCMP_ACT_LOG"}})", name)), "")
        << name;
  }
}

TEST(SeccompJson, HasLimits) {
  EXPECT_EQ(complaint(std::string(seccomp::kMaxProfileBytes + 1, ' ')),
            "1048577 bytes, at most 1048576");
  EXPECT_EQ(complaint(std::string(100'000, '[')), "nested more than 16 deep");
  std::string names = R"("read")";
  for (std::size_t i = 1; i < seccomp::kMaxProfileNames; ++i) names += R"(,"read")";
  const auto rule = [](std::string_view list) {
    return fmt::format(R"({{"names": [{}], "action": "SCMP_ACT_LOG"}})", list);
  };
  EXPECT_EQ(complaint_about(rule(names)), "");
  EXPECT_EQ(complaint_about(rule(names) + "," + rule(R"("write")")),
            "syscalls: more than 4096 names of system calls");
}

// --- what the kernel does -----------------------------------------------------------------------

TEST(SeccompJsonProgram, DeniesWithTheErrnoOfTheRule) {
  const auto program = compiled(allowing(
      R"({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
         {"names": ["rmdir", "no_such_call_anywhere"], "action": "SCMP_ACT_ERRNO"})"));
  EXPECT_EQ(in_filtered_child(program,
                              [] {
                                if (::mkdir("/nowhere/x", 0700) != -1 || errno != EACCES) return 1;
                                if (::rmdir("/nowhere/x") != -1 || errno != EPERM) return 2;
                                if (::unlink("/nowhere/x") != -1 || errno != ENOENT) return 3;
                                return 0;
                              }),
            0);
}

TEST(SeccompJsonProgram, DefaultHoldsForWhatIsNotNamed) {
  const auto program = compiled(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64",
                 "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
    "syscalls": [{"names": ["exit_group", "getpid"], "action": "SCMP_ACT_ALLOW"},
                 {"names": ["mmap", "munmap", "madvise", "futex", "rt_sigprocmask", "sigaltstack"],
                  "action": "SCMP_ACT_ALLOW", "comment": "what a sanitizer does unasked"}]})");
  EXPECT_EQ(in_filtered_child(program,
                              [] {
                                if (error_of(SYS_getpid) != 0) return 1;
                                if (error_of(SYS_getppid) != ENOSYS) return 2;
                                if (error_of(1000) != ENOSYS) return 3;
                                return 0;
                              }),
            0);
}

TEST(SeccompJsonProgram, KillsAndTraps) {
  for (const char* action : {"KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"}) {
    const auto program = compiled(
        allowing(fmt::format(R"({{"names": ["getppid"], "action": "SCMP_ACT_{}"}})", action)));
    EXPECT_EQ(in_filtered_child(program, [] { return error_of(SYS_getppid); }), 1000 + SIGSYS)
        << action;
  }
  const auto log = compiled(allowing(R"({"names": ["getppid"], "action": "SCMP_ACT_LOG"})"));
  EXPECT_EQ(in_filtered_child(log, [] { return error_of(SYS_getppid); }), 0);
}

TEST(SeccompJsonProgram, ComparesArguments) {
  struct Case {
    const char* comparison;
    std::uint64_t value, value_two;
    std::vector<std::uint64_t> matching, others;
  };
  constexpr std::uint64_t kWide = 0x1'0000'0000ULL;
  for (const Case& each : std::vector<Case>{
           {"NE", 5, 0, {4, 6, kWide | 5}, {5}},
           {"LT", 5, 0, {0, 4}, {5, 6, kWide}},
           {"LE", 5, 0, {0, 5}, {6, kWide}},
           {"EQ", 5, 0, {5}, {4, 6, kWide | 5}},
           {"GE", 5, 0, {5, 6, kWide}, {0, 4}},
           {"GT", 5, 0, {6, kWide}, {0, 5}},
           {"MASKED_EQ", 0xF0, 0x10, {0x10, 0x1F, kWide | 0x10}, {0, 0x20, 0x30}},
       }) {
    const auto program = compiled(
        allowing(fmt::format(R"({{"names": ["setpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99,
                         "args": [{{"index": 1, "op": "SCMP_CMP_{}", "value": {},
                                    "valueTwo": {}}}]}})",
                             each.comparison,
                             each.value,
                             each.value_two)));
    // No process -1: without the filter the call fails with something else.
    EXPECT_EQ(in_filtered_child(program,
                                [&] {
                                  for (const auto value : each.matching)
                                    if (error_of(SYS_setpgid, -1L, value) != 99) return 1;
                                  for (const auto value : each.others)
                                    if (error_of(SYS_setpgid, -1L, value) == 99) return 2;
                                  return 0;
                                }),
              0)
        << each.comparison;
  }
}

TEST(SeccompJsonProgram, AllArgumentsHaveToMatchOfOneAnyOfItsChecks) {
  const auto checks = [](int second_index) {
    return compiled(
        allowing(fmt::format(R"({{"names": ["setpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99,
                         "args": [{{"index": 1, "op": "SCMP_CMP_EQ", "value": 5}},
                                  {{"index": {}, "op": "SCMP_CMP_EQ", "value": 7}}]}})",
                             second_index)));
  };
  EXPECT_EQ(in_filtered_child(checks(2),
                              [] {
                                if (error_of(SYS_setpgid, -1L, 5L, 7L) != 99) return 1;
                                if (error_of(SYS_setpgid, -1L, 5L, 8L) == 99) return 2;
                                if (error_of(SYS_setpgid, -1L, 4L, 7L) == 99) return 3;
                                return 0;
                              }),
            0);
  EXPECT_EQ(in_filtered_child(checks(1),
                              [] {
                                if (error_of(SYS_setpgid, -1L, 5L) != 99) return 1;
                                if (error_of(SYS_setpgid, -1L, 7L) != 99) return 2;
                                if (error_of(SYS_setpgid, -1L, 6L) == 99) return 3;
                                return 0;
                              }),
            0);
}

class SeccompJsonConditions : public ::testing::Test {
 protected:
  /// Whether a rule with these conditions counts.
  static bool counts(std::string_view conditions, const seccomp::Surroundings& around) {
    const auto program =
        compiled(allowing(fmt::format(
                     R"({{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, {}}})",
                     conditions)),
                 around);
    const int error = in_filtered_child(program, [] { return error_of(SYS_getppid); });
    EXPECT_TRUE(error == 0 || error == 99) << error;
    return error == 99;
  }
};

TEST_F(SeccompJsonConditions, AskForCapabilities) {
  const seccomp::Surroundings none{.capabilities = 0, .kernel = kSomeKernel};
  const seccomp::Surroundings one{.capabilities = capability_bit(CAP_BPF), .kernel = kSomeKernel};
  const seccomp::Surroundings both{
      .capabilities = capability_bit(CAP_BPF) | capability_bit(CAP_SYSLOG), .kernel = kSomeKernel};
  constexpr std::string_view kIncludes = R"("includes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]})";
  EXPECT_FALSE(counts(kIncludes, none));
  EXPECT_FALSE(counts(kIncludes, one));
  EXPECT_TRUE(counts(kIncludes, both));
  constexpr std::string_view kExcludes = R"("excludes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]})";
  EXPECT_TRUE(counts(kExcludes, none));
  EXPECT_FALSE(counts(kExcludes, one));
  EXPECT_FALSE(counts(kExcludes, both));
}

TEST_F(SeccompJsonConditions, AskForTheKernel) {
  const seccomp::Surroundings here{.capabilities = 0, .kernel = {5, 10}};
  for (const char* version : {"4.8", "4.20", "5.9", "5.10"}) {
    EXPECT_TRUE(counts(fmt::format(R"("includes": {{"minKernel": "{}"}})", version), here));
    EXPECT_FALSE(counts(fmt::format(R"("excludes": {{"minKernel": "{}"}})", version), here));
  }
  for (const char* version : {"5.11", "6.0"}) {
    EXPECT_FALSE(counts(fmt::format(R"("includes": {{"minKernel": "{}"}})", version), here));
    EXPECT_TRUE(counts(fmt::format(R"("excludes": {{"minKernel": "{}"}})", version), here));
  }
  const auto running = seccomp::running_kernel();
  ASSERT_TRUE(running);
  EXPECT_GE(*running, (seccomp::KernelVersion{4, 0}));
}

#if defined(__x86_64__)
TEST_F(SeccompJsonConditions, AskForTheArchitecture) {
  const seccomp::Surroundings here{.capabilities = 0, .kernel = kSomeKernel};
  EXPECT_TRUE(counts(R"("includes": {"arches": ["amd64", "x32"]})", here));
  EXPECT_FALSE(counts(R"("includes": {"arches": ["arm64"]})", here));
  EXPECT_FALSE(counts(R"("excludes": {"arches": ["amd64", "arm"]})", here));
  EXPECT_TRUE(counts(R"("excludes": {"arches": ["s390"]})", here));
}

TEST(SeccompJsonProgram, WhatIsNotInTheListOfArchitecturesIsKilled) {
  const auto compat_call = [] {
    long result = 20;  // getpid of 32-bit programs
    asm volatile("int $0x80" : "+a"(result)::"memory");
    return result > 0 ? 0 : 1;
  };
  const auto native = compiled(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]})");
  EXPECT_EQ(in_filtered_child(native, compat_call), 1000 + SIGSYS);
  for (const char* both :
       {R"("architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_S390X"])",
        R"("archMap": [{"architecture": "SCMP_ARCH_AARCH64",
                        "subArchitectures": ["SCMP_ARCH_ARM"]},
                       {"architecture": "SCMP_ARCH_X86_64",
                        "subArchitectures": ["SCMP_ARCH_X86"]}])"}) {
    const auto program = compiled(fmt::format(
        R"({{"defaultAction": "SCMP_ACT_ALLOW", {}, "syscalls": [
             {{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}}]}})",
        both));
    EXPECT_EQ(in_filtered_child(program, compat_call), 0) << both;
  }
}
#endif

TEST(SeccompJsonProgram, RulesMayRepeatThemselves) {
  const auto program = compiled(allowing(
      R"({"names": ["getppid", "getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99},
         {"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99},
         {"names": ["getppid"], "action": "SCMP_ACT_ALLOW"})"));
  EXPECT_EQ(in_filtered_child(program, [] { return error_of(SYS_getppid); }), 99);
}

TEST(SeccompJsonProgram, TooLongForTheKernelIsRefused) {
  std::string rules;
  for (int i = 0; i < 3000; ++i) {
    rules += fmt::format(R"({}{{"names": ["setpgid"], "action": "SCMP_ACT_ERRNO",
                               "args": [{{"index": 1, "op": "SCMP_CMP_EQ", "value": {}}}]}})",
                         i == 0 ? "" : ",",
                         ((static_cast<std::uint64_t>(i) + 1) << 32U) + static_cast<unsigned>(i));
  }
  const auto program = seccomp::compile(parse_profile(allowing(rules)).value(),
                                        {.capabilities = 0, .kernel = kSomeKernel});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().reason(), "SECCOMP_PROFILE_INVALID");
  EXPECT_NE(program.error().message().find("instructions"), std::string::npos);
}

// --- through the isolator -----------------------------------------------------------------------

TEST(SeccompJsonIsolator, TakesTheProfileInsteadOfTheDefault) {
  auto config = test::sample_config();
  config.seccomp_json = allowing(
      R"({"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99,
          "excludes": {"caps": ["CAP_SYS_TIME"]}})");
  const auto error = [&] {
    return in_filtered_child(test::planned_program(config), [] { return error_of(SYS_getppid); });
  };
  EXPECT_EQ(error(), 99);
  config.capabilities_add = {"SYS_TIME"};
  EXPECT_EQ(error(), 0);
  auto host = test::sample_host();
  host.seccomp_filter = false;
  const auto isolator = make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value();
  EXPECT_EQ(test::verdict(*isolator, config, host), "FAILED_PRECONDITION NO_SECCOMP");
}

TEST(SeccompJsonIsolator, RemembersMoreProfilesThanItKeeps) {
  const auto isolator = make_seccomp_isolator(CAP_CHECKPOINT_RESTORE).value();
  const auto program = [&](int error) {
    auto config = test::sample_config();
    config.seccomp_json = allowing(fmt::format(
        R"({{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": {}}})", error));
    test::Prepared prepared;
    EXPECT_TRUE(prepared.run(*isolator, config));
    return std::get<plan::Seccomp>(prepared.builder.build().plan.operations.at(0)).program;
  };
  const auto first = program(50);
  EXPECT_EQ(program(50), first);
  for (int error = 51; error < 62; ++error) EXPECT_NE(program(error), first);
  EXPECT_EQ(program(50), first);
}

}  // namespace
}  // namespace skerry::isolators
