// Suites that need root: skipped without it, unless SKERRY_MUST_RUN=1 makes a skip a failure, so
// that a green run means that something ran.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include <gtest/gtest.h>

namespace skerry::test {

inline bool must_run() {
  const char* value = std::getenv("SKERRY_MUST_RUN");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace skerry::test

/// At the start of a test or SetUp that cannot go on without `condition`.
#define SKERRY_REQUIRE(condition, reason)                            \
  do {                                                               \
    if (!(condition)) {                                              \
      if (::skerry::test::must_run()) FAIL() << "must run: " reason; \
      GTEST_SKIP() << (reason);                                      \
    }                                                                \
  } while (false)
