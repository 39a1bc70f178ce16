#include "unpack/tar_stream.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/check.h"
#include "unpack/entry_name.h"

namespace skerry::unpack {
namespace {

Error bad_archive(std::string_view reason, std::string message) {
  return Error(Code::kInvalidArgument, std::move(message)).with_reason(reason);
}

}  // namespace

void ArchiveCloser::operator()(archive* handle) const { ::archive_read_free(handle); }

Error TarStream::failure_of(archive* handle) {
  if (failure_) return *failure_;
  const char* text = ::archive_error_string(handle);
  if (::archive_errno(handle) == ENOMEM)
    return Error(Code::kResourceExhausted, "the archive needs more memory than it may have")
        .with_reason("ARCHIVE_TOO_LARGE");
  return bad_archive(
      "ARCHIVE_CORRUPT",
      fmt::format("the archive is broken: {}", printable_name(text == nullptr ? "unknown" : text)));
}

ssize_t TarStream::read_source(archive* handle, void* self, const void** buffer) {
  auto& stream = *static_cast<TarStream*>(self);
  auto bytes = stream.source_.next();
  if (!bytes) {
    stream.failure_ = std::move(bytes).error();
    ::archive_set_error(handle, EIO, "source");
    return -1;
  }
  *buffer = bytes->data();
  return static_cast<ssize_t>(bytes->size());
}

Result<std::span<const std::byte>> TarStream::pull() {
  while (!at_end_) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int code = ::archive_read_data_block(decompressor_.get(), &data, &size, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return failure_of(decompressor_.get());
    if (size == 0) continue;
    uncompressed_ += size;
    TRY(budget_.check_stream(uncompressed_, source_.consumed()));
    const std::span bytes(static_cast<const std::byte*>(data), size);
    hash_.update(bytes);
    return bytes;
  }
  at_end_ = true;
  return std::span<const std::byte>{};
}

ssize_t TarStream::read_stream(archive* handle, void* self, const void** buffer) {
  auto& stream = *static_cast<TarStream*>(self);
  auto bytes = stream.pull();
  if (!bytes) {
    stream.failure_ = std::move(bytes).error();
    ::archive_set_error(handle, EIO, "stream");
    return -1;
  }
  *buffer = bytes->data();
  return static_cast<ssize_t>(bytes->size());
}

Result<> TarStream::open_decompressor() {
  decompressor_.reset(::archive_read_new());
  CHECK(decompressor_ != nullptr);
  archive* const handle = decompressor_.get();
  // Anything but OK means that libarchive would run a program (`xz -d`) instead.
  CHECK(::archive_read_support_filter_zstd(handle) == ARCHIVE_OK);
  CHECK(::archive_read_support_filter_xz(handle) == ARCHIVE_OK);
  CHECK(::archive_read_support_filter_bzip2(handle) == ARCHIVE_OK);
  CHECK(::archive_read_support_format_raw(handle) == ARCHIVE_OK);
  CHECK(::archive_read_support_format_empty(handle) == ARCHIVE_OK);
  if (::archive_read_open(handle, this, nullptr, read_source, nullptr) != ARCHIVE_OK)
    return failure_of(handle);
  // The last filter in the count is the source itself. Compression inside compression is how small
  // archives hide how large they are.
  if (::archive_filter_count(handle) > (source_.is_gzip() ? 1 : 2))
    return bad_archive("ARCHIVE_FORMAT_UNKNOWN", "the archive is compressed more than once");
  archive_entry* entry = nullptr;
  const int code = ::archive_read_next_header(handle, &entry);
  if (code == ARCHIVE_EOF) return bad_archive("ARCHIVE_FORMAT_UNKNOWN", "the archive is empty");
  if (code != ARCHIVE_OK) return failure_of(handle);
  return {};
}

Result<> TarStream::open() {
  TRY(open_decompressor());
  tar_.reset(::archive_read_new());
  CHECK(tar_ != nullptr);
  CHECK(::archive_read_support_format_tar(tar_.get()) == ARCHIVE_OK);
  if (::archive_read_open(tar_.get(), this, nullptr, read_stream, nullptr) == ARCHIVE_OK) return {};
  if (failure_) return *failure_;
  return bad_archive("ARCHIVE_FORMAT_UNKNOWN",
                     "neither a tar archive nor one compressed by gzip, zstd, xz or bzip2");
}

Result<archive_entry*> TarStream::next_entry() {
  archive_entry* entry = nullptr;
  const int code = ::archive_read_next_header(tar_.get(), &entry);
  if (code == ARCHIVE_EOF) return nullptr;
  // A warning means that something of the entry was lost, such as a name that is not UTF-8.
  if (code == ARCHIVE_OK) return entry;
  if (::archive_format(tar_.get()) == 0 && !failure_) {
    return bad_archive("ARCHIVE_FORMAT_UNKNOWN",
                       "neither a tar archive nor one compressed by gzip, zstd, xz or bzip2");
  }
  return failure_of(tar_.get());
}

Result<std::optional<ContentBlock>> TarStream::next_block() {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int code = ::archive_read_data_block(tar_.get(), &data, &size, &offset);
  if (code == ARCHIVE_EOF) return std::optional<ContentBlock>{};
  if (code != ARCHIVE_OK) return failure_of(tar_.get());
  return std::optional(ContentBlock{{static_cast<const std::byte*>(data), size}, offset});
}

Result<Digest> TarStream::finish() {
  while (true) {
    TRY_ASSIGN(const auto bytes, pull());
    if (bytes.empty()) return hash_.finish();
  }
}

}  // namespace skerry::unpack
