#include "isolators/seccomp/seccomp.h"

#include <linux/filter.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "isolators/capabilities/names.h"
#include "isolators/refusal.h"
#include "isolators/seccomp/compiler.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "seccomp";
/// A host runs few different capability sets.
constexpr std::size_t kCachedPrograms = 8;

using Bytes8 = std::vector<std::uint8_t>;

/// Programs by capability set, the last used first. Thread: any.
class ProgramCache final {
 public:
  explicit ProgramCache(seccomp::DefaultProfile profile) : profile_(std::move(profile)) {}

  Bytes8 get(std::uint64_t capabilities) {
    const std::lock_guard lock(mutex_);
    auto found = std::ranges::find(entries_, capabilities, &Entry::capabilities);
    if (found == entries_.end()) {
      if (entries_.size() == kCachedPrograms) entries_.pop_back();
      entries_.push_back({capabilities, compile(capabilities)});
      found = entries_.end() - 1;
    }
    std::rotate(entries_.begin(), found, found + 1);
    return entries_.front().program;
  }

 private:
  struct Entry {
    std::uint64_t capabilities = 0;
    Bytes8 program;
  };

  Bytes8 compile(std::uint64_t capabilities) const {
    const auto program = seccomp::compile(profile_.sections(capabilities));
    Bytes8 bytes(program.size() * sizeof(sock_filter));
    std::memcpy(bytes.data(), program.data(), bytes.size());
    return bytes;
  }

  seccomp::DefaultProfile profile_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

class SeccompIsolator final : public Isolator {
 public:
  SeccompIsolator(int last, seccomp::DefaultProfile profile)
      : last_(last), cache_(std::move(profile)) {}

  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const override {
    if (config.seccomp != SeccompMode::kUnconfined && !host.seccomp_filter) {
      return unsupported("seccomp", "this kernel has no filters", "NO_SECCOMP");
    }
    return {};
  }

  Result<Checkpoint> prepare(const PrepareContext& context) override {
    TRY(add(context.plan, context.config));
    return nothing_to_remember(kName);
  }

  Result<> prepare_exec(const ExecContext& context) override {
    return add(context.plan, context.config);
  }

 private:
  Result<> add(PlanBuilder& plan, const ContainerConfig& config) {
    if (config.seccomp == SeccompMode::kUnconfined) return {};
    TRY_ASSIGN(const std::uint64_t capabilities, bounding_set(config, last_));
    // Without no_new_privs loading takes CAP_SYS_ADMIN, so it comes before ids and capabilities
    // are set; the profile allows what follows it (setgroups to execve) whatever was dropped.
    const Phase phase = config.no_new_privs ? Phase::kLateSeccomp : Phase::kEarlySeccomp;
    plan.add(phase, plan::Seccomp{.program = cache_.get(capabilities)});
    return {};
  }

  int last_;
  ProgramCache cache_;
};

}  // namespace

Result<std::unique_ptr<Isolator>> make_seccomp_isolator(int last_capability) {
  TRY_ASSIGN(auto profile, seccomp::DefaultProfile::make());
  return std::unique_ptr<Isolator>(
      std::make_unique<SeccompIsolator>(last_capability, std::move(profile)));
}

}  // namespace skerry::isolators
