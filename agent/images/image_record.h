// An image's record in state.db: what is known of it besides its content id and its names, as JSON.
// Fields are only ever added; a daemon one release older reads what it knows.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "images/image.h"

namespace skerry::agent {

/// Without content id and names: those are the rows' keys.
std::string encode_image(const images::Image& image);

/// Gives an image without names. Errors: DATA_LOSS, reason RECORD_DAMAGED, when it does not decode.
Result<images::Image> decode_image(const images::ContentId& id, std::string_view record);

}  // namespace skerry::agent
