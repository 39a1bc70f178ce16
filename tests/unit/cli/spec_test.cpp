#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gtest/gtest.h>

#include "cli/run_options.h"

namespace skerry::cli {
namespace {

/// The spec of a command line, from the words to the message.
Result<v1::ContainerSpec> spec_of(std::vector<std::string> words) {
  CLI::App app;
  RunOptions options;
  add_run_options(app, options);
  // CLI11 takes a vector from its end.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  app.parse(std::move(reversed));
  return make_spec(options,
                   app.remaining(),
                   {.working_directory = "/home/me",
                    .environment = [](const std::string& name) -> std::optional<std::string> {
                      if (name == "HOME") return "/home/me";
                      return std::nullopt;
                    }});
}

std::string message_of(std::vector<std::string> words) {
  const auto spec = spec_of(std::move(words));
  return spec ? "" : spec.error().message();
}

TEST(MakeSpec, LeavesWhatFollowsTheImageAlone) {
  const auto spec = spec_of({"-e", "A=1", "busybox", "sh", "-c", "exit 7", "-e", "--rm", "--"});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->root().image(), "busybox");
  EXPECT_EQ(std::vector<std::string>(spec->args().begin(), spec->args().end()),
            (std::vector<std::string>{"sh", "-c", "exit 7", "-e", "--rm", "--"}));
  EXPECT_EQ(spec->env_size(), 1);
  EXPECT_FALSE(spec->remove_on_exit());
}

TEST(MakeSpec, SetsNothingThatWasNotSaid) {
  const auto spec = spec_of({"busybox"});
  ASSERT_TRUE(spec);
  v1::ContainerSpec expected;
  expected.mutable_root()->set_image("busybox");
  EXPECT_EQ(spec->SerializeAsString(), expected.SerializeAsString());
}

TEST(MakeSpec, KeepsRepeatedOptionsApart) {
  const auto spec = spec_of({"-e", "A=1", "-e", "HOME", "-e", "NOT_SET", "-e", "A=[x]", "busybox"});
  ASSERT_TRUE(spec);
  EXPECT_EQ(std::vector<std::string>(spec->env().begin(), spec->env().end()),
            (std::vector<std::string>{"A=[x]", "HOME=/home/me"}));
}

TEST(MakeSpec, TakesResources) {
  const auto spec = spec_of({"-m",
                             "64m",
                             "--cpus",
                             "0.5",
                             "--cpu-request",
                             "0.25",
                             "--memory-reservation",
                             "32m",
                             "--pids-limit",
                             "100",
                             "busybox"});
  ASSERT_TRUE(spec);
  const auto& limits = spec->resources().limits();
  EXPECT_EQ(limits.memory().bytes(), 64U << 20);
  EXPECT_EQ(limits.cpu().millicpu(), 500U);
  EXPECT_EQ(limits.pids().count(), 100U);
  EXPECT_FALSE(limits.has_swap());
  EXPECT_EQ(spec->resources().requests().millicpu(), 250U);
  EXPECT_EQ(spec->resources().requests().memory_bytes(), 32U << 20);
}

TEST(MakeSpec, SaysUnlimitedExplicitly) {
  const auto spec = spec_of(
      {"-m", "unlimited", "--cpus", "-1", "--pids-limit", "-1", "--memory-swap", "-1", "x"});
  ASSERT_TRUE(spec);
  const auto& limits = spec->resources().limits();
  EXPECT_TRUE(limits.memory().has_unlimited());
  EXPECT_TRUE(limits.cpu().has_unlimited());
  EXPECT_TRUE(limits.pids().has_unlimited());
  EXPECT_TRUE(limits.swap().has_unlimited());
}

TEST(MakeSpec, PassesZeroOnForTheDaemonToRefuse) {
  const auto spec = spec_of({"--pids-limit", "0", "busybox"});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->resources().limits().pids().limit_case(), v1::PidsLimit::kCount);
}

TEST(MakeSpec, CountsSwapOnTopOfMemory) {
  const auto swap = [](const std::string& total) {
    return spec_of({"-m", "64m", "--memory-swap", total, "x"})->resources().limits().swap();
  };
  EXPECT_EQ(swap("96m").bytes(), 32U << 20);
  EXPECT_TRUE(swap("64m").has_none());
  EXPECT_NE(message_of({"-m", "64m", "--memory-swap", "32m", "x"}), "");
  EXPECT_NE(message_of({"--memory-swap", "32m", "x"}), "");
}

