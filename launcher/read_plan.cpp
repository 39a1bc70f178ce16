#include "launcher/read_plan.h"

#include "os/memfd.h"
#include "plan/codec.h"

namespace skerry::launcher {

Result<plan::LaunchPlan> read_plan(int fd) {
  TRY_ASSIGN(const auto mapping, os::map_sealed_memfd(fd, plan::kMaxPlanBytes));
  const auto bytes = mapping.bytes();
  return plan::decode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace skerry::launcher
