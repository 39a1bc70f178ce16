#include "cni/result_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "cni/base64.h"
#include "cni/directory.h"
#include "cni/json.h"
#include "cni/network_list.h"
#include "os/path.h"

namespace skerry::cni {
namespace {

constexpr std::string_view kKind = "cniCacheV1";
// Base64 and the result on top of the list.
constexpr std::size_t kMaxEntry = kMaxDocument;
constexpr std::size_t kMaxEntries = 1UL << 20U;

Result<std::string> file_name(const std::string& network,
                              const std::string& container,
                              const std::string& interface) {
  TRY(check_name("network", network));
  TRY(check_name("container", container));
  TRY(check_interface_name(interface));
  return fmt::format("{}-{}-{}", network, container, interface);
}

Result<std::vector<std::pair<std::string, std::string>>> read_args(const Json& json) {
  std::vector<std::pair<std::string, std::string>> out;
  TRY_ASSIGN(const Json* args, array_member(json, "cniArgs"));
  if (args == nullptr) return out;
  for (const Json& pair : *args) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return Error(Code::kInvalidArgument, "\"cniArgs\" has what is not a pair");
    out.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return out;
}

Result<std::string> object_text(const Json& json, const char* key) {
  TRY_ASSIGN(const Json* found, object_member(json, key));
  return found == nullptr ? std::string() : to_text(*found);
}

Result<CachedAttachment> read_entry(std::string_view bytes) {
  TRY_ASSIGN(const Json json, parse_object(bytes));
  TRY_ASSIGN(const std::string kind, string_member(json, "kind"));
  if (kind != kKind) return Error(Code::kInvalidArgument, "it is of another kind");
  CachedAttachment out;
  TRY_ASSIGN(out.network, string_member(json, "networkName"));
  TRY_ASSIGN(out.container, string_member(json, "containerId"));
  TRY_ASSIGN(out.interface, string_member(json, "ifName"));
  TRY(file_name(out.network, out.container, out.interface));
  TRY_ASSIGN(out.netns, string_member(json, "netns"));
  TRY_ASSIGN(const std::string config, string_member(json, "config"));
  auto decoded = base64_decode(config);
  if (!decoded) return Error(Code::kInvalidArgument, "\"config\" is not base64");
  out.config = std::move(*decoded);
  TRY_ASSIGN(out.args, read_args(json));
  TRY_ASSIGN(out.capability_args, object_text(json, "capabilityArgs"));
  TRY_ASSIGN(out.result, object_text(json, "result"));
  return out;
}

Result<CachedAttachment> read_entry_file(int dir, const std::string& name) {
  auto bytes = os::read_file_at(dir, name, kMaxEntry);
  if (!bytes) return std::move(bytes).error();
  auto entry = parse_cache_entry(*bytes);
  if (!entry) return std::move(entry).error().wrap(fmt::format("\"{}\"", name));
  TRY_ASSIGN(const std::string expected,
             file_name(entry->network, entry->container, entry->interface));
  if (expected != name)
    return Error(Code::kDataLoss, fmt::format("\"{}\" speaks of \"{}\"", name, expected))
        .with_reason("CNI_CACHE_INVALID");
  return entry;
}

/// Text of ours, or from a file: never trusted to be JSON.
Json object_or_null(const std::string& text) {
  auto json = parse_object(text);
  return json ? std::move(*json) : Json();
}

}  // namespace

std::string write_cache_entry(const CachedAttachment& attachment) {
  Json json = {{"kind", kKind},
               {"containerId", attachment.container},
               {"config", base64_encode(attachment.config)},
               {"ifName", attachment.interface},
               {"networkName", attachment.network},
               {"netns", attachment.netns}};
  for (const auto& [key, value] : attachment.args)
    json["cniArgs"].push_back(Json::array({key, value}));
  if (Json args = object_or_null(attachment.capability_args); !args.is_null())
    json["capabilityArgs"] = std::move(args);
  if (Json result = object_or_null(attachment.result); !result.is_null())
    json["result"] = std::move(result);
  return to_text(json);
}

Result<CachedAttachment> parse_cache_entry(std::string_view bytes) {
  auto entry = read_entry(bytes);
  if (entry) return entry;
  return std::move(entry).error().with_code(Code::kDataLoss).with_reason("CNI_CACHE_INVALID");
}

Result<> ResultCache::save(const CachedAttachment& attachment) const {
  TRY_ASSIGN(const std::string name,
             file_name(attachment.network, attachment.container, attachment.interface));
  const std::string bytes = write_cache_entry(attachment);
  if (bytes.size() > kMaxEntry)
    return Error(Code::kResourceExhausted,
                 fmt::format("the record of an attachment is longer than {} bytes", kMaxEntry));
  return os::write_file_atomic(dir_, name, bytes, 0600);
}

Result<CachedAttachment> ResultCache::load(const std::string& network,
                                           const std::string& container,
                                           const std::string& interface) const {
  TRY_ASSIGN(const std::string name, file_name(network, container, interface));
  return read_entry_file(dir_, name);
}

Result<> ResultCache::remove(const std::string& network,
                             const std::string& container,
                             const std::string& interface) const {
  TRY_ASSIGN(const std::string name, file_name(network, container, interface));
  if (::unlinkat(dir_, name.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, fmt::format("remove \"{}\"", name));
  }
  TRY_ASSIGN(const UniqueFd readable, os::open_dir_at(dir_, "."));
  if (::fsync(readable.get()) != 0) return Error::from_errno(errno, "fsync result cache");
  return {};
}

Result<CacheListing> ResultCache::list() const {
  TRY_ASSIGN(const auto names, list_names(dir_, kMaxEntries));
  CacheListing out;
  for (const std::string& name : names) {
    auto entry = read_entry_file(dir_, name);
    if (entry) {
      out.attachments.push_back(std::move(*entry));
    } else {
      out.unreadable.push_back({name, std::move(entry).error()});
    }
  }
  return out;
}

}  // namespace skerry::cni
