#include "unpack/budget.h"

#include <fmt/format.h>

namespace skerry::unpack {
namespace {

constexpr std::uint64_t kMaxKeptNames = 128ULL * 1024 * 1024;
// Small archives of zeros are harmless whatever their ratio.
constexpr std::uint64_t kRatioGrace = 64ULL * 1024 * 1024;

Error exhausted(std::string_view reason, std::string message) {
  return Error(Code::kResourceExhausted, std::move(message)).with_reason(reason);
}

}  // namespace

Result<> Budget::check_entries() const {
  if (entries_ + implied_ <= limits_.max_entries) return {};
  return exhausted("ARCHIVE_TOO_MANY_ENTRIES",
                   fmt::format("more than {} entries", limits_.max_entries));
}

Result<> Budget::charge_entry() {
  ++entries_;
  return check_entries();
}

Result<> Budget::charge_implied(std::uint64_t count) {
  implied_ += count;
  return check_entries();
}

Result<> Budget::charge_content(std::uint64_t bytes) {
  // Compared without adding first: a size in a header may be anything up to 2^63.
  const std::uint64_t left = limits_.max_bytes.value() - bytes_;
  if (bytes > left) {
    return exhausted("ARCHIVE_TOO_LARGE",
                     fmt::format("more than {} bytes of files", limits_.max_bytes.value()));
  }
  bytes_ += bytes;
  return {};
}

Result<> Budget::charge_kept_names(std::uint64_t bytes) {
  kept_names_ += bytes;
  if (kept_names_ <= kMaxKeptNames) return {};
  return exhausted("ARCHIVE_TOO_MANY_ENTRIES",
                   fmt::format("more than {} bytes of directory names", kMaxKeptNames));
}

Result<> Budget::check_stream(std::uint64_t uncompressed, std::uint64_t compressed) const {
  if (uncompressed <= kRatioGrace) return {};
  // Headers and padding come on top of the files, and nothing says that there is any file.
  if (uncompressed / 2 > limits_.max_bytes.value() + kRatioGrace) {
    return exhausted(
        "ARCHIVE_TOO_LARGE",
        fmt::format("the stream is longer than twice {} bytes", limits_.max_bytes.value()));
  }
  if (compressed == 0 || uncompressed / compressed >= limits_.max_ratio) {
    return exhausted("ARCHIVE_RATIO",
                     fmt::format("{} compressed bytes became {}, more than {} times as many",
                                 compressed,
                                 uncompressed,
                                 limits_.max_ratio));
  }
  return {};
}

}  // namespace skerry::unpack
