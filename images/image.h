// An image: a value.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "images/content_id.h"

namespace skerry::images {

/// What an image says about running it. All empty for imported trees.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string working_directory;
  std::string user;  ///< "name", "uid" or either with ":group"
  bool operator==(const ImageConfig&) const = default;
};

struct Image {
  ContentId content_id;
  /// Full names ("busybox:latest"), sorted. An image may have none.
  std::vector<std::string> names;
  /// Of all regular files together. Zero when not known (see ImageStore::recover).
  Bytes size;
  /// When this content first came here. The epoch when not known.
  WallTime created;
  ImageConfig config;
  bool operator==(const Image&) const = default;
};

}  // namespace skerry::images
