// Seccomp profiles in Docker's JSON format: read, and compiled where they are good.
#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "isolators/seccomp/json_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skerry::isolators::seccomp;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto profile = parse_profile(text);
  if (!profile) {
    CHECK(profile.error().reason() == "SECCOMP_PROFILE_INVALID");
    CHECK(profile.error().message().size() < 4096);
    return 0;
  }
  for (const std::uint64_t capabilities : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    const auto program = compile(*profile, {.capabilities = capabilities, .kernel = {6, 1}});
    if (program) {
      CHECK(!program->empty() && program->size() <= BPF_MAXINSNS);
      CHECK(program->back().code == (BPF_RET | BPF_K));
    } else {
      CHECK(program.error().reason() == "SECCOMP_PROFILE_INVALID");
    }
  }
  return 0;
}
