// skerry-unpack: protocol.h says who runs it and how.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "os/path.h"
#include "unpack/copy.h"
#include "unpack/copy_tree.h"
#include "unpack/options.h"
#include "unpack/protocol.h"
#include "unpack/sandbox.h"
#include "unpack/unpack_archive.h"

namespace skerry::unpack {
namespace {

template <std::size_t Size>
void copy_text(std::array<char, Size>& to, const std::string& from) {
  const std::size_t length = std::min(from.size(), Size - 1);
  std::copy_n(from.begin(), length, to.begin());
}

UnpackResult failure(const Error& error) {
  UnpackResult out;
  out.code = static_cast<std::uint32_t>(error.code());
  out.sys_errno = error.sys_errno();
  out.retryable = error.retryable() ? 1 : 0;
  copy_text(out.reason, error.reason());
  copy_text(out.entry, error.object());
  copy_text(out.message, error.message());
  return out;
}

Result<Unpacked> work(const Options& options) {
  TRY_ASSIGN(const Sandbox sandbox,
             enter_sandbox({.source_kind = options.source,
                            .whiteouts = options.whiteouts,
                            .source = kSourceFd,
                            .destination = kDestinationFd,
                            .max_file = options.limits.max_bytes,
                            .max_memory = options.max_memory,
                            .max_cpu_seconds = options.max_cpu_seconds}));
  const int root = sandbox.destination.get();
  auto unpacked = options.source == SourceKind::kDirectory
                      ? copy_tree(sandbox.source.get(), root, options.limits)
                      : unpack_archive(kSourceFd, root, options.limits, options.whiteouts);
  if (!unpacked) return unpacked;
  // One syncfs and not an fsync for each of 100,000 files: the daemon gives the tree its name only
  // after it is on disk, and a tree that is named is whole.
  TRY_ASSIGN(const UniqueFd top, os::open_beneath(root, ".", O_RDONLY | O_DIRECTORY));
  if (::syncfs(top.get()) != 0)
    return explain_full_disk(Error::from_errno(errno, "write the tree to disk"));
  return unpacked;
}

// Libraries throw when memory ends; this is where that becomes a result.
template <class Work>
UnpackResult answer(Work work) {
  try {
    const auto unpacked = work();
    if (!unpacked) return failure(unpacked.error());
    UnpackResult out;
    out.bytes = unpacked->bytes;
    out.entries = unpacked->entries;
    out.digest = unpacked->digest;
    return out;
  } catch (const std::exception& exception) {
    return failure(Error(Code::kResourceExhausted, fmt::format("unpack: {}", exception.what())));
  }
}

int run(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const bool copies = is_copy(arguments);
  const auto options = copies ? Result<Options>(Options()) : parse_options(arguments);
  const auto copying = copies ? parse_copy_options(arguments) : Result<CopyOptions>(CopyOptions());
  if (!options || !copying) {
    const Error& error = options ? copying.error() : options.error();
    fmt::print(stderr, "skerry-unpack: {}\n", error.message());
    return 2;
  }
  ::umask(0);
  ::close_range(kResultFd + 1, ~0U, 0);
  // A daemon that is gone must not turn the answer into a signal.
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return 1;
  // Names in pax headers are UTF-8, and libarchive gives them in the locale's character set.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
    fmt::print(stderr, "skerry-unpack: no locale C.UTF-8\n");
    return 1;
  }
  const UnpackResult result = answer([&] { return copies ? copy(*copying) : work(*options); });
  const std::string_view bytes(reinterpret_cast<const char*>(&result), sizeof(result));
  return os::write_all(kResultFd, bytes) ? 0 : 1;
}

}  // namespace
}  // namespace skerry::unpack

int main(int argc, char** argv) { return skerry::unpack::run(argc, argv); }
