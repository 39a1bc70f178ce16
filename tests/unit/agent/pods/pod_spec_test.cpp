#include "agent/pods/pod_spec.h"

#include <sched.h>

#include <functional>
#include <string_view>

#include <gtest/gtest.h>

namespace skerry::agent {
namespace {

config::Config sample_config() {
  config::Config config;
  config.log_directories = {"/var/log/pods"};
  config.defaults.memory = Bytes(64 << 20);
  return config;
}

Result<CheckedPod> check(const v1::PodSpec& spec) { return check_pod_spec(spec, sample_config()); }

void expect_refused(const std::function<void(v1::PodSpec&)>& spoil,
                    std::string_view reason,
                    std::string_view word) {
  v1::PodSpec spec;
  spoil(spec);
  const auto checked = check(spec);
  ASSERT_FALSE(checked) << "expected a refusal that names " << word;
  EXPECT_EQ(checked.error().reason(), reason) << checked.error().message();
  EXPECT_NE(checked.error().message().find(word), std::string::npos) << checked.error().message();
}

TEST(CheckPodSpec, FillsInTheDefaults) {
  const auto pod = check({});
  ASSERT_TRUE(pod) << pod.error().message();
  EXPECT_EQ(pod->network, isolators::NetworkMode::kNetworks);
  ASSERT_EQ(pod->settings.networks.size(), 1U);
  EXPECT_EQ(pod->settings.networks.front().network, "skerry");
  EXPECT_FALSE(pod->shares_ipc);
  EXPECT_FALSE(pod->shares_pid);
  EXPECT_TRUE(pod->shares_uts);
  EXPECT_FALSE(pod->needs_init());
  EXPECT_EQ(pod->namespaces(), std::uint64_t{CLONE_NEWNET | CLONE_NEWUTS});
  // The defaults of the configuration are for containers.
  EXPECT_FALSE(pod->resources.memory_limit);
  EXPECT_FALSE(pod->resources.pids_limit);
  EXPECT_FALSE(pod->resources.cpu_limit);
}

TEST(CheckPodSpec, TakesWhatIsSaid) {
  v1::PodSpec spec;
  spec.set_hostname("shop");
  spec.set_network(v1::NETWORK_MODE_NONE);
  spec.mutable_shared()->set_ipc(true);
  spec.mutable_shared()->set_pid(true);
  spec.mutable_shared()->set_uts(false);
  spec.mutable_resources()->mutable_limits()->mutable_memory()->set_bytes(1 << 20);
  spec.mutable_resources()->mutable_limits()->mutable_pids()->set_count(9);
  (*spec.mutable_sysctls())["kernel.shmmax"] = "4096";
  (*spec.mutable_sysctls())["net.ipv4.ip_forward"] = "1";
  spec.set_log_directory("/var/log/pods/shop");
  spec.set_stop_on_failure(true);
  const auto pod = check(spec);
  ASSERT_TRUE(pod) << pod.error().message();
  EXPECT_EQ(pod->hostname, "shop");
  EXPECT_TRUE(pod->needs_init());
  EXPECT_EQ(pod->namespaces(), std::uint64_t{CLONE_NEWNET | CLONE_NEWIPC});
  EXPECT_EQ(pod->resources.memory_limit, Bytes(1 << 20));
  EXPECT_EQ(pod->resources.pids_limit, 9U);
  EXPECT_EQ(pod->sysctls.at("kernel/shmmax"), "4096");
  EXPECT_EQ(pod->sysctls.at("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(pod->log_directory, "/var/log/pods/shop");
  EXPECT_TRUE(pod->stop_on_failure);
}

TEST(CheckPodSpec, OnTheHostsNetworkThereIsNoneOfItsOwn) {
  v1::PodSpec spec;
  spec.set_network(v1::NETWORK_MODE_HOST);
  const auto pod = check(spec);
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->namespaces(), std::uint64_t{CLONE_NEWUTS});
}

TEST(CheckPodSpec, RefusesByFieldName) {
  using Spec = v1::PodSpec;
  expect_refused([](Spec& s) { s.set_hostname("a_b"); }, "FIELD_INVALID", "spec.hostname");
  expect_refused(
      [](Spec& s) { s.set_hostname(std::string(65, 'a')); }, "FIELD_INVALID", "spec.hostname");
  expect_refused(
      [](Spec& s) {
        s.set_hostname("a");
        s.set_network(v1::NETWORK_MODE_HOST);
      },
      "FIELD_INVALID",
      "spec.hostname");
  expect_refused([](Spec& s) { s.set_network(static_cast<v1::NetworkMode>(9)); },
                 "FIELD_INVALID",
                 "spec.network");
  expect_refused(
      [](Spec& s) { (*s.mutable_labels())["a b"] = ""; }, "FIELD_INVALID", "spec.labels");
  expect_refused([](Spec& s) { (*s.mutable_annotations())["a"] = std::string(300'000, 'x'); },
                 "FIELD_INVALID",
                 "spec.annotations");
  expect_refused(
      [](Spec& s) { s.set_log_directory("rel"); }, "FIELD_INVALID", "spec.log_directory");
  expect_refused(
      [](Spec& s) { s.set_log_directory("/etc"); }, "LOG_PATH_REFUSED", "spec.log_directory");
  expect_refused([](Spec& s) { s.set_log_directory("/var/log/pods/../../etc"); },
                 "LOG_PATH_REFUSED",
                 "spec.log_directory");
  expect_refused(
      [](Spec& s) { s.add_ports()->set_host_port(0); }, "FIELD_INVALID", "spec.ports[0]");
  expect_refused(
      [](Spec& s) { s.add_networks()->set_network("a/b"); }, "FIELD_INVALID", "spec.networks[0]");
  expect_refused([](Spec& s) { s.mutable_dns()->add_servers("x"); }, "FIELD_INVALID", "spec.dns");
  expect_refused(
      [](Spec& s) { s.add_host_aliases()->set_ip("x"); }, "FIELD_INVALID", "spec.host_aliases[0]");
  expect_refused(
      [](Spec& s) { s.mutable_resources()->mutable_limits()->mutable_memory()->set_bytes(0); },
      "LIMIT_TOO_SMALL",
      "resources.limits.memory");
}

TEST(CheckPodSpec, SettingsNeedTheNamespaceTheyAreOf) {
  using Spec = v1::PodSpec;
  expect_refused([](Spec& s) { (*s.mutable_sysctls())["kernel.shmmax"] = "1"; },
                 "SYSCTL_REFUSED",
                 "shared.ipc");
  expect_refused(
      [](Spec& s) {
        (*s.mutable_sysctls())["kernel.domainname"] = "x";
        s.mutable_shared()->set_uts(false);
      },
      "SYSCTL_REFUSED",
      "shared.uts");
  expect_refused(
      [](Spec& s) {
        (*s.mutable_sysctls())["net.core.somaxconn"] = "1";
        s.set_network(v1::NETWORK_MODE_HOST);
      },
      "SYSCTL_REFUSED",
      "host's network");
}

TEST(CheckPodSpec, RefusesWhatItDoesNotKnow) {
  v1::PodSpec spec;
  constexpr int kUnknown = 4711;
  spec.GetReflection()->MutableUnknownFields(&spec)->AddVarint(kUnknown, 1);
  const auto checked = check(spec);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason(), "FIELD_UNKNOWN");
}

}  // namespace
}  // namespace skerry::agent
