// Sealed memory: bytes handed to another process that neither side can change any more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

/// Copies the bytes into a memfd and seals it against writing, growing, shrinking and more seals.
/// `name` shows in /proc/PID/fd only. Kernel: memfd_create(2).
Result<UniqueFd> make_sealed_memfd(const std::string& name, std::string_view bytes);
/// The same, allowed to be executed, for running a program of ours from memory (CVE-2019-5736).
Result<UniqueFd> make_sealed_program(const std::string& name, std::string_view bytes);

/// A read-only view of a sealed memfd; unmapped at the end of its life. Move-only.
class SealedMapping final {
 public:
  SealedMapping() = default;
  SealedMapping(const void* address, std::size_t size) : address_(address), size_(size) {}
  SealedMapping(SealedMapping&& other) noexcept;
  SealedMapping& operator=(SealedMapping&& other) noexcept;
  SealedMapping(const SealedMapping&) = delete;
  SealedMapping& operator=(const SealedMapping&) = delete;
  ~SealedMapping();

  std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

 private:
  const void* address_ = nullptr;
  std::size_t size_ = 0;
};

/// Checks that the descriptor is a memfd with all four seals, then maps it: what was checked cannot
/// change afterwards. Errors: INVALID_ARGUMENT when it is not sealed, RESOURCE_EXHAUSTED when it is
/// longer than `max`.
Result<SealedMapping> map_sealed_memfd(int fd, std::size_t max);

}  // namespace skerry::os
