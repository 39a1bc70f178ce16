// What volume plugins answer, and the files that say where they listen. The first byte chooses the
// parser, the second the status; the rest is the text.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "volumes/mountpoint.h"
#include "volumes/plugin/discovery.h"
#include "volumes/plugin/json.h"
#include "volumes/plugin/messages.h"

namespace {

using namespace skerry::volumes;

void check_shown(const std::string& text) {
  CHECK(text.size() <= kMaxShownText + 3);
  for (const char c : text) CHECK(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
}

void check_volumes(const HttpReply& reply) {
  const auto volumes = parse_volumes(reply);
  if (!volumes) return;
  for (std::size_t i = 0; i < volumes->size(); ++i) {
    CHECK(check_volume_name(volumes->at(i).name).has_value());
    CHECK(i == 0 || volumes->at(i - 1).name < volumes->at(i).name);
    check_shown(volumes->at(i).mountpoint);
  }
}

void check_socket(const skerry::Result<std::string>& socket) {
  if (!socket) return;
  CHECK(socket->starts_with('/') && socket->size() < 108);
  CHECK(socket->find('\0') == std::string::npos);
}

void check_mount(const HttpReply& reply) {
  const auto mountpoint = parse_mountpoint(reply);
  if (!mountpoint || !check_mountpoint(*mountpoint)) return;
  CHECK(mountpoint->find("/../") == std::string::npos && !mountpoint->starts_with("/proc/"));
  CHECK(mountpoint->find('\0') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const HttpReply reply{.status = data[1] == 0 ? 200 : data[1] * 2L, .body = text};
  switch (data[0] % 7) {
    case 0:
      if (const auto done = parse_done(reply); !done) CHECK(!done.error().message().empty());
      break;
    case 1:
      check_mount(reply);
      break;
    case 2:
      if (const auto info = parse_volume(reply, "v")) check_shown(info->created_at);
      break;
    case 3:
      check_volumes(reply);
      break;
    case 4:
      static_cast<void>(parse_capabilities(reply));
      static_cast<void>(parse_activation(reply));
      break;
    case 5:
      check_socket(parse_spec(text));
      check_socket(parse_json_spec(text));
      break;
    default:
      check_shown(printable(text));
  }
  return 0;
}
