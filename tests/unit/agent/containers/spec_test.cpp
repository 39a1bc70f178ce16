#include "agent/containers/spec.h"

#include <functional>

#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

v1::ContainerSpec good() {
  v1::ContainerSpec spec;
  spec.mutable_root()->set_image("busybox");
  spec.add_command("true");
  return spec;
}

Result<CheckedSpec> check(const v1::ContainerSpec& spec) {
  return check_spec(spec, config::Config{});
}

void expect_refused(const std::function<void(v1::ContainerSpec&)>& spoil,
                    std::string_view reason,
                    std::string_view word) {
  v1::ContainerSpec spec = good();
  spoil(spec);
  const auto checked = check(spec);
  ASSERT_FALSE(checked) << "expected a refusal that names " << word;
  EXPECT_EQ(checked.error().reason(), reason) << checked.error().message();
  EXPECT_NE(checked.error().message().find(word), std::string::npos) << checked.error().message();
}

TEST(CheckSpec, FillsInTheDefaults) {
  const auto checked = check(good());
  ASSERT_TRUE(checked) << checked.error().message();
  EXPECT_EQ(checked->stop_signal, 15);
  EXPECT_EQ(checked->stop_grace, std::chrono::seconds(10));
  EXPECT_EQ(checked->config.process.working_directory, "/");
  EXPECT_EQ(checked->config.resources.pids_limit, 4096U);
  EXPECT_FALSE(checked->config.resources.memory_limit);
  EXPECT_FALSE(checked->config.resources.swap_limit);
  EXPECT_EQ(checked->log.max_files, 5U);
}

TEST(CheckSpec, JoinsCommandAndArguments) {
  v1::ContainerSpec spec = good();
  spec.add_args("a");
  const auto checked = check(spec);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->config.process.arguments, (std::vector<std::string>{"true", "a"}));
}

TEST(CheckSpec, AMemoryLimitMeansNoSwapUnlessSaid) {
  v1::ContainerSpec spec = good();
  spec.mutable_resources()->mutable_limits()->mutable_memory()->set_bytes(1 << 20);
  EXPECT_EQ(check(spec)->config.resources.swap_limit, Bytes(0));
  spec.mutable_resources()->mutable_limits()->mutable_swap()->mutable_unlimited();
  EXPECT_FALSE(check(spec)->config.resources.swap_limit);
}

TEST(CheckSpec, UnlimitedIsSaidExplicitly) {
  v1::ContainerSpec spec = good();
  spec.mutable_resources()->mutable_limits()->mutable_pids()->mutable_unlimited();
  const auto checked = check(spec);
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->config.resources.pids_limit);
  EXPECT_TRUE(effective_resources(checked->config.resources).limits().pids().has_unlimited());
}

TEST(CheckSpec, RefusesWhatItDoesNotKnow) {
  v1::ContainerSpec spec = good();
  constexpr int kUnknown = 4711;
  v1::Mount* mount = spec.add_mounts();
  mount->GetReflection()->MutableUnknownFields(mount)->AddVarint(kUnknown, 1);
  const auto checked = check(spec);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason(), "FIELD_UNKNOWN");
  EXPECT_NE(checked.error().message().find("spec.mounts[0].4711"), std::string::npos);
}

TEST(CheckSpec, WhatJoinsAPodSaysNothingThatThePodSays) {
  v1::ContainerSpec spec = good();
  spec.mutable_join_pod()->set_id("shop");
  const auto joined = check(spec);
  ASSERT_TRUE(joined) << joined.error().message();
  EXPECT_EQ(joined->join_pod->id(), "shop");
  EXPECT_EQ(joined->config.network, isolators::NetworkMode::kPod);
  EXPECT_TRUE(joined->config.network_settings.networks.empty());

  const auto refuse = [](const std::function<void(v1::PodSpec&)>& say, std::string_view field) {
    expect_refused(
        [&](v1::ContainerSpec& s) {
          s.mutable_join_pod()->set_id("shop");
          say(*s.mutable_pod());
        },
        "POD_FIELDS",
        field);
  };
  refuse([](v1::PodSpec& pod) { pod.set_hostname("web"); }, "spec.pod.hostname");
  refuse([](v1::PodSpec& pod) { pod.set_network(v1::NETWORK_MODE_NONE); }, "spec.pod.network");
  refuse([](v1::PodSpec& pod) { pod.add_ports()->set_host_port(80); }, "spec.pod.ports");
  refuse([](v1::PodSpec& pod) { (*pod.mutable_sysctls())["net.x"] = "1"; }, "spec.pod.sysctls");
  refuse([](v1::PodSpec&) {}, "spec.pod");
  expect_refused([](v1::ContainerSpec& s) { s.mutable_join_pod()->set_tenant("a"); },
                 "FIELD_INVALID",
                 "spec.join_pod");
}

