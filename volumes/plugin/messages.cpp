#include "volumes/plugin/messages.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "volumes/plugin/json.h"
#include "volumes/plugin/json_value.h"

namespace skerry::volumes {
namespace {

constexpr long kOk = 200;
constexpr long kNotFound = 404;
constexpr std::size_t kMaxVolumes = 10'000;

Error reply_invalid(std::string_view why) {
  return Error(Code::kInternal, fmt::format("the plugin's answer {}", why))
      .with_reason("PLUGIN_REPLY_INVALID");
}

Error plugin_error(const std::string& words) {
  return Error(Code::kUnknown, fmt::format("the plugin says: {}", words))
      .with_reason("PLUGIN_ERROR");
}

/// The answer's object, when it is one of success.
Result<Json> parse_reply(const HttpReply& reply) {
  Json object = parse_bounded(reply.body);
  if (const std::string err = printable(text_member(object, "Err")); !err.empty())
    return plugin_error(err);
  if (reply.status == kNotFound) {
    return Error(Code::kUnimplemented, "the plugin does not know this call")
        .with_reason("PLUGIN_CALL_MISSING");
  }
  if (reply.status != kOk) {
    const std::string words = printable(reply.body);
    return plugin_error(
        fmt::format("{} (status {})", words.empty() ? "nothing" : words, reply.status));
  }
  if (!object.is_object()) {
    return reply_invalid(
        fmt::format("is no JSON object: \"{}\"", printable(reply.body.substr(0, 100))));
  }
  return object;
}

VolumeInfo read_volume(const Json& volume, std::string name) {
  return {.name = std::move(name),
          .mountpoint = printable(text_member(volume, "Mountpoint")),
          .created_at = printable(text_member(volume, "CreatedAt"))};
}

}  // namespace

std::string name_request(const std::string& name) { return Json::object({{"Name", name}}).dump(); }

std::string create_request(const Volume& volume) {
  return Json::object({{"Name", volume.name}, {"Opts", volume.options}}).dump();
}

std::string mount_request(const std::string& name, const std::string& id) {
  return Json::object({{"Name", name}, {"ID", id}}).dump();
}

Result<> parse_activation(const HttpReply& reply) {
  TRY_ASSIGN(const Json object, parse_reply(reply));
  const Json implements = member(object, "Implements");
  std::vector<std::string> roles;
  for (const Json& role : implements.is_array() ? implements : Json::array()) {
    if (role.is_string()) roles.push_back(printable(role.get<std::string>()));
  }
  if (std::ranges::find(roles, "VolumeDriver") != roles.end()) return {};
  return Error(Code::kFailedPrecondition,
               fmt::format("the plugin is no VolumeDriver but: {}",
                           printable(fmt::format("{}", fmt::join(roles, ", ")))))
      .with_reason("PLUGIN_NOT_A_VOLUME_DRIVER");
}

Result<> parse_done(const HttpReply& reply) {
  // Some plugins answer success with no body at all.
  if (reply.status == kOk && reply.body.empty()) return {};
  TRY(parse_reply(reply));
  return {};
}

Result<std::string> parse_mountpoint(const HttpReply& reply) {
  TRY_ASSIGN(const Json object, parse_reply(reply));
  return text_member(object, "Mountpoint");
}

Result<VolumeInfo> parse_volume(const HttpReply& reply, const std::string& name) {
  TRY_ASSIGN(const Json object, parse_reply(reply));
  const Json volume = member(object, "Volume");
  if (!volume.is_object()) return reply_invalid("has no \"Volume\"");
  return read_volume(volume, name);
}

Result<std::vector<VolumeInfo>> parse_volumes(const HttpReply& reply) {
  TRY_ASSIGN(const Json object, parse_reply(reply));
  const Json volumes = member(object, "Volumes");
  if (volumes.is_array() && volumes.size() > kMaxVolumes)
    return reply_invalid(fmt::format("lists {} volumes", volumes.size()));
  std::vector<VolumeInfo> out;
  for (const Json& volume : volumes.is_array() ? volumes : Json::array()) {
    std::string name = text_member(volume, "Name");
    if (check_volume_name(name)) out.push_back(read_volume(volume, std::move(name)));
  }
  std::ranges::sort(out, {}, &VolumeInfo::name);
  const auto same = std::ranges::unique(out, {}, &VolumeInfo::name);
  out.erase(same.begin(), same.end());
  return out;
}

Result<Scope> parse_capabilities(const HttpReply& reply) {
  TRY_ASSIGN(const Json object, parse_reply(reply));
  const std::string scope = text_member(member(object, "Capabilities"), "Scope");
  return scope == "global" ? Scope::kGlobal : Scope::kLocal;
}

}  // namespace skerry::volumes
