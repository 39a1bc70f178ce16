// Memory for bulk work of a process that is otherwise tiny: taken when first needed, given back to
// the kernel when idle, without giving up the address.
#pragma once

#include <cstddef>
#include <span>

namespace skerry::logs {

/// kSize bytes by mmap(2). Thread: one at a time.
class PageBuffer final {
 public:
  static constexpr std::size_t kSize = 64UL * 1024;

  PageBuffer() = default;
  PageBuffer(PageBuffer&& other) noexcept;
  PageBuffer& operator=(PageBuffer&& other) noexcept;
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;
  ~PageBuffer();

  /// The buffer; empty when the kernel has no memory.
  std::span<char> get();
  /// Forgets the contents and gives the pages back. Blocks: never.
  void release();

 private:
  char* address_ = nullptr;
  bool touched_ = false;
};

}  // namespace skerry::logs
