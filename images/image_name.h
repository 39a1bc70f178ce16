// What people call images: "busybox", "team/app:1.2", "registry.example:5000/team/app:1.2".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skerry::images {

/// Repository and tag. A name is a reference that can move to other content.
struct ImageName {
  std::string repository;
  std::string tag;

  /// "repository:tag", the form that is stored, compared and shown.
  std::string str() const { return repository + ":" + tag; }
  auto operator<=>(const ImageName&) const = default;
};

/// At most 255 characters. The repository is components of [a-z0-9._-] that begin and end with
/// a letter or digit, joined by "/"; a first component before others may end in ":PORT". The tag is
/// 1–128 of [A-Za-z0-9._-], the first no "." or "-"; "latest" when absent. Refused because they
/// would read as a content id: the repository "sha256", and one of 64 hex digits.
/// Errors: INVALID_ARGUMENT, reason IMAGE_NAME_INVALID.
Result<ImageName> parse_image_name(std::string_view text);

}  // namespace skerry::images