TEST(MakeSpec, TakesTheRest) {
  const auto spec = spec_of({"-w",
                             "/work",
                             "-u",
                             "app:app",
                             "--group-add",
                             "wheel",
                             "-i",
                             "--rm",
                             "--ttl",
                             "1m",
                             "--read-only",
                             "--durable",
                             "--network",
                             "host",
                             "-h",
                             "box",
                             "--sysctl",
                             "kernel.shmmax=1",
                             "--entrypoint",
                             "/bin/sh",
                             "--stop-signal",
                             "INT",
                             "--stop-timeout",
                             "3",
                             "--cap-add",
                             "ALL",
                             "--cap-drop",
                             "mknod",
                             "--security-opt",
                             "no-new-privileges",
                             "--ulimit",
                             "nofile=1:2",
                             "--oom-score-adj",
                             "-5",
                             "-l",
                             "a=b",
                             "--annotation",
                             "c=d",
                             "--log-opt",
                             "overflow=drop",
                             "-v",
                             "./d:/d",
                             "--tmpfs",
                             "/t",
                             "--mount",
                             "type=tmpfs,target=/m",
                             "busybox",
                             "-c",
                             "true"});
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->working_dir(), "/work");
  EXPECT_EQ(spec->user().name(), "app:app");
  EXPECT_EQ(spec->user().additional_groups(0), "wheel");
  EXPECT_TRUE(spec->stdin());
  EXPECT_TRUE(spec->remove_on_exit());
  EXPECT_EQ(spec->ttl().seconds(), 60);
  EXPECT_TRUE(spec->root().read_only());
  EXPECT_TRUE(spec->root().durable());
  EXPECT_EQ(spec->pod().network(), v1::NETWORK_MODE_HOST);
  EXPECT_EQ(spec->pod().hostname(), "box");
  EXPECT_EQ(spec->pod().sysctls().at("kernel.shmmax"), "1");
  EXPECT_EQ(spec->command(0), "/bin/sh");
  EXPECT_EQ(spec->stop_signal(), 2);
  EXPECT_EQ(spec->stop_grace().seconds(), 3);
  EXPECT_EQ(spec->security().capabilities().add(0), "ALL");
  EXPECT_EQ(spec->security().capabilities().drop(0), "mknod");
  EXPECT_TRUE(spec->security().no_new_privs());
  EXPECT_EQ(spec->rlimits_size(), 1);
  EXPECT_EQ(spec->oom_score_adj(), -5);
  EXPECT_EQ(spec->labels().at("a"), "b");
  EXPECT_EQ(spec->annotations().at("c"), "d");
  EXPECT_EQ(spec->log().overflow(), v1::LOG_OVERFLOW_DROP);
  EXPECT_EQ(spec->mounts_size(), 3);
  EXPECT_EQ(spec->args_size(), 2);
}

TEST(MakeSpec, TakesTerminalsPortsAndVolumes) {
  const auto spec = spec_of({"-it",
                             "-p",
                             "8080:80",
                             "-v",
                             "data:/d",
                             "--volume-driver",
                             "rclone",
                             "--network",
                             "front",
                             "--ip",
                             "10.1.2.3",
                             "busybox",
                             "sh"});
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_TRUE(spec->has_terminal());
  EXPECT_TRUE(spec->stdin());
  EXPECT_EQ(spec->pod().ports(0).host_port(), 8080U);
  EXPECT_EQ(spec->pod().networks(0).addresses(0), "10.1.2.3");
  EXPECT_EQ(spec->mounts(0).volume().driver(), "rclone");
}

TEST(MakeSpec, SaysNothingOfThePodOfOneInAPod) {
  EXPECT_FALSE(spec_of({"--pod", "shop", "busybox", "sh"})->has_pod());
  EXPECT_TRUE(
      message_of({"--pod", "shop", "-p", "80:80", "busybox"}).starts_with("--pod: what a pod"));
}

TEST(MakeSpec, TakesADirectoryAsRoot) {
  EXPECT_EQ(spec_of({"--rootfs", "/srv/root", "sh"})->root().directory(), "/srv/root");
}

TEST(MakeSpec, RefusesOptionsItDoesNotHave) {
  EXPECT_EQ(message_of({"--frob", "busybox"}), "unknown option \"--frob\"");
  EXPECT_EQ(message_of({"--frob=1", "busybox"}), "unknown option \"--frob\"");
  EXPECT_EQ(message_of({"-P", "busybox"}),
            "unknown option \"-P\": name the ports: -p HOST:CONTAINER");
  EXPECT_EQ(message_of({"--privileged", "busybox"}),
            "unknown option \"--privileged\": grant what is needed with --cap-add, --security-opt "
            "and -v");
}

TEST(MakeSpec, NamesTheOptionThatIsWrong) {
  EXPECT_EQ(message_of({}), "IMAGE is missing");
  EXPECT_EQ(message_of({"-m", "lots", "x"}),
            "-m: \"lots\" is not a size in bytes (such as 64m, 1g, 1048576)");
  EXPECT_EQ(message_of({"-p", "80", "x"}),
            "-p \"80\": -p takes [IP:]HOST:CONTAINER[/tcp|udp]; the host's port is not chosen by "
            "chance: -p 80:80");
  EXPECT_EQ(message_of({"--volume-driver", "x", "-v", "/a:/b", "x"}),
            "--volume-driver is for named volumes: -v NAME:TARGET");
  EXPECT_EQ(message_of({"--security-opt", "seccomp=/nonexistent/profile", "x"}),
            "--security-opt seccomp: open \"/nonexistent/profile\": no such file or directory");
  EXPECT_EQ(message_of({"--ttl", "1m", "x"}), "--ttl needs --rm");
  EXPECT_EQ(message_of({"-e", "=1", "x"}), "-e: variable \"=1\" has no name");
  EXPECT_EQ(message_of({"--env-file", "/nonexistent/env", "x"}),
            "--env-file: open \"/nonexistent/env\": no such file or directory");
}

}  // namespace
}  // namespace skerry::cli
