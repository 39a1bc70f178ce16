#include "images/image_store.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

namespace skerry::images {
namespace {

constexpr std::size_t kMinDigits = 4;
constexpr std::string_view kIdPrefix = "sha256:";

Error not_found(std::string_view reference) {
  return Error(Code::kNotFound, fmt::format("no image \"{}\"", reference))
      .with_reason("IMAGE_NOT_FOUND")
      .with_object(reference);
}

void add_name(Image& image, const std::string& name) {
  const auto at = std::lower_bound(image.names.begin(), image.names.end(), name);
  if (at == image.names.end() || *at != name) image.names.insert(at, name);
}

}  // namespace

Result<ImageRecovery> ImageStore::recover() {
  ImageRecovery out;
  TRY_ASSIGN(out.swept, layers_.sweep());
  TRY_ASSIGN(const auto trees, layers_.list());
  TRY_ASSIGN(const auto records, catalog_.load());
  images_.clear();
  names_.clear();
  for (const LayerInfo& tree : trees) {
    images_[tree.content_id] = Image{.content_id = tree.content_id,
                                     .names = {},
                                     .size = tree.size,
                                     .created = tree.created,
                                     .config = {}};
    out.adopted.push_back(tree.content_id);
  }
  for (const Image& record : records) {
    const auto found = images_.find(record.content_id);
    if (found == images_.end()) {
      out.dropped.push_back(record.content_id);
      TRY(catalog_.remove(record.content_id));
      continue;
    }
    found->second = record;
    std::erase(out.adopted, record.content_id);
    for (const std::string& name : record.names) names_[name] = record.content_id;
  }
  for (const ContentId& id : out.adopted) TRY(catalog_.save(std::span(&images_.at(id), 1)));
  return out;
}

Result<Image> ImageStore::commit(const StagedLayer& staged, const std::optional<ImageName>& name) {
  if (!name) return commit(staged, std::span<const ImageName>());
  return commit(staged, std::span(&*name, 1));
}

Result<Image> ImageStore::commit(const StagedLayer& staged, std::span<const ImageName> names) {
  auto is_new = layers_.commit(staged);
  if (!is_new) {
    // Without a name the tree is nobody's; the rename's error is the one that counts.
    static_cast<void>(layers_.discard(staged));
    return std::move(is_new).error();
  }
  const auto known = images_.find(staged.info.content_id);
  Image image = known != images_.end() ? known->second
                                       : Image{.content_id = staged.info.content_id,
                                               .names = {},
                                               .size = staged.info.size,
                                               .created = staged.info.created,
                                               .config = {}};
  auto stored = store_image(std::move(image), names);
  // A tree without a record would come back as an image at the next start.
  if (!stored && *is_new) static_cast<void>(layers_.retire(staged.info.content_id));
  return stored;
}

Result<Image> ImageStore::store_image(Image image, std::span<const ImageName> names) {
  // One entry for each image, however many of the names it loses.
  std::map<ContentId, Image> changed;
  for (const ImageName& name : names) {
    const auto holder = names_.find(name.str());
    if (holder != names_.end() && holder->second != image.content_id) {
      Image& loser = changed.try_emplace(holder->second, images_.at(holder->second)).first->second;
      std::erase(loser.names, name.str());
    }
    add_name(image, name.str());
  }
  changed[image.content_id] = image;
  std::vector<Image> all;
  all.reserve(changed.size());
  for (const auto& [id, each] : changed) all.push_back(each);
  TRY(catalog_.save(all));
  for (const Image& each : all) images_[each.content_id] = each;
  for (const ImageName& name : names) names_[name.str()] = image.content_id;
  return image;
}

Result<Image> ImageStore::find(std::string_view reference) const {
  if (reference.starts_with(kIdPrefix)) return find_by_digits(reference.substr(kIdPrefix.size()));
  if (const auto id = ContentId::parse(reference); id) return find_by_digits(id->hex());
  const auto name = parse_image_name(reference);
  if (name) {
    const auto found = names_.find(name->str());
    if (found != names_.end()) return images_.at(found->second);
  }
  if (reference.size() >= kMinDigits && is_hex(reference)) return find_by_digits(reference);
  if (!name) return name.error();
  return not_found(name->str());
}

Result<Image> ImageStore::find_by_digits(std::string_view digits) const {
  if (digits.size() < kMinDigits || digits.size() > 64 || !is_hex(digits)) {
    return Error(Code::kInvalidArgument,
                 fmt::format("a content id is given by {} to 64 lower-case hex digits", kMinDigits))
        .with_reason("IMAGE_ID_INVALID");
  }
  const Image* found = nullptr;
  for (const auto& [id, image] : images_) {
    if (!id.hex().starts_with(digits)) continue;
    if (found != nullptr) {
      return Error(Code::kInvalidArgument, fmt::format("\"{}\" fits several images", digits))
          .with_reason("IMAGE_AMBIGUOUS");
    }
    found = &image;
  }
  if (found == nullptr) return not_found(digits);
  return *found;
}

std::vector<Image> ImageStore::list() const {
  std::vector<Image> out;
  out.reserve(images_.size());
  for (const auto& [id, image] : images_) out.push_back(image);
  return out;
}

Result<ImageRemoval> ImageStore::remove(std::string_view reference, const InUse& in_use) {
  TRY_ASSIGN(Image image, find(reference));
  const auto name = parse_image_name(reference);
  const bool is_name =
      name && std::find(image.names.begin(), image.names.end(), name->str()) != image.names.end();
  if (is_name && image.names.size() > 1) {
    std::erase(image.names, name->str());
    TRY(catalog_.save(std::span(&image, 1)));
    images_[image.content_id] = image;
    names_.erase(name->str());
    return ImageRemoval{{name->str()}, std::nullopt};
  }
  if (in_use(image.content_id)) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("image \"{}\" is used by a container", image.content_id.hex()))
        .with_reason("IMAGE_IN_USE")
        .with_object(image.content_id.hex());
  }
  // The tree goes first: a record without a tree is dropped at the next start, but a tree without
  // a record would be adopted, and what was removed would be back.
  TRY(layers_.retire(image.content_id));
  TRY(catalog_.remove(image.content_id));
  for (const std::string& each : image.names) names_.erase(each);
  images_.erase(image.content_id);
  return ImageRemoval{image.names, image.content_id};
}

}  // namespace skerry::images
