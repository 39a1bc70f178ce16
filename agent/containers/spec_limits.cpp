#include <sys/resource.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "agent/containers/spec.h"
#include "agent/containers/spec_parts.h"
#include "agent/containers/spec_sections.h"
#include "isolators/rlimits/rlimits.h"

namespace skerry::agent {
namespace {

using isolators::ContainerConfig;
using isolators::Resources;

constexpr std::uint64_t kDefaultPids = 4096;

Result<std::uint64_t> rlimit_value(const v1::RlimitValue& value, std::string_view field) {
  switch (value.limit_case()) {
    case v1::RlimitValue::kValue:
      return value.value();
    case v1::RlimitValue::kUnlimited:
      return static_cast<std::uint64_t>(RLIM_INFINITY);
    case v1::RlimitValue::LIMIT_NOT_SET:
      break;
  }
  return invalid(field, "neither value nor unlimited is set");
}

Result<std::uint64_t> at_least_one(std::uint64_t value, std::string_view field) {
  if (value > 0) return value;
  return refused(field, "0 is no limit; say unlimited for none", "LIMIT_TOO_SMALL");
}

Result<> check_requests(const v1::ResourceRequests& requests, Resources& out) {
  if (requests.has_millicpu()) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(requests.millicpu(), "resources.requests.millicpu"));
    out.cpu_request = MilliCpu(value);
  }
  if (requests.has_memory_bytes()) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(requests.memory_bytes(), "resources.requests.memory_bytes"));
    out.memory_request = Bytes(value);
  }
  return {};
}

Result<> check_cpu_and_memory(const v1::ResourceLimits& limits, Resources& out) {
  if (limits.cpu().limit_case() == v1::CpuLimit::kMillicpu) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.cpu().millicpu(), "resources.limits.cpu"));
    out.cpu_limit = MilliCpu(value);
  } else if (limits.cpu().has_unlimited()) {
    out.cpu_limit.reset();
  }
  if (limits.memory().limit_case() == v1::MemoryLimit::kBytes) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.memory().bytes(), "resources.limits.memory"));
    out.memory_limit = Bytes(value);
  } else if (limits.memory().has_unlimited()) {
    out.memory_limit.reset();
  }
  return {};
}

Result<> check_swap_and_pids(const v1::ResourceLimits& limits, Resources& out) {
  const v1::SwapLimit& swap = limits.swap();
  if ((swap.has_none() || swap.limit_case() == v1::SwapLimit::kBytes) && !out.memory_limit) {
    return invalid("resources.limits.swap", "needs a memory limit");
  }
  // The default: none beside a memory limit, unlimited without one.
  if (out.memory_limit) out.swap_limit = Bytes(0);
  if (swap.has_unlimited()) out.swap_limit.reset();
  if (swap.limit_case() == v1::SwapLimit::kBytes) {
    TRY_ASSIGN(const std::uint64_t value, at_least_one(swap.bytes(), "resources.limits.swap"));
    out.swap_limit = Bytes(value);
  }
  if (limits.pids().limit_case() == v1::PidsLimit::kCount) {
    TRY_ASSIGN(const std::uint64_t value,
               at_least_one(limits.pids().count(), "resources.limits.pids"));
    out.pids_limit = value;
  } else if (limits.pids().has_unlimited()) {
    out.pids_limit.reset();
  }
  return {};
}

}  // namespace

Result<> check_rlimits(const v1::ContainerSpec& spec, ContainerConfig& config) {
  for (const v1::Rlimit& limit : spec.rlimits()) {
    const std::string field = fmt::format("spec.rlimits \"{}\"", limit.name());
    const auto resource = isolators::rlimit_number(limit.name());
    if (!resource) return invalid(field, "is no resource of setrlimit(2)");
    const auto same = [resource](const isolators::Rlimit& other) {
      return other.resource == *resource;
    };
    if (std::ranges::any_of(config.rlimits, same)) return invalid(field, "appears twice");
    isolators::Rlimit out{.resource = *resource};
    TRY_ASSIGN(out.soft, rlimit_value(limit.soft(), field + ".soft"));
    TRY_ASSIGN(out.hard, rlimit_value(limit.hard(), field + ".hard"));
    if (out.soft > out.hard) return invalid(field, "the soft limit is above the hard one");
    config.rlimits.push_back(out);
  }
  return {};
}

Result<Resources> check_resources(const v1::Resources& resources, const config::Config& config) {
  Resources out;
  out.cpu_limit = config.defaults.cpus;
  out.memory_limit = config.defaults.memory;
  out.pids_limit = config.defaults.pids.value_or(kDefaultPids);
  TRY(check_requests(resources.requests(), out));
  TRY(check_cpu_and_memory(resources.limits(), out));
  TRY(check_swap_and_pids(resources.limits(), out));
  return out;
}

v1::Resources effective_resources(const Resources& resources) {
  v1::Resources out;
  if (resources.cpu_request) out.mutable_requests()->set_millicpu(resources.cpu_request->value());
  if (resources.memory_request) {
    out.mutable_requests()->set_memory_bytes(resources.memory_request->value());
  }
  v1::ResourceLimits& limits = *out.mutable_limits();
  if (resources.cpu_limit) {
    limits.mutable_cpu()->set_millicpu(resources.cpu_limit->value());
  } else {
    limits.mutable_cpu()->mutable_unlimited();
  }
  if (resources.memory_limit) {
    limits.mutable_memory()->set_bytes(resources.memory_limit->value());
  } else {
    limits.mutable_memory()->mutable_unlimited();
  }
  if (!resources.swap_limit) {
    limits.mutable_swap()->mutable_unlimited();
  } else if (resources.swap_limit->value() == 0) {
    limits.mutable_swap()->mutable_none();
  } else {
    limits.mutable_swap()->set_bytes(resources.swap_limit->value());
  }
  if (resources.pids_limit) {
    limits.mutable_pids()->set_count(*resources.pids_limit);
  } else {
    limits.mutable_pids()->mutable_unlimited();
  }
  return out;
}

}  // namespace skerry::agent
