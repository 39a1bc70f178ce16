#include "unpack/byte_source.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace skerry::unpack {
namespace {

constexpr std::size_t kReadSize = 128UL * 1024;
constexpr std::byte kGzipMagic[] = {std::byte{0x1f}, std::byte{0x8b}};
// zlib's largest window, plus 16 for "gzip and nothing else".
constexpr int kGzipWindow = 15 + 16;

Error corrupt(const char* what) {
  return Error(Code::kInvalidArgument, std::string("the archive is broken: ") + what)
      .with_reason("ARCHIVE_CORRUPT");
}

Bytef* as_bytef(std::byte* bytes) { return reinterpret_cast<Bytef*>(bytes); }

}  // namespace

void ByteSource::InflateEnd::operator()(z_stream_s* stream) const {
  ::inflateEnd(stream);
  delete stream;
}

ByteSource::ByteSource(int fd) : fd_(fd), buffer_(kReadSize) {}
ByteSource::~ByteSource() = default;

Result<> ByteSource::fill() {
  // What is left goes to the front, so that a magic number is never cut in two.
  std::copy(input_.begin(), input_.end(), buffer_.begin());
  const std::size_t kept = input_.size();
  ssize_t count = 0;
  do {
    count = ::read(fd_, buffer_.data() + kept, buffer_.size() - kept);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Error::from_errno(errno, "read the archive");
  consumed_ += static_cast<std::uint64_t>(count);
  input_ = std::span(buffer_).first(kept + static_cast<std::size_t>(count));
  return {};
}

Result<> ByteSource::begin() {
  begun_ = true;
  while (input_.size() < std::size(kGzipMagic)) {
    const std::size_t before = input_.size();
    TRY(fill());
    if (input_.size() == before) return {};
  }
  if (!std::equal(std::begin(kGzipMagic), std::end(kGzipMagic), input_.begin())) return {};
  inflate_.reset(new z_stream_s());
  CHECK(::inflateInit2(inflate_.get(), kGzipWindow) == Z_OK);
  output_.resize(kReadSize);
  return {};
}

Result<std::span<const std::byte>> ByteSource::next() {
  if (!begun_) TRY(begin());
  if (inflate_ != nullptr) return next_inflated();
  if (input_.empty()) TRY(fill());
  return std::span<const std::byte>(std::exchange(input_, {}));
}

Result<bool> ByteSource::next_member() {
  while (true) {
    const auto padding =
        std::find_if(input_.begin(), input_.end(), [](std::byte b) { return b != std::byte{0}; });
    const bool saw_padding = padding != input_.begin();
    if (saw_padding) input_ = input_.subspan(static_cast<std::size_t>(padding - input_.begin()));
    if (!input_.empty()) {
      if (saw_padding) return corrupt("something follows the padding");
      CHECK(::inflateReset(inflate_.get()) == Z_OK);
      return true;
    }
    TRY(fill());
    if (input_.empty()) return false;
  }
}

Result<std::span<const std::byte>> ByteSource::next_inflated() {
  z_stream_s& stream = *inflate_;
  while (true) {
    if (!in_member_) {
      TRY_ASSIGN(in_member_, next_member());
      if (!in_member_) return std::span<const std::byte>{};
    }
    if (input_.empty()) TRY(fill());
    if (input_.empty()) return corrupt("gzip ends too early");
    stream.next_in = as_bytef(input_.data());
    stream.avail_in = static_cast<uInt>(input_.size());
    stream.next_out = as_bytef(output_.data());
    stream.avail_out = static_cast<uInt>(output_.size());
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return corrupt(stream.msg == nullptr ? "gzip" : stream.msg);
    input_ = input_.last(stream.avail_in);
    if (code == Z_STREAM_END) in_member_ = false;
    const std::size_t made = output_.size() - stream.avail_out;
    if (made > 0) return std::span<const std::byte>(output_).first(made);
  }
}

}  // namespace skerry::unpack
