// Bytes of a plan, as the shim maps them: refused, or a plan that prints and encodes to the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "plan/codec.h"
#include "plan/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto plan = skerry::plan::decode(std::span(data, size));
  if (!plan) return 0;
  const auto again = skerry::plan::encode(*plan);
  if (!again || again->size() != size || !std::equal(again->begin(), again->end(), data))
    std::abort();
  if (skerry::plan::print(*plan).empty()) std::abort();
  static_cast<void>(skerry::plan::validate_exec(plan->exec));
  return 0;
}
