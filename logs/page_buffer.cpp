#include "logs/page_buffer.h"

#include <sys/mman.h>

#include <utility>

namespace skerry::logs {

PageBuffer::PageBuffer(PageBuffer&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)),
      touched_(std::exchange(other.touched_, false)) {}

PageBuffer& PageBuffer::operator=(PageBuffer&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(touched_, other.touched_);
  return *this;
}

PageBuffer::~PageBuffer() {
  if (address_ != nullptr) ::munmap(address_, kSize);
}

std::span<char> PageBuffer::get() {
  if (address_ == nullptr) {
    void* mapped =
        ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return {};
    address_ = static_cast<char*>(mapped);
  }
  touched_ = true;
  return {address_, kSize};
}

void PageBuffer::release() {
  if (!std::exchange(touched_, false)) return;
  ::madvise(address_, kSize, MADV_DONTNEED);
}

}  // namespace skerry::logs
