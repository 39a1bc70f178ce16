#include "agent/api/agent_answers.h"

#include <algorithm>

#include "agent/containers/record.h"
#include "images/unpacker.h"

namespace skerry::agent {

using namespace std::chrono_literals;

std::chrono::nanoseconds step_deadline(const operations::OperationInfo& info) {
  constexpr std::chrono::nanoseconds kUsual = 60s;
  const bool unpacks = info.operation == "import" && info.step == "import.stage";
  return unpacks ? std::chrono::nanoseconds(images::UnpackLimits().deadline) : kUsual;
}

void fill_operation(const operations::OperationInfo& info,
                    WallTime now,
                    skerry::v1::Operation& out) {
  out.set_id(std::to_string(info.id));
  out.set_kind(info.operation);
  out.set_object(Uid::parse(info.object) ? "container " + info.object : info.object);
  out.set_step(info.step);
  *out.mutable_started_at() = to_timestamp(info.since);
  *out.mutable_step_started_at() = to_timestamp(info.step_since);
  out.set_stuck(now - info.step_since > step_deadline(info));
  out.set_cancelled(info.cancelled);
}

void fill_debt(const store::DebtRow& row, skerry::v1::Debt& out) {
  out.set_id(row.kind + " " + row.key);
  out.set_kind(row.kind);
  out.set_object(row.key);
  out.set_container_uid(row.object);
  out.set_tries(row.attempts);
  *out.mutable_since() = to_timestamp(row.created);
  *out.mutable_next_try_at() = to_timestamp(row.next_attempt);
  out.set_last_error(row.last_error);
}

void fill_use(const Snapshot& snapshot, skerry::v1::AgentUse& out) {
  std::uint32_t live = 0;
  std::uint64_t millicpu = 0;
  std::uint64_t memory = 0;
  for (const ViewPtr& view : snapshot.all()) {
    if (view->container.state() == skerry::v1::CONTAINER_STATE_EXITED) continue;
    const auto& requests = view->container.effective_resources().requests();
    ++live;
    millicpu += requests.millicpu();
    memory += requests.memory_bytes();
  }
  out.set_live_containers(live);
  out.set_containers(static_cast<std::uint32_t>(snapshot.size()));
  out.set_requested_millicpu(millicpu);
  out.set_requested_memory_bytes(memory);
}

namespace {

std::string mode_word(const os::HostFacts& facts) {
  if (!facts.has_cgroups) return "";
  switch (facts.cgroup_mode) {
    case os::CgroupMode::kV1:
      return "v1";
    case os::CgroupMode::kHybrid:
      return "hybrid";
    case os::CgroupMode::kV2:
      return "v2";
  }
  return "";
}

}  // namespace

void fill_host(const os::HostFacts& facts,
               const std::string& architecture,
               skerry::v1::HostFacts& out) {
  out.set_hostname(facts.hostname);
  out.set_kernel(facts.kernel_release);
  out.set_architecture(architecture);
  out.set_cgroup_mode(mode_word(facts));
  out.set_boot_id(facts.boot_id);
  out.set_processors(facts.cpus);
  out.set_memory_bytes(facts.memory_total.value());
  out.set_swap_bytes(facts.swap_total.value());
}

std::vector<std::string> feature_words(const os::HostFacts& facts) {
  std::vector<std::string> words = {"image.import",
                                    "network.cni",
                                    "network.host",
                                    "network.none",
                                    "volume.docker-plugin",
                                    "volume.host",
                                    "volume.local"};
  for (const std::string& controller : facts.cgroup_controllers) {
    words.push_back("cgroup." + controller);
  }
  if (facts.swap_accounting) words.emplace_back("cgroup.swap");
  if (facts.cgroup_namespaces) words.emplace_back("namespace.cgroup");
  if (facts.seccomp_filter) words.emplace_back("seccomp");
  std::ranges::sort(words);
  const auto repeats = std::ranges::unique(words);
  words.erase(repeats.begin(), repeats.end());
  return words;
}

}  // namespace skerry::agent
