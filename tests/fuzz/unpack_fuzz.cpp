// Any bytes as an archive: no crash, no hang, and nothing changes outside the tree.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdint>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/unique_fd.h"
#include "os/path.h"
#include "unpack/unpack_archive.h"

using skerry::Bytes;
using skerry::UniqueFd;

namespace {

constexpr std::size_t kBlock = 512;

/// A directory with a canary; each input gets a tree beside it.
class Scratch final {
 public:
  Scratch() {
    // Keeps names in pax headers what they are, as the program does.
    CHECK(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    std::string pattern = "/tmp/skerry-fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    dir_ = *skerry::os::open_dir(path_);
    const UniqueFd canary(::openat(dir_.get(), "canary", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK(skerry::os::write_all(canary.get(), "untouched").has_value());
    before_ = canary_now();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    CHECK(::unlinkat(dir_.get(), "canary", 0) == 0);
    CHECK(::rmdir(path_.c_str()) == 0);
  }

  UniqueFd make_tree() const {
    CHECK(::mkdirat(dir_.get(), "fs", 0700) == 0);
    return std::move(*skerry::os::open_dir_at(dir_.get(), "fs"));
  }

  void check_and_clear() const {
    const struct stat now = canary_now();
    CHECK(now.st_ino == before_.st_ino && now.st_size == before_.st_size);
    CHECK(now.st_mode == before_.st_mode && now.st_uid == before_.st_uid);
    CHECK(now.st_nlink == before_.st_nlink);
    CHECK(now.st_ctim.tv_sec == before_.st_ctim.tv_sec);
    CHECK(now.st_ctim.tv_nsec == before_.st_ctim.tv_nsec);
    CHECK(skerry::os::remove_tree(dir_.get(), "fs").has_value());
    struct stat here {};
    CHECK(::fstat(dir_.get(), &here) == 0);
    // Itself, its name above, and no directory of anybody else's.
    CHECK(here.st_nlink == 2);
  }

 private:
  struct stat canary_now() const {
    struct stat info {};
    CHECK(::fstatat(dir_.get(), "canary", &info, AT_SYMLINK_NOFOLLOW) == 0);
    return info;
  }

  std::string path_;
  UniqueFd dir_;
  struct stat before_ {};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Scratch kScratch;
  const UniqueFd source(::memfd_create("input", MFD_CLOEXEC));
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CHECK(skerry::os::write_all(source.get(), bytes).has_value());
  CHECK(::lseek(source.get(), 0, SEEK_SET) == 0);
  const UniqueFd root = kScratch.make_tree();
  const skerry::unpack::Limits limits = {
      .max_bytes = Bytes(1U << 20U), .max_entries = 200, .max_ratio = 2000};
  const auto whiteouts =
      size % 2 == 0 ? skerry::unpack::Whiteouts::kLiteral : skerry::unpack::Whiteouts::kOverlay;
  const auto unpacked = skerry::unpack::unpack_archive(source.get(), root.get(), limits, whiteouts);
  if (unpacked) CHECK(unpacked->bytes <= limits.max_bytes.value());
  if (!unpacked) CHECK(!unpacked.error().message().empty());
  kScratch.check_and_clear();
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max);

// Makes headers believable again: without the right checksum nothing behind it is ever reached.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max,
                                               unsigned /*seed*/) {
  const std::size_t length = LLVMFuzzerMutate(data, size, max);
  for (std::size_t at = 0; at + kBlock <= length; at += kBlock) {
    std::uint8_t* const header = data + at;
    if (std::memcmp(header + 257, "ustar", 5) != 0) continue;
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += header[i];
    const std::string text = fmt::format("{:06o}", sum);
    std::copy_n(text.begin(), 6, header + 148);
    header[154] = 0;
  }
  return length;
}
