#include "os/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "os/path.h"

namespace skerry::os {
namespace {

constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
// Since 6.3 the kernel wants to be told; older ones answer EINVAL.
constexpr unsigned kNoExecSeal = 0x0008U;
constexpr unsigned kExec = 0x0010U;

Result<UniqueFd> make_sealed(const std::string& name, std::string_view bytes, unsigned exec_flag) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(::memfd_create(name.c_str(), kFlags | exec_flag));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create(name.c_str(), kFlags));
  if (!fd) return Error::from_errno(errno, fmt::format("memfd \"{}\"", name));
  TRY(write_all(fd.get(), bytes));
  if (::fcntl(fd.get(), F_ADD_SEALS, kAllSeals) != 0)
    return Error::from_errno(errno, fmt::format("seal memfd \"{}\"", name));
  return fd;
}

}  // namespace

Result<UniqueFd> make_sealed_memfd(const std::string& name, std::string_view bytes) {
  return make_sealed(name, bytes, kNoExecSeal);
}

Result<UniqueFd> make_sealed_program(const std::string& name, std::string_view bytes) {
  return make_sealed(name, bytes, kExec);
}

SealedMapping::SealedMapping(SealedMapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SealedMapping& SealedMapping::operator=(SealedMapping&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  return *this;
}

SealedMapping::~SealedMapping() {
  if (address_ != nullptr) ::munmap(const_cast<void*>(address_), size_);
}

Result<SealedMapping> map_sealed_memfd(int fd, std::size_t max) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kAllSeals) != kAllSeals)
    return Error(Code::kInvalidArgument, "descriptor is no sealed memfd");
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Error::from_errno(errno, "stat memfd");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > max)
    return Error(Code::kResourceExhausted, fmt::format("memfd is longer than {} bytes", max));
  if (size == 0) return SealedMapping();
  // Private, because kernels before 6.7 refuse a shared mapping of a file sealed against writing.
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) return Error::from_errno(errno, "map memfd");
  return SealedMapping(address, size);
}

}  // namespace skerry::os
