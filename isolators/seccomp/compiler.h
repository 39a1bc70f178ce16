// The default profile as a classic-BPF program.
//
// libseccomp gives the numbers of the calls; the program is made here. An allow-list lies in few
// ranges of numbers, so a binary search over their borders is short: 387 instructions for a host's
// two architectures where libseccomp's best has 813, made in 0.1 ms instead of some, and loaded,
// which every launch pays, in 78 µs instead of 140 (600 without its optimization).
//
//   load architecture
//   native?  search tree of its ranges → allow | EPERM | ENOSYS | check an argument
//   compat?  the same for the 32-bit calls
//   else     kill: there is no other way into this kernel
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "isolators/seccomp/profile.h"

struct sock_filter;

namespace skerry::isolators::seccomp {

/// What happens to a call.
enum class Verdict : std::uint8_t {
  kRefuse,    ///< EPERM
  kNotThere,  ///< ENOSYS
  kAllow,
  kPersonality,
  kNoNewNamespaces,
  kNoVsock,
};

/// Verdicts by call number; what is missing is kRefuse up to kNewestKnown, kNotThere above.
using Verdicts = std::map<std::uint32_t, Verdict>;

/// One architecture's calls. `audit_arch` is the kernel's AUDIT_ARCH_*.
struct Section {
  std::uint32_t audit_arch = 0;
  Verdicts verdicts;
};

/// The program for sections, the first of them the fastest. At most 4096 instructions come out of
/// the profiles here; the kernel's limit is that. Pure.
std::vector<sock_filter> compile(const std::vector<Section>& sections);

/// The default profile, its names resolved to the numbers of this host's architectures.
class DefaultProfile final {
 public:
  /// Errors: FAILED_PRECONDITION, reason ARCHITECTURE_UNSUPPORTED, on other than x86-64 and ARM64.
  static Result<DefaultProfile> make();

  /// What a container with these capabilities in its bounding set may call. Thread: any.
  std::vector<Section> sections(std::uint64_t capabilities) const;

 private:
  struct Architecture {
    std::uint32_t audit_arch = 0;
    /// Without any capability.
    Verdicts basic;
    /// By capability number.
    std::multimap<int, std::uint32_t> with_capability;
  };
  std::vector<Architecture> architectures_;
};

}  // namespace skerry::isolators::seccomp
