// Where image records are kept between two lives of the daemon.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "images/image.h"

namespace skerry::images {

/// Implemented by the agent on its database. Thread: reactor. Blocks: as an ordinary transaction.
class ImageCatalog {
 public:
  ImageCatalog() = default;
  ImageCatalog(const ImageCatalog&) = delete;
  ImageCatalog& operator=(const ImageCatalog&) = delete;
  virtual ~ImageCatalog() = default;

  /// All records. One that cannot be read is left out (and told by the implementation): its tree is
  /// adopted as an image without a name.
  virtual Result<std::vector<Image>> load() = 0;
  /// Inserts or replaces by content id, all of them or none: a name that moves changes two.
  virtual Result<> save(std::span<const Image> images) = 0;
  /// What is not there is fine. Idempotent.
  virtual Result<> remove(const ContentId& id) = 0;
};

}  // namespace skerry::images
