#include "agent/config/config.h"

#include <gtest/gtest.h>

namespace skerry::config {
namespace {

Result<Config> read(std::string_view text) {
  Config config;
  TRY(apply_toml(text, "skerryd.toml", config));
  TRY(check(config));
  return config;
}

std::string refusal(std::string_view text) {
  const Result<Config> config = read(text);
  if (config) return "was accepted";
  EXPECT_EQ(config.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(config.error().reason(), "CONFIG_INVALID");
  return config.error().message();
}

TEST(Config, TakesEveryKey) {
  const Result<Config> read_config = read(R"(
root = "/data/skerry"
run = "/run/s2"
name = "second"
socket_group = "containers"
cgroup_parent = "machine/skerry"
failpoints = ["create.cgroup=error", "stop.kill=delay:5"]
[trace]
level = "debug"
[mounts]
bind_sources = ["/srv", "/data/shared"]
[log]
max_size = "1MiB"
max_files = 2
mode = "drop"
directories = ["/var/log/pods"]
[events]
age = "12h"
count = 5000
bytes = 67108864
[workers]
threads = 3
plugin_threads = 4
queue = 100
[standby]
processes = 7
[network]
default = "blue"
config_dir = "/srv/cni/net.d"
plugin_dirs = ["/srv/cni/bin"]
subnets = ["10.0.0.0/8"]
subnet_length = 24
dns_servers = ["192.0.2.1"]
attach_deadline = "5s"
detach_deadline = "6s"
concurrency = 2
[volumes]
host_paths = ["/srv/volumes"]
plugin_socket_dirs = ["/srv/plugins"]
plugin_spec_dirs = []
mount_deadline = "7s"
unmount_deadline = "8s"
[defaults]
cpus = 0.5
memory = "256MiB"
pids = 512
)");
  ASSERT_TRUE(read_config) << read_config.error().message();
  Config expected;
  expected.root = "/data/skerry";
  expected.run = "/run/s2";
  expected.name = "second";
  expected.socket_group = "containers";
  expected.cgroup_parent = "machine/skerry";
  expected.failpoints = {"create.cgroup=error", "stop.kill=delay:5"};
  expected.trace_level = runtime::TraceLevel::kDebug;
  expected.bind_sources = {"/srv", "/data/shared"};
  expected.log = {.max_size = kMebibyte, .max_files = 2, .mode = LogMode::kDrop};
  expected.log_directories = {"/var/log/pods"};
  expected.events = {
      .age = std::chrono::hours(12), .count = 5000, .bytes = Bytes(64ULL * 1024 * 1024)};
  expected.workers = {.threads = 3, .plugin_threads = 4, .queue = 100};
  expected.standby_processes = 7;
  expected.network = {.default_network = "blue",
                      .config_dir = "/srv/cni/net.d",
                      .plugin_dirs = {"/srv/cni/bin"},
                      .subnets = {"10.0.0.0/8"},
                      .subnet_length = 24,
                      .dns_servers = {"192.0.2.1"},
                      .attach_deadline = std::chrono::seconds(5),
                      .detach_deadline = std::chrono::seconds(6),
                      .concurrency = 2};
  expected.volumes = {.host_paths = {{"/srv/volumes"}},
                      .plugin_socket_dirs = {"/srv/plugins"},
                      .plugin_spec_dirs = {},
                      .mount_deadline = std::chrono::seconds(7),
                      .unmount_deadline = std::chrono::seconds(8)};
  expected.defaults = {.cpus = MilliCpu(500), .memory = Bytes(256ULL << 20U), .pids = 512};
  EXPECT_EQ(*read_config, expected);
  // What GetConfig shows gives the same configuration again.
  EXPECT_EQ(*read(to_string(*read_config)), *read_config);
}

TEST(Config, DefaultsAreWrittenAndReadBack) {
  const Config defaults;
  EXPECT_EQ(*read(""), defaults);
  EXPECT_EQ(*read(to_string(defaults)), defaults);
}

TEST(Config, QuotesWhatItWrites) {
  Config config;
  config.cgroup_parent = "a\"b\\c\nd\x7F\xC3\xA4";
  EXPECT_EQ(*read(to_string(config)), config);
}

TEST(Config, NamesUnknownKeysWithTheirLine) {
  EXPECT_EQ(refusal("root = \"/a\"\n\nrooot = \"/b\"\n"), "skerryd.toml:3: unknown key \"rooot\"");
  EXPECT_EQ(refusal("[log]\nmax_files = 3\nmax_sise = 3\n"),
            "skerryd.toml:3: unknown key \"log.max_sise\"");
  EXPECT_EQ(refusal("[logs]\nmax_files = 3\n"), "skerryd.toml:1: unknown key \"logs\"");
  EXPECT_EQ(refusal("log.mode.x = 3\n"), "skerryd.toml:1: \"log.mode\" is not a string");
  EXPECT_EQ(refusal("[log.deep]\nx = 3\n"), "skerryd.toml:1: unknown key \"log.deep\"");
  EXPECT_EQ(refusal("log = 3\n"), "skerryd.toml:1: \"log\" is a section, not a value");
}

TEST(Config, NamesBadValuesWithTheirLine) {
  EXPECT_EQ(refusal("root = 7"), "skerryd.toml:1: \"root\" is not a string");
  EXPECT_EQ(refusal("\n[log]\nmax_files = 0"),
            "skerryd.toml:3: \"log.max_files\" is not between 1 and 100");
  EXPECT_EQ(refusal("[log]\nmax_size = 100"),
            "skerryd.toml:2: \"log.max_size\" is less than 64KiB");
  EXPECT_EQ(refusal("[log]\nmax_size = -1"), "skerryd.toml:2: \"log.max_size\" is negative");
  EXPECT_NE(refusal("[log]\nmax_size = \"10MB\"").find("is not a whole number with one of"),
            std::string::npos);
  EXPECT_EQ(refusal("[log]\nmode = \"wait\""),
            "skerryd.toml:2: \"log.mode\" is neither \"block\" nor \"drop\"");
  EXPECT_NE(refusal("[trace]\nlevel = \"loud\"").find("none of debug"), std::string::npos);
  EXPECT_NE(refusal("[events]\nage = 7").find("is not a string"), std::string::npos);
  EXPECT_NE(refusal("[events]\ncount = 1.5").find("is not a whole number"), std::string::npos);
  EXPECT_NE(refusal("[defaults]\ncpus = -1").find("is not a number of CPUs"), std::string::npos);
  EXPECT_EQ(refusal("[defaults]\ncpus = 0.005"),
            "skerryd.toml:2: \"defaults.cpus\" is less than 0.01");
  EXPECT_EQ(refusal("[defaults]\nmemory = \"256KiB\""),
            "skerryd.toml:2: \"defaults.memory\" is less than 512KiB");
  EXPECT_NE(refusal("[defaults]\ncpus = nan").find("is not a number of CPUs"), std::string::npos);
  EXPECT_NE(refusal("[defaults]\ncpus = \"1\"").find("is not a number"), std::string::npos);
  EXPECT_NE(refusal("failpoints = \"a=kill\"").find("is not a list of strings"), std::string::npos);
  EXPECT_NE(refusal("failpoints = [1]").find("is not a list of strings"), std::string::npos);
}

TEST(Config, TellsWhereTheTomlBreaks) {
  EXPECT_EQ(refusal("root = \"/a\"\nname = \n").substr(0, 15), "skerryd.toml:2:");
  EXPECT_EQ(refusal("root = \"/a\"\nroot = \"/b\"\n").substr(0, 15), "skerryd.toml:2:");
}

TEST(Config, TakesAWholeNumberOfCpus) {
  EXPECT_EQ(read("[defaults]\ncpus = 2")->defaults.cpus, MilliCpu(2000));
}

TEST(Config, ChecksPathsAndNames) {
  EXPECT_NE(refusal("root = \"var\"").find("root \"var\" is not an absolute path"),
            std::string::npos);
  for (const char* text : {"run = \"/run/../etc\"",
                           "run = \"\"",
                           "run = \"/run\"\nroot = \"/run\"",
                           "name = \"a/b\"",
                           "name = \"\"",
                           "name = \"..\"",
                           "name = \"a-name-that-is-too-long-for-a-prefix\"",
                           "cgroup_parent = \"../other\"",
                           "cgroup_parent = \"a/../b\"",
                           "[log]\ndirectories = [\"logs\"]",
                           "[mounts]\nbind_sources = [\"/a/../b\"]"}) {
    EXPECT_NE(refusal(text), "was accepted") << text;
  }
  EXPECT_NE(refusal("run = \"/" + std::string(80, 'r') + "\"").find("names of sockets"),
            std::string::npos);
}

}  // namespace
}  // namespace skerry::config