TEST(CheckSpec, APodOfOneHasNoFieldsOfExplicitPods) {
  const auto refuse = [](const std::function<void(v1::PodSpec&)>& say, std::string_view field) {
    expect_refused([&](v1::ContainerSpec& s) { say(*s.mutable_pod()); }, "POD_FIELDS", field);
  };
  refuse([](v1::PodSpec& pod) { pod.mutable_shared()->set_ipc(true); }, "spec.pod.shared");
  refuse([](v1::PodSpec& pod) { pod.mutable_resources(); }, "spec.pod.resources");
  refuse([](v1::PodSpec& pod) { pod.set_log_directory("/x"); }, "spec.pod.log_directory");
  refuse([](v1::PodSpec& pod) { (*pod.mutable_labels())["a"] = "b"; }, "spec.pod.labels");
  refuse([](v1::PodSpec& pod) { (*pod.mutable_annotations())["a"] = "b"; }, "spec.pod.annotations");
  refuse([](v1::PodSpec& pod) { pod.set_stop_on_failure(true); }, "spec.pod.stop_on_failure");
}

TEST(CheckSpec, RefusesByFieldName) {
  using Spec = v1::ContainerSpec;
  expect_refused([](Spec& s) { s.clear_root(); }, "FIELD_INVALID", "spec.root");
  expect_refused([](Spec& s) { s.mutable_root()->set_directory("rel"); },
                 "FIELD_INVALID",
                 "spec.root.directory");
  expect_refused([](Spec& s) { s.clear_command(); }, "COMMAND_MISSING", "spec.command");
  expect_refused([](Spec& s) { s.add_env("NOVALUE"); }, "ENV_INVALID", "NOVALUE");
  expect_refused([](Spec& s) { s.add_env("=x"); }, "ENV_INVALID", "spec.env");
  expect_refused(
      [](Spec& s) {
        s.add_env("A=1");
        s.add_env("A=2");
      },
      "ENV_INVALID",
      "twice");
  expect_refused([](Spec& s) { s.set_working_dir("rel"); }, "FIELD_INVALID", "working_dir");
  expect_refused([](Spec& s) { s.set_stop_signal(65); }, "FIELD_INVALID", "stop_signal");
  expect_refused(
      [](Spec& s) { s.mutable_stop_grace()->set_seconds(-1); }, "FIELD_INVALID", "stop_grace");
  expect_refused([](Spec& s) { s.mutable_stop_grace()->set_seconds(INT64_MAX); },
                 "FIELD_INVALID",
                 "stop_grace");
  expect_refused(
      [](Spec& s) { s.mutable_ttl()->set_seconds(1); }, "FIELD_INVALID", "remove_on_exit");
  expect_refused([](Spec& s) { (*s.mutable_labels())[""] = "x"; }, "FIELD_INVALID", "labels");
  expect_refused([](Spec& s) { s.add_mounts()->set_target("/x"); }, "FIELD_INVALID", "mounts[0]");
  expect_refused(
      [](Spec& s) { s.mutable_pod()->set_hostname("a_b"); }, "FIELD_INVALID", "hostname");
  expect_refused([](Spec& s) { s.mutable_pod()->set_network(static_cast<v1::NetworkMode>(9)); },
                 "FIELD_INVALID",
                 "network");
  expect_refused([](Spec& s) { s.mutable_log()->set_max_files(0); }, "FIELD_INVALID", "max_files");
  expect_refused(
      [](Spec& s) { s.mutable_log()->set_max_size_bytes(1); }, "LIMIT_TOO_SMALL", "max_size");
}

