#include "cni/plugin_runner.h"

#include <algorithm>

#include <fmt/format.h>

#include "cni/network_list.h"

namespace skerry::cni {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a killed process may take to die.
constexpr milliseconds kDeathDeadline{2000};
/// Of each output stream; a result is some hundred bytes.
constexpr Bytes kOutputCap{1024UL * 1024};

Result<> kill_and_wait(os::Cgroup& group) {
  // A fork that was under way while the first signal was sent is met by the next round.
  for (int round = 0; round < 3; ++round) {
    TRY_ASSIGN(const bool populated, group.populated());
    if (!populated) return {};
    TRY(group.kill());
    if (group.wait_empty(kDeathDeadline / 4)) return {};
  }
  auto emptied = group.wait_empty(kDeathDeadline / 4);
  if (emptied) return {};
  return std::move(emptied)
      .error()
      .wrap("what a plugin started survives SIGKILL")
      .with_reason("CNI_PLUGIN_STUCK");
}

}  // namespace

PluginLeash::PluginLeash(os::CgroupManager& manager,
                         std::unique_ptr<os::Cgroup> group,
                         CallOptions options)
    : manager_(&manager),
      group_(std::move(group)),
      end_(steady_clock::now() + options.deadline),
      stop_(std::move(options.stop)) {}

PluginLeash::~PluginLeash() {
  if (group_ == nullptr) return;
  // run() told its caller already; what stays is found by kill_leftovers().
  if (clear()) static_cast<void>(manager_->remove(group_->path()));
}

Result<> PluginLeash::clear() { return kill_and_wait(*group_); }

Result<os::Output> PluginLeash::run(os::Command command, const std::string& input) {
  if (stop_.stop_requested()) return Error(Code::kCancelled, "cancelled");
  const auto left = std::chrono::duration_cast<milliseconds>(end_ - steady_clock::now());
  if (left.count() <= 0)
    return Error(Code::kDeadlineExceeded, "no time left").with_reason("CNI_DEADLINE");
  TRY_ASSIGN(const os::CgroupJoin join, group_->join());
  command.cgroup = &join;
  auto output = os::run(command, left, {.input = input, .output_cap = kOutputCap});
  TRY(clear());
  if (output && stop_.stop_requested() && output->status.signal != 0)
    return Error(Code::kCancelled, "cancelled");
  if (!output && output.error().code() == Code::kDeadlineExceeded)
    return std::move(output).error().with_reason("CNI_DEADLINE");
  return output;
}

Result<PluginLeash> PluginRunner::leash(const CallOptions& options) {
  TRY(check_name("operation", options.operation));
  TRY(manager_.make_branch(branch_));
  TRY_ASSIGN(auto group, manager_.make_leaf(path_of(options.operation)));
  return PluginLeash(manager_, std::move(group), options);
}

Result<> PluginRunner::kill(const std::string& operation) {
  TRY(check_name("operation", operation));
  auto group = manager_.open(path_of(operation));
  if (group) return (*group)->kill();
  if (group.error().code() == Code::kNotFound) return {};
  return std::move(group).error();
}

Result<> PluginRunner::kill_leftovers() {
  auto names = manager_.children(branch_);
  if (!names && names.error().code() == Code::kNotFound) return {};
  if (!names) return std::move(names).error();
  Result<> first;
  for (const std::string& name : *names) {
    const auto one = [&]() -> Result<> {
      TRY_ASSIGN(const auto group, manager_.make_leaf(branch_ + "/" + name));
      TRY(kill_and_wait(*group));
      return manager_.remove(group->path());
    };
    auto done = one();
    if (!done && first) first = std::move(done);
  }
  return first;
}

}  // namespace skerry::cni
