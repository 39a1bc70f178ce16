#include "agent/api/image_answers.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>

#include "agent/containers/record.h"

namespace skerry::agent {
namespace {

using images::ContentId;

constexpr std::string_view kIdPrefix = "sha256:";
constexpr std::size_t kMinDigits = 4;
constexpr std::size_t kMaxDigits = 64;
constexpr std::uint32_t kDefaultPage = 1000;
constexpr std::uint32_t kMaxPage = 10'000;
// Below the 4 MiB that gRPC's clients take by default.
constexpr std::size_t kMaxPageBytes = 2ULL << 20U;

Error not_found(const std::string& reference) {
  return Error(Code::kNotFound, fmt::format("no image \"{}\"", reference))
      .with_reason("IMAGE_NOT_FOUND")
      .with_object("image " + reference);
}

struct Place {
  std::int64_t created_ns = 0;
  std::string id;
  auto operator<=>(const Place&) const = default;
};

Place place_of(const ImageView& view) {
  return {.created_ns = view.image.created.time_since_epoch().count(),
          .id = view.image.content_id.hex()};
}

Result<Place> parse_token(const std::string& token) {
  Place place{.created_ns = std::numeric_limits<std::int64_t>::min(), .id = {}};
  if (token.empty()) return place;
  const char* end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, place.created_ns);
  if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '.') {
    place.id.assign(parsed.ptr + 1, end);
    if (ContentId::parse(place.id)) return place;
  }
  return Error(Code::kInvalidArgument, "page_token: not one of ours").with_reason("PAGE_TOKEN");
}

}  // namespace

Result<std::string> to_reference(const skerry::v1::ImageRef& ref) {
  if (ref.has_name()) {
    const auto name = images::parse_image_name(ref.name());
    // With its tag, so that it is never taken for a content id.
    if (name) return name->str();
    return not_found(ref.name());
  }
  if (ref.has_content_id()) {
    std::string_view digits = ref.content_id();
    if (digits.starts_with(kIdPrefix)) digits.remove_prefix(kIdPrefix.size());
    if (digits.size() >= kMinDigits && digits.size() <= kMaxDigits && images::is_hex(digits)) {
      return fmt::format("{}{}", kIdPrefix, digits);
    }
    return not_found(ref.content_id());
  }
  return Error(Code::kInvalidArgument, "image: neither name nor content_id is set")
      .with_reason("FIELD_INVALID");
}

Error to_import_error(Error error) {
  const std::string reason = error.reason();
  const bool archive = reason.starts_with("ARCHIVE_") || reason.starts_with("ENTRY_");
  if (error.code() != Code::kInvalidArgument || !archive) return error;
  return std::move(error).with_reason("ARCHIVE_INVALID");
}

void fill_image(const ImageView& view, skerry::v1::Image& out) {
  out.set_content_id(api_content_id(view.image.content_id));
  for (const std::string& name : view.image.names) out.add_names(name);
  out.set_size_bytes(view.image.size.value());
  *out.mutable_created_at() = to_timestamp(view.image.created);
  out.set_containers(view.containers);
}

Result<skerry::v1::ListImagesResponse> page_of(const std::vector<ImageView>& images,
                                               const skerry::v1::ListImagesRequest& request) {
  if (request.page_size() > kMaxPage) {
    return Error(Code::kInvalidArgument, "page_size: is above 10000").with_reason("FIELD_INVALID");
  }
  const std::uint32_t limit = request.page_size() == 0 ? kDefaultPage : request.page_size();
  TRY_ASSIGN(Place last, parse_token(request.page_token()));
  skerry::v1::ListImagesResponse page;
  std::size_t bytes = 0;
  for (const ImageView& view : images) {
    Place place = place_of(view);
    if (place <= last) continue;
    if (page.images_size() >= static_cast<int>(limit) || bytes > kMaxPageBytes) {
      page.set_next_page_token(fmt::format("{}.{}", last.created_ns, last.id));
      break;
    }
    skerry::v1::Image& out = *page.add_images();
    fill_image(view, out);
    bytes += out.ByteSizeLong();
    last = std::move(place);
  }
  return page;
}

}  // namespace skerry::agent
