// What isolator tests share: a config and a host that suit each other, and a group that remembers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "isolators/isolator.h"

namespace skerry::isolators::test {

inline ContainerConfig sample_config() {
  ContainerConfig config;
  config.uid = Uid::parse("0123456789abcdef0123456789abcdef").value();
  config.root.layers = {"/nowhere/layer"};
  config.root.scratch = "/nowhere/scratch";
  config.process.arguments = {"/bin/true"};
  return config;
}

/// Two processors, 1 GiB of memory, cgroup v2.
inline os::HostFacts sample_host() {
  os::HostFacts host;
  host.cpus = 2;
  host.memory_total = Bytes{1024ULL * 1024 * 1024};
  host.swap_total = Bytes{1024ULL * 1024 * 1024};
  host.has_cgroups = true;
  host.cgroup_mode = os::CgroupMode::kV2;
  host.cgroup_controllers = {"cpu", "memory", "pids"};
  host.swap_accounting = true;
  host.cgroup_namespaces = true;
  host.openat2 = true;
  host.clone3 = true;
  host.move_mount = true;
  host.mount_setattr = true;
  host.seccomp_filter = true;
  return host;
}

/// Remembers what was set as text, one entry a call, and fails when told to.
class FakeCgroup final : public os::Cgroup {
 public:
  std::vector<std::string> calls;
  bool fails = false;

  const os::CgroupPath& path() const override { return path_; }
  Result<os::CgroupJoin> join() const override { return os::CgroupJoin{}; }
  Result<> set_cpu(const os::CpuSettings& settings) override {
    return note(fmt::format("cpu weight={} limit={}",
                            shown(settings.weight),
                            settings.limit ? fmt::format("{}", settings.limit->value()) : "-"));
  }
  Result<> set_memory(const os::MemorySettings& settings) override {
    return note(
        fmt::format("memory limit={} reservation={} swap={}",
                    shown(settings.limit),
                    shown(settings.reservation),
                    settings.swap == os::kUnlimitedSwap ? "unlimited" : shown(settings.swap)));
  }
  Result<> set_pids_max(std::uint64_t max) override { return note(fmt::format("pids {}", max)); }
  Result<> set_devices(const std::vector<os::DeviceRule>& allowed) override {
    std::string text = "devices";
    for (const auto& rule : allowed) {
      text += fmt::format(" {}{}:{}{}", rule.type, rule.major, rule.minor, rule.access);
    }
    return note(text);
  }
  Result<os::CgroupUsage> usage() const override { return os::CgroupUsage{}; }
  Result<std::uint64_t> oom_kills() const override { return 0; }
  Result<UniqueFd> open_oom_events() const override { return UniqueFd(); }
  Result<bool> populated() const override { return false; }
  Result<std::vector<pid_t>> processes() const override { return std::vector<pid_t>{}; }
  Result<> freeze() override { return {}; }
  Result<> thaw() override { return {}; }
  Result<> kill() override { return {}; }
  Result<> wait_empty(std::chrono::milliseconds /*deadline*/) const override { return {}; }

 private:
  static std::string shown(const std::optional<std::uint64_t>& value) {
    return value ? fmt::format("{}", *value) : "-";
  }
  static std::string shown(const std::optional<Bytes>& value) {
    return value ? fmt::format("{}", value->value()) : "-";
  }
  Result<> note(std::string call) {
    if (fails) return Error(Code::kInternal, "told to fail");
    calls.push_back(std::move(call));
    return {};
  }

  os::CgroupPath path_ = "fake";
};

/// prepare() with a group and a builder of its own.
struct Prepared {
  FakeCgroup cgroup;
  PlanBuilder builder;

  Result<Checkpoint> run(Isolator& isolator,
                         const ContainerConfig& config,
                         const os::HostFacts& host = sample_host()) {
    return isolator.prepare({.config = config, .host = host, .cgroup = cgroup, .plan = builder});
  }
  std::vector<std::string> operations() {
    std::vector<std::string> texts;
    for (const auto& operation : builder.build().plan.operations) {
      texts.push_back(plan::describe(operation));
    }
    return texts;
  }
};

/// "INVALID_ARGUMENT CPU_TOO_SMALL", or "ok".
inline std::string verdict(const Result<>& result) {
  if (result) return "ok";
  return fmt::format("{} {}", code_name(result.error().code()), result.error().reason());
}

inline std::string verdict(const Isolator& isolator,
                           const ContainerConfig& config,
                           const os::HostFacts& host = sample_host()) {
  return verdict(isolator.validate(config, host));
}

}  // namespace skerry::isolators::test
