#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace skerry {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "skerry: broken promise at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace skerry
