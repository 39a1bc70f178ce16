// Between the API's words about images and ours: pure.
#pragma once

#include <string>
#include <vector>

#include "agent/images/image_desk.h"
#include "base/result.h"
#include "skerry/v1/image_service.pb.h"

namespace skerry::agent {

/// The reference as ImageStore::find() takes it. A content id that is none and a name nobody could
/// have given are NOT_FOUND, reason IMAGE_NOT_FOUND; an empty reference is INVALID_ARGUMENT.
Result<std::string> to_reference(const skerry::v1::ImageRef& ref);

/// Names that one import may give: each is a row and an event of one transaction.
constexpr int kMaxImageNames = 128;

/// Errors: INVALID_ARGUMENT, reason NAME_INVALID, also for more than kMaxImageNames.
template <class Names>
Result<std::vector<images::ImageName>> to_image_names(const Names& names) {
  if (names.size() > kMaxImageNames) {
    return Error(Code::kInvalidArgument, "names: there are more than 128")
        .with_reason("NAME_INVALID");
  }
  std::vector<images::ImageName> all;
  for (const std::string& name : names) {
    auto parsed = images::parse_image_name(name);
    if (!parsed) return std::move(parsed).error().with_reason("NAME_INVALID");
    all.push_back(std::move(*parsed));
  }
  return all;
}

/// The unpacker's many reasons become the API's one; the message keeps which it was.
Error to_import_error(Error error);

void fill_image(const ImageView& view, skerry::v1::Image& out);

/// One page of `images` (sorted by creation and id). The token is where the page before ended, so
/// images that come and go meanwhile do no harm. Errors: INVALID_ARGUMENT, reasons PAGE_TOKEN,
/// FIELD_INVALID.
Result<skerry::v1::ListImagesResponse> page_of(const std::vector<ImageView>& images,
                                               const skerry::v1::ListImagesRequest& request);

}  // namespace skerry::agent
