#include "cni/plugin_error.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cni/json.h"

namespace skerry::cni {
namespace {

constexpr std::size_t kMaxMessage = 1024;

struct Said {
  unsigned code = 0;
  std::string text;
};

/// The error object of the specification; absent when the answer is none.
std::optional<Said> read_error(std::string_view answer) {
  const auto json = parse_object(answer);
  if (!json) return std::nullopt;
  const auto code = json->find("code");
  if (code == json->end() || !code->is_number_unsigned()) return std::nullopt;
  const auto message = string_member(*json, "msg");
  const auto details = string_member(*json, "details");
  Said said{
      .code = static_cast<unsigned>(std::min<std::uint64_t>(code->get<std::uint64_t>(), 9999)),
      .text = message ? plugin_text(*message) : std::string()};
  if (details && !details->empty()) said.text += fmt::format(" ({})", plugin_text(*details));
  return said;
}

bool is_exhaustion(std::string_view text) {
  // host-local has no code of its own for it.
  return text.find("no IP addresses available in range set") != std::string_view::npos;
}

Error of_said(const Said& said) {
  const std::string text = fmt::format("{} (code {})", said.text, said.code);
  if (is_exhaustion(said.text))
    return Error(Code::kResourceExhausted, text).with_reason("NO_ADDRESS_LEFT").as_retryable();
  switch (said.code) {
    case 1:
      return Error(Code::kFailedPrecondition, text).with_reason("CNI_VERSION_REFUSED");
    case 2:
    case 7:
      return Error(Code::kFailedPrecondition, text).with_reason("CNI_CONFIG_REFUSED");
    case kUnknownContainer:
      return Error(Code::kNotFound, text).with_reason("CNI_UNKNOWN_CONTAINER");
    case 11:
      return Error(Code::kUnavailable, text).with_reason("CNI_TRY_LATER").as_retryable();
    case 50:
    case 51:
      return Error(Code::kUnavailable, text).with_reason("CNI_NOT_READY").as_retryable();
    default:
      return Error(Code::kInternal, text).with_reason("CNI_PLUGIN_FAILED");
  }
}

std::string with_stderr(std::string text, const os::Output& output) {
  if (!output.error_text.empty())
    text += fmt::format("; it said: {}", plugin_text(output.error_text));
  return text;
}

}  // namespace

std::string plugin_text(std::string_view text) { return printable(text, kMaxMessage); }

Error plugin_error(const os::Output& output) {
  if (output.status.signal != 0) {
    return Error(Code::kInternal,
                 with_stderr(fmt::format("ended by signal {}", output.status.signal), output))
        .with_reason("CNI_PLUGIN_CRASHED");
  }
  if (auto said = read_error(output.out)) {
    said->text = with_stderr(said->text, output);
    return of_said(*said);
  }
  std::string text = fmt::format("exit code {}", output.status.code);
  if (!output.out.empty())
    text += fmt::format(", no error object but: {}", printable(output.out, 128));
  return Error(Code::kInternal, with_stderr(std::move(text), output))
      .with_reason("CNI_PLUGIN_FAILED");
}

}  // namespace skerry::cni
