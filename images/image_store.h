// The images of this host: which content is here, and what people call it.
//
// An import is three calls, on the threads named:
//   worker   staged = layers.stage(unpacker, job, clock)   long; nothing is visible
//   reactor  image  = store.commit(staged, name)           visible from here on
//   worker   layers.settle()                               durable; answer the request after it
// The same content imported twice, also at the same time, is one tree.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/image.h"
#include "images/image_catalog.h"
#include "images/image_name.h"
#include "images/layer_store.h"

namespace skerry::images {

/// What recover() found and did, for the trace.
struct ImageRecovery {
  std::size_t swept = 0;           ///< left-overs of imports and removals
  std::vector<ContentId> adopted;  ///< trees without a record: now images without a name
  std::vector<ContentId> dropped;  ///< records without a tree
};

/// What a removal took away.
struct ImageRemoval {
  std::vector<std::string> names;
  /// Set when the content went too; LayerStore::settle() frees the space.
  std::optional<ContentId> content_id;
};

/// Whether a container needs the content (its tree is a layer of a mount, or will be again).
using InUse = std::function<bool(const ContentId&)>;

/// Thread: reactor. Blocks: never beyond one rename and one catalogue transaction, but recover().
class ImageStore final {
 public:
  /// Borrows both.
  ImageStore(LayerStore& layers, ImageCatalog& catalog) : layers_(layers), catalog_(catalog) {}
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  /// Reads the records and compares them with the trees. A tree without a record (the database is
  /// gone, or we died between the two) may be under a container, so it is kept. Blocks: disk.
  Result<ImageRecovery> recover();

  /// Makes a staged tree an image, and gives it the names, which leave whichever images had them.
  /// An error leaves images as they were, and no staged tree. Idempotent.
  Result<Image> commit(const StagedLayer& staged, std::span<const ImageName> names);
  /// The same with one name, or none.
  Result<Image> commit(const StagedLayer& staged, const std::optional<ImageName>& name);

  /// By name (tag "latest" when absent), content id, or at least 4 leading digits of one; "sha256:"
  /// in front says that it is no name. Errors: NOT_FOUND, reason IMAGE_NOT_FOUND;
  /// INVALID_ARGUMENT, reason IMAGE_AMBIGUOUS when digits fit several images, IMAGE_NAME_INVALID
  /// for what is neither.
  Result<Image> find(std::string_view reference) const;

  /// Sorted by content id.
  std::vector<Image> list() const;

  /// By name: takes the name, and the content when that was its last. By id: takes all names and
  /// the content. Content in use stays with its names: FAILED_PRECONDITION, reason IMAGE_IN_USE.
  /// Errors: as find().
  Result<ImageRemoval> remove(std::string_view reference, const InUse& in_use);

 private:
  Result<Image> find_by_digits(std::string_view digits) const;
  Result<Image> store_image(Image image, std::span<const ImageName> names);

  LayerStore& layers_;
  ImageCatalog& catalog_;
  std::map<ContentId, Image> images_;
  std::map<std::string, ContentId, std::less<>> names_;
};

}  // namespace skerry::images
