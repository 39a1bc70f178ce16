#include "isolators/seccomp/compiler.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <set>
#include <span>

#include "base/check.h"

namespace skerry::isolators::seccomp {
namespace {

using Program = std::vector<sock_filter>;

// The low word of a 64-bit argument comes first; sections() knows little-endian machines only.
static_assert(std::endian::native == std::endian::little);
constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);
constexpr std::uint32_t kFirstArgument = offsetof(seccomp_data, args);
constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::size_t kFarthestJump = 255;

sock_filter load(std::uint32_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter give(std::uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter skip(std::size_t count) {
  return BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(count));
}
/// Skips `yes` or `no` instructions.
sock_filter branch(std::uint16_t test, std::uint32_t value, std::size_t yes, std::size_t no) {
  CHECK(yes <= kFarthestJump && no <= kFarthestJump);
  const auto code = static_cast<std::uint16_t>(BPF_JMP | test | BPF_K);
  return sock_filter{code, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), value};
}

/// All calls from `start` to the next range's start.
struct Range {
  std::uint32_t start = 0;
  Verdict verdict = Verdict::kRefuse;
};

std::vector<Range> ranges_of(const Verdicts& verdicts) {
  std::set<std::uint32_t> borders = {0, kNewestKnown + 1};
  for (const auto& [number, verdict] : verdicts) {
    borders.insert(number);
    borders.insert(number + 1);
  }
  std::vector<Range> ranges;
  for (const std::uint32_t border : borders) {
    const auto found = verdicts.find(border);
    const Verdict otherwise = border <= kNewestKnown ? Verdict::kRefuse : Verdict::kNotThere;
    const Verdict verdict = found == verdicts.end() ? otherwise : found->second;
    if (ranges.empty() || ranges.back().verdict != verdict) ranges.push_back({border, verdict});
  }
  return ranges;
}

/// Loads the first argument, refuses where `test` matches `value`.
Program refuse_if(std::uint16_t test, std::uint32_t value) {
  return {load(kFirstArgument), branch(test, value, 0, 1), give(kRefused), give(SECCOMP_RET_ALLOW)};
}

Program check_personality() {
  Program program = {load(kFirstArgument)};
  const auto allowed = allowed_personalities();
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    program.push_back(branch(BPF_JEQ, allowed[i], allowed.size() - i, 0));
  }
  program.push_back(give(kRefused));
  program.push_back(give(SECCOMP_RET_ALLOW));
  return program;
}

Program leaf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRefuse:
      return {give(kRefused)};
    case Verdict::kNotThere:
      return {give(kMissing)};
    case Verdict::kAllow:
      return {give(SECCOMP_RET_ALLOW)};
    case Verdict::kPersonality:
      return check_personality();
    case Verdict::kNoNewNamespaces:
      return refuse_if(BPF_JSET, kNamespaceFlags);
    case Verdict::kNoVsock:
      return refuse_if(BPF_JEQ, AF_VSOCK);
  }
  return {give(kRefused)};
}

void append(Program& program, const Program& more) {
  program.insert(program.end(), more.begin(), more.end());
}

/// Recursion ends after log2 of some hundred ranges.
Program search(std::span<const Range> ranges) {  // NOLINT(misc-no-recursion)
  if (ranges.size() == 1) return leaf(ranges.front().verdict);
  const auto upper_half = ranges.subspan(ranges.size() / 2);
  const Program below = search(ranges.first(ranges.size() / 2));
  const Program above = search(upper_half);
  Program program;
  if (below.size() <= kFarthestJump) {
    program.push_back(branch(BPF_JGE, upper_half.front().start, below.size(), 0));
  } else {
    program.push_back(branch(BPF_JGE, upper_half.front().start, 0, 1));
    program.push_back(skip(below.size()));
  }
  append(program, below);
  append(program, above);
  return program;
}

}  // namespace

std::vector<sock_filter> compile(const std::vector<Section>& sections) {
  Program program = {load(kArchOffset)};
  for (const auto& section : sections) {
    const Program body = search(ranges_of(section.verdicts));
    program.push_back(branch(BPF_JEQ, section.audit_arch, 1, 0));
    // Over the load of the number and the tree, with the architecture still loaded.
    program.push_back(skip(body.size() + 1));
    program.push_back(load(kNumberOffset));
    append(program, body);
  }
  program.push_back(give(SECCOMP_RET_KILL_PROCESS));
  CHECK(program.size() <= BPF_MAXINSNS);
  return program;
}

}  // namespace skerry::isolators::seccomp
