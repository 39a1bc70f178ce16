// Bytes of a plan, as the shim maps them: refused, or a plan that prints and encodes to the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "plan/codec.h"
#include "plan/validation.h"

namespace {

void check(const auto& plan, std::span<const std::uint8_t> bytes) {
  const auto again = skerry::plan::encode(plan);
  if (!again || !std::ranges::equal(*again, bytes)) std::abort();
  if (skerry::plan::print(plan).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  if (const auto sandbox = skerry::plan::decode_sandbox(bytes)) check(*sandbox, bytes);
  const auto plan = skerry::plan::decode(bytes);
  if (!plan) return 0;
  check(*plan, bytes);
  static_cast<void>(skerry::plan::validate_exec(plan->exec));
  return 0;
}
