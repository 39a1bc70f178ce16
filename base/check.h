// CHECK: a programmer's promise to himself, never for input or the kernel.
#pragma once

namespace skerry {
/// Prints the broken promise to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace skerry

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::skerry::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
