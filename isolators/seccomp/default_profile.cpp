#include <linux/audit.h>
#include <seccomp.h>

#include <optional>
#include <string>

#include "isolators/capabilities/names.h"
#include "isolators/refusal.h"
#include "isolators/seccomp/compiler.h"

namespace skerry::isolators::seccomp {
namespace {

struct ArchitectureName {
  std::uint32_t token;  ///< libseccomp's
  std::uint32_t audit_arch;
};

/// The host's own first, then the 32-bit one it can run.
std::vector<ArchitectureName> host_architectures() {
  switch (::seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
      return {{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64}, {SCMP_ARCH_X86, AUDIT_ARCH_I386}};
    case SCMP_ARCH_AARCH64:
      return {{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64}, {SCMP_ARCH_ARM, AUDIT_ARCH_ARM}};
    default:
      return {};
  }
}

/// Absent for what the architecture does not have; libseccomp gives such names negative numbers.
std::optional<std::uint32_t> number_of(std::uint32_t token, std::string_view name) {
  const int number = ::seccomp_syscall_resolve_name_arch(token, std::string(name).c_str());
  if (number < 0) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

Verdict verdict_of(Check check) {
  switch (check) {
    case Check::kNone:
      return Verdict::kAllow;
    case Check::kPersonality:
      return Verdict::kPersonality;
    case Check::kNoNewNamespaces:
      return Verdict::kNoNewNamespaces;
    case Check::kNoVsock:
      return Verdict::kNoVsock;
  }
  return Verdict::kRefuse;
}

Verdicts basic_verdicts(std::uint32_t token) {
  Verdicts verdicts;
  for (const auto name : always_allowed()) {
    if (const auto number = number_of(token, name)) verdicts[*number] = Verdict::kAllow;
  }
  for (const int number : always_allowed_numbers()) {
    verdicts[static_cast<std::uint32_t>(number)] = Verdict::kAllow;
  }
  for (const auto& [name, check] : allowed_with_check()) {
    if (const auto number = number_of(token, name)) verdicts[*number] = verdict_of(check);
  }
  // Its flags are behind a pointer: C libraries fall back to clone, which can be checked.
  if (const auto number = number_of(token, "clone3")) verdicts[*number] = Verdict::kNotThere;
  return verdicts;
}

}  // namespace

Result<DefaultProfile> DefaultProfile::make() {
  DefaultProfile profile;
  for (const auto& [token, audit_arch] : host_architectures()) {
    Architecture architecture{
        .audit_arch = audit_arch, .basic = basic_verdicts(token), .with_capability = {}};
    for (const auto& group : allowed_with_capability()) {
      for (const auto name : group.names) {
        if (const auto number = number_of(token, name)) {
          architecture.with_capability.emplace(group.capability, *number);
        }
      }
    }
    profile.architectures_.push_back(std::move(architecture));
  }
  if (profile.architectures_.empty()) {
    return unsupported(
        "seccomp", "no default profile for this processor", "ARCHITECTURE_UNSUPPORTED");
  }
  return profile;
}

std::vector<Section> DefaultProfile::sections(std::uint64_t capabilities) const {
  std::vector<Section> sections;
  for (const auto& architecture : architectures_) {
    Section section{.audit_arch = architecture.audit_arch, .verdicts = architecture.basic};
    for (const auto& [capability, number] : architecture.with_capability) {
      if ((capabilities & capability_bit(capability)) != 0) {
        section.verdicts[number] = Verdict::kAllow;
      }
    }
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace skerry::isolators::seccomp
