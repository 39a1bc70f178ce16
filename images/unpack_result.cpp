#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "images/unpacker.h"
#include "unpack/protocol.h"

namespace skerry::images {
namespace {

/// Length of the valid UTF-8 sequence that `text` begins with; 0 when it is none.
std::size_t sequence_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  const bool bad = (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
                   (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f);
  return bad ? 0 : length;
}

template <std::size_t Size>
std::string clean_text(const std::array<char, Size>& field) {
  std::string_view text(field.data(), ::strnlen(field.data(), Size));
  std::string out;
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (length == 0 || c < 0x20 || c == 0x7f) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

bool is_reason(std::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

Error no_answer(std::string_view what) {
  return Error(Code::kInternal, fmt::format("skerry-unpack gave no answer: {}", what))
      .with_reason("UNPACK_CRASHED");
}

Error answered_error(const unpack::UnpackResult& result) {
  std::string message = clean_text(result.message);
  const std::string reason = clean_text(result.reason);
  const std::string entry = clean_text(result.entry);
  Error error(static_cast<Code>(result.code), message);
  if (result.sys_errno > 0 && result.sys_errno < 4096) {
    // An Error made from an errno says its text, which the message ends with already.
    const std::string text = ": " + errno_text(result.sys_errno);
    if (message.ends_with(text)) message.resize(message.size() - text.size());
    error = Error::from_errno(result.sys_errno, message).with_code(static_cast<Code>(result.code));
  }
  if (!entry.empty()) error = std::move(error).wrap(fmt::format("\"{}\"", entry));
  if (result.retryable == 1) error = std::move(error).as_retryable();
  return std::move(error)
      .with_reason(is_reason(reason) ? reason : "UNPACK_FAILED")
      .with_object(entry);
}

}  // namespace

Result<UnpackReport> read_unpack_result(std::string_view bytes) {
  unpack::UnpackResult result;
  if (bytes.size() != sizeof(result)) return no_answer(fmt::format("{} bytes", bytes.size()));
  std::memcpy(&result, bytes.data(), sizeof(result));
  if (result.magic != unpack::kResultMagic) return no_answer("another version");
  if (result.code > static_cast<std::uint32_t>(Code::kDataLoss)) return no_answer("bad code");
  if (result.code != 0) return answered_error(result);
  return UnpackReport{ContentId::of_digest(result.digest), Bytes(result.bytes), result.entries};
}

}  // namespace skerry::images
