#include "isolators/rlimits/rlimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "isolators/capabilities/names.h"
#include "isolators/refusal.h"
#include "os/path.h"
#include "os/proc_files.h"
#include "os/syscalls.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "rlimits";
constexpr std::uint64_t kInfinity = RLIM_INFINITY;

struct NamedLimit {
  std::string_view name;
  std::int32_t resource;
};

constexpr std::array<NamedLimit, 16> kLimits = {{
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
}};

/// What a container gets unless it says otherwise. Set, not inherited: how the daemon was started
/// must not show in containers. nofile as systemd gives it to services: programs that can handle
/// more raise it, those that use select(2) or close everything they may have open are safe. nproc
/// counts per user over the whole host; the pids limit is the one that means something.
constexpr std::array<Rlimit, 5> kDefaults = {{
    {.resource = RLIMIT_CORE, .soft = 0, .hard = kInfinity},
    {.resource = RLIMIT_NOFILE, .soft = 1024, .hard = 524'288},
    {.resource = RLIMIT_NPROC, .soft = kInfinity, .hard = kInfinity},
    {.resource = RLIMIT_MEMLOCK, .soft = 8ULL << 20U, .hard = 8ULL << 20U},
    {.resource = RLIMIT_STACK, .soft = 8ULL << 20U, .hard = kInfinity},
}};

std::string shown(std::uint64_t value) {
  return value == kInfinity ? "unlimited" : fmt::format("{}", value);
}

bool has(const std::vector<Rlimit>& limits, std::int32_t resource) {
  return std::ranges::any_of(limits, [&](const auto& l) { return l.resource == resource; });
}

/// fs.nr_open of this host.
Result<std::uint64_t> read_max_open_files() {
  constexpr const char* kPath = "/proc/sys/fs/nr_open";
  TRY_ASSIGN(const std::string text, os::read_file(kPath, 64));
  const auto number = os::parse_number(text);
  if (!number) return Error(Code::kInternal, fmt::format("\"{}\" holds no number", kPath));
  return *number;
}

class RlimitsIsolator final : public Isolator {
 public:
  explicit RlimitsIsolator(const RlimitCeilings& ceilings) : ceilings_(ceilings) {}

  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& /*host*/) const override {
    std::vector<Rlimit> seen;
    for (const Rlimit& limit : config.rlimits) {
      TRY(check(limit));
      if (has(seen, limit.resource)) {
        return refuse(
            field(limit), "given twice", "one entry for each resource", "RLIMIT_DUPLICATE");
      }
      seen.push_back(limit);
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    add_all(context.plan, context.config);
    return nothing_to_remember(kName);
  }

  Result<> prepare_exec(const ExecContext& context) override {
    add_all(context.plan, context.config);
    return {};
  }

 private:
  static std::string field(const Rlimit& limit) {
    return fmt::format("rlimits.{}", rlimit_name(limit.resource).value_or("?"));
  }

  Result<> check(const Rlimit& limit) const {
    if (!rlimit_name(limit.resource)) {
      return refuse("rlimits",
                    fmt::format("resource {}", limit.resource),
                    "0 to 15, see setrlimit(2)",
                    "RLIMIT_UNKNOWN");
    }
    if (limit.hard < limit.soft) {
      return refuse(field(limit),
                    fmt::format("hard {}", shown(limit.hard)),
                    fmt::format("at least the soft one, {}", shown(limit.soft)),
                    "RLIMIT_HARD_BELOW_SOFT");
    }
    if (limit.hard > ceiling(limit)) {
      return refuse(field(limit),
                    fmt::format("hard {}", shown(limit.hard)),
                    fmt::format("at most {}, what this host can give", ceiling(limit)),
                    "RLIMIT_ABOVE_HOST");
    }
    return {};
  }

  void add_all(PlanBuilder& plan, const ContainerConfig& config) const {
    for (const Rlimit& limit : kDefaults) {
      if (!has(config.rlimits, limit.resource)) add(plan, limit);
    }
    for (const Rlimit& limit : config.rlimits) add(plan, limit);
  }

  void add(PlanBuilder& plan, const Rlimit& limit) const {
    // A default must not fail on a host that has less.
    const std::uint64_t most = ceiling(limit);
    plan.add(Phase::kLimits,
             plan::Rlimit{.resource = limit.resource,
                          .soft = std::min(limit.soft, most),
                          .hard = std::min(limit.hard, most)});
  }

  std::uint64_t ceiling(const Rlimit& limit) const {
    return ceilings_.at(static_cast<std::size_t>(limit.resource));
  }

  RlimitCeilings ceilings_;
};

}  // namespace

std::optional<std::int32_t> rlimit_number(std::string_view name) {
  const auto* const found = std::ranges::find(kLimits, name, &NamedLimit::name);
  if (found == kLimits.end()) return std::nullopt;
  return found->resource;
}

std::optional<std::string_view> rlimit_name(std::int32_t resource) {
  const auto* const found = std::ranges::find(kLimits, resource, &NamedLimit::resource);
  if (found == kLimits.end()) return std::nullopt;
  return found->name;
}

Result<RlimitCeilings> read_rlimit_ceilings() {
  RlimitCeilings ceilings;
  ceilings.fill(kInfinity);
  os::sys::CapabilitySets sets;
  if (os::sys::capget(sets) != 0) {
    const int error = errno;
    return Error::from_errno(error, "read own capabilities");
  }
  if ((sets.effective & capability_bit(CAP_SYS_RESOURCE)) == 0) {
    for (const auto& [name, resource] : kLimits) {
      rlimit own{};
      if (::getrlimit(static_cast<__rlimit_resource>(resource), &own) != 0) {
        const int error = errno;
        return Error::from_errno(error, fmt::format("read own limit of {}", name));
      }
      ceilings.at(static_cast<std::size_t>(resource)) = own.rlim_max;
    }
  }
  TRY_ASSIGN(const std::uint64_t open_files, read_max_open_files());
  ceilings[RLIMIT_NOFILE] = std::min(ceilings[RLIMIT_NOFILE], open_files);
  return ceilings;
}

std::unique_ptr<Isolator> make_rlimits_isolator(const RlimitCeilings& ceilings) {
  return std::make_unique<RlimitsIsolator>(ceilings);
}

}  // namespace skerry::isolators