TEST(CheckSpec, TakesSeccompProfilesThatAreGood) {
  v1::ContainerSpec spec = good();
  const std::string profile = R"({"defaultAction": "SCMP_ACT_ALLOW"})";
  spec.mutable_security()->set_seccomp_json(profile);
  const auto checked = check(spec);
  ASSERT_TRUE(checked) << checked.error().message();
  EXPECT_EQ(checked->config.seccomp_json, profile);
  const auto refused = [](std::string text, std::string_view where) {
    expect_refused(
        [&](v1::ContainerSpec& s) { s.mutable_security()->set_seccomp_json(std::move(text)); },
        "SECCOMP_PROFILE_INVALID",
        where);
  };
  refused("", "spec.security.seccomp_json: seccomp profile: line 1");
  refused(R"({"defaultAction": "SCMP_ACT_ALOW"})", "defaultAction: \"SCMP_ACT_ALOW\"");
  refused(std::string((1U << 20U) + 1, ' '), "1048577 bytes");
}

TEST(CheckSpec, RefusesZeroAsALimit) {
  expect_refused(
      [](v1::ContainerSpec& s) {
        s.mutable_resources()->mutable_limits()->mutable_cpu()->set_millicpu(0);
      },
      "LIMIT_TOO_SMALL",
      "cpu");
  expect_refused(
      [](v1::ContainerSpec& s) { s.mutable_resources()->mutable_requests()->set_memory_bytes(0); },
      "LIMIT_TOO_SMALL",
      "memory");
}

TEST(CheckSpec, SwapNeedsAMemoryLimit) {
  expect_refused(
      [](v1::ContainerSpec& s) {
        s.mutable_resources()->mutable_limits()->mutable_swap()->set_bytes(1);
      },
      "FIELD_INVALID",
      "swap");
}

TEST(CheckSpec, ALogPathHasToBeAllowed) {
  v1::ContainerSpec spec = good();
  spec.mutable_log()->set_path("/var/log/pods/a.log");
  EXPECT_EQ(check(spec).error().reason(), "LOG_PATH_REFUSED");
  config::Config config;
  config.log_directories = {"/var/log/pods"};
  const auto checked = check_spec(spec, config);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->log.directory, "/var/log/pods");
  EXPECT_EQ(checked->log.name, "a.log");
  spec.mutable_log()->set_path("/var/log/pods/../../etc/a.log");
  EXPECT_EQ(check_spec(spec, config).error().reason(), "LOG_PATH_REFUSED");
}

TEST(CheckSpec, TakesVolumesInTheOrderOfTheSpec) {
  v1::ContainerSpec spec = good();
  v1::Mount& volume = *spec.add_mounts();
  volume.set_target("/data");
  volume.set_read_only(true);
  volume.mutable_volume()->set_name("data");
  volume.mutable_volume()->set_driver("rclone");
  (*volume.mutable_volume()->mutable_options())["remote"] = "x";
  spec.add_mounts()->set_target("/tmp");
  spec.mutable_mounts(1)->mutable_tmpfs();
  const auto checked = check(spec);
  ASSERT_TRUE(checked) << checked.error().message();
  ASSERT_EQ(checked->config.mounts.size(), 2U);
  EXPECT_EQ(std::get<isolators::VolumeMount>(checked->config.mounts[0]),
            (isolators::VolumeMount{.name = "data",
                                    .driver = "rclone",
                                    .options = {{"remote", "x"}},
                                    .target = "/data",
                                    .read_only = true}));
  expect_refused([](v1::ContainerSpec& bad) { bad.add_mounts()->set_target("/x"); },
                 "FIELD_INVALID",
                 "none of bind, tmpfs and volume");
}

TEST(CheckSpec, BindSourcesFollowTheConfiguration) {
  v1::ContainerSpec spec = good();
  v1::Mount* mount = spec.add_mounts();
  mount->set_target("/x");
  mount->mutable_bind()->set_source("/srv/../etc");
  config::Config config;
  config.bind_sources = {"/srv"};
  EXPECT_EQ(check_spec(spec, config).error().reason(), "BIND_REFUSED");
  mount->mutable_bind()->set_source("/srv/data");
  EXPECT_TRUE(check_spec(spec, config));
  mount->mutable_bind()->set_source("/srvx");
  EXPECT_FALSE(check_spec(spec, config));
}

TEST(CheckSpec, ADirectoryAsRootFollowsTheConfigurationToo) {
  v1::ContainerSpec spec = good();
  config::Config config;
  config.bind_sources = {"/srv"};
  EXPECT_TRUE(check_spec(spec, config));
  spec.mutable_root()->set_directory("/srv/../");
  EXPECT_EQ(check_spec(spec, config).error().reason(), "BIND_REFUSED");
  spec.mutable_root()->set_directory("/srv/root");
  EXPECT_TRUE(check_spec(spec, config));
}

}  // namespace
}  // namespace skerry::agent
