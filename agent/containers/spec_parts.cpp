#include "agent/containers/spec_parts.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace skerry::agent {
namespace {

constexpr std::size_t kMaxAnnotationBytes = 256ULL << 10U;
constexpr std::size_t kMaxLabelKey = 128;
constexpr std::size_t kMaxLabelValue = 4096;
// They are in every event and every List: an answer has to stay below what clients take, 4 MiB.
constexpr std::size_t kMaxLabelBytes = 256ULL << 10U;

bool is_label_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("._/-").find(c) != std::string_view::npos;
}

}  // namespace

Error refused(std::string_view field, std::string_view why, std::string_view reason) {
  return Error(Code::kInvalidArgument, fmt::format("{}: {}", field, why))
      .with_reason(reason)
      .with_object(fmt::format("field {}", field));
}

Error invalid(std::string_view field, std::string_view why) {
  return refused(field, why, "FIELD_INVALID");
}

Result<> check_labels(const StringMap& labels, std::string_view field) {
  std::size_t total = 0;
  for (const auto& [key, value] : labels) {
    if (key.empty() || key.size() > kMaxLabelKey || !std::ranges::all_of(key, is_label_char)) {
      return invalid(field,
                     fmt::format("key \"{}\" is not 1–128 characters of [A-Za-z0-9._/-]", key));
    }
    if (value.size() > kMaxLabelValue) {
      return invalid(field, fmt::format("the value of \"{}\" is over 4096 bytes", key));
    }
    total += key.size() + value.size();
  }
  if (total > kMaxLabelBytes) return invalid(field, "over 256 KiB in all");
  return {};
}

Result<> check_annotations(const StringMap& annotations, std::string_view field) {
  std::size_t total = 0;
  for (const auto& [key, value] : annotations) total += key.size() + value.size();
  if (total > kMaxAnnotationBytes) return invalid(field, "over 256 KiB in all");
  return {};
}

bool is_hostname(std::string_view name) {
  const auto good = [](char c) { return c != '_' && c != '/' && is_label_char(c); };
  return name.size() <= 64 && std::ranges::all_of(name, good);
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& base) {
  const auto [end, ignored] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
  // "/a/" ends in an empty component.
  return end == base.end() || (std::next(end) == base.end() && end->empty());
}

Result<> check_log_place(std::string_view field,
                         const std::filesystem::path& path,
                         const config::Config& config) {
  const auto allowed = [&path](const std::filesystem::path& base) { return is_below(path, base); };
  if (std::ranges::any_of(config.log_directories, allowed)) return {};
  return Error(Code::kPermissionDenied,
               fmt::format("{}: the configuration allows no log at \"{}\" (log.directories)",
                           field,
                           path.string()))
      .with_reason("LOG_PATH_REFUSED");
}

std::string first_field(const google::protobuf::Message& message, const std::string& name) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return fields.empty() ? name : name + "." + fields.front()->name();
}

}  // namespace skerry::agent
