#include "isolators/seccomp/seccomp.h"

#include <linux/filter.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "isolators/capabilities/names.h"
#include "isolators/refusal.h"
#include "isolators/seccomp/compiler.h"
#include "isolators/seccomp/json_profile.h"

namespace skerry::isolators {
namespace {

constexpr std::string_view kName = "seccomp";
/// A host runs few different capability sets and profiles.
constexpr std::size_t kCachedPrograms = 8;

using Bytes8 = std::vector<std::uint8_t>;

Bytes8 to_bytes(const std::vector<sock_filter>& program) {
  Bytes8 bytes(program.size() * sizeof(sock_filter));
  std::memcpy(bytes.data(), program.data(), bytes.size());
  return bytes;
}

/// What a program is made from.
struct ProgramKey {
  std::uint64_t capabilities = 0;
  std::string json;  ///< empty: the default profile
  bool operator==(const ProgramKey&) const = default;
};

/// Programs by what they are made from, the last used first. Thread: any.
class ProgramCache final {
 public:
  /// `make` is called with the cache locked when the program is not there.
  template <class Make>
  Result<Bytes8> get(ProgramKey key, Make make) {
    const std::lock_guard lock(mutex_);
    auto found = std::ranges::find(entries_, key, &Entry::key);
    if (found == entries_.end()) {
      TRY_ASSIGN(const std::vector<sock_filter> program, make(key));
      if (entries_.size() == kCachedPrograms) entries_.pop_back();
      entries_.push_back({std::move(key), to_bytes(program)});
      found = entries_.end() - 1;
    }
    std::rotate(entries_.begin(), found, found + 1);
    return entries_.front().program;
  }

 private:
  struct Entry {
    ProgramKey key;
    Bytes8 program;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

Result<std::vector<sock_filter>> compile_json(const ProgramKey& key) {
  TRY_ASSIGN(const seccomp::JsonProfile profile, seccomp::parse_profile(key.json));
  TRY_ASSIGN(const seccomp::KernelVersion kernel, seccomp::running_kernel());
  return seccomp::compile(profile, {.capabilities = key.capabilities, .kernel = kernel});
}

class SeccompIsolator final : public Isolator {
 public:
  SeccompIsolator(int last, seccomp::DefaultProfile profile)
      : last_(last), profile_(std::move(profile)) {}

  std::string_view name() const override { return kName; }

  Result<> validate(const ContainerConfig& config, const os::HostFacts& host) const override {
    if (wanted(config) && !host.seccomp_filter) {
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
  static bool wanted(const ContainerConfig& config) {
    return config.seccomp != SeccompMode::kUnconfined || !config.seccomp_json.empty();
  }

  Result<> add(PlanBuilder& plan, const ContainerConfig& config) {
    if (!wanted(config)) return {};
    TRY_ASSIGN(Bytes8 program, program_for(config));
    // Without no_new_privs loading takes CAP_SYS_ADMIN, so it comes before ids and capabilities
    // are set; the default profile allows what follows it (setgroups to execve) whatever was
    // dropped, one in JSON has to.
    const Phase phase = config.no_new_privs ? Phase::kLateSeccomp : Phase::kEarlySeccomp;
    plan.add(phase, plan::Seccomp{.program = std::move(program)});
    return {};
  }

  Result<Bytes8> program_for(const ContainerConfig& config) {
    TRY_ASSIGN(const std::uint64_t capabilities, bounding_set(config, last_));
    if (!config.seccomp_json.empty()) {
      return from_json_.get({capabilities, config.seccomp_json}, compile_json);
    }
    return from_default_.get({capabilities, {}},
                             [this](const ProgramKey& key) -> Result<std::vector<sock_filter>> {
                               return seccomp::compile(profile_.sections(key.capabilities));
                             });
  }

  int last_;
  seccomp::DefaultProfile profile_;
  ProgramCache from_default_;
  /// On its own: compiling takes milliseconds, which ordinary launches do not wait for.
  ProgramCache from_json_;
};

}  // namespace

Result<std::unique_ptr<Isolator>> make_seccomp_isolator(int last_capability) {
  TRY_ASSIGN(auto profile, seccomp::DefaultProfile::make());
  return std::unique_ptr<Isolator>(
      std::make_unique<SeccompIsolator>(last_capability, std::move(profile)));
}

}  // namespace skerry::isolators
