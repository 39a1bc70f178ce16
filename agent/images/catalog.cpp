#include "agent/images/catalog.h"

#include <algorithm>
#include <ranges>

#include "agent/images/image_record.h"

namespace skerry::agent {

using images::ContentId;
using images::Image;

std::string api_content_id(const ContentId& id) { return "sha256:" + id.hex(); }

void Catalog::trace_bad(const std::vector<store::BadRecord>& bad) {
  for (const store::BadRecord& record : bad) {
    trace_.warning("a record is damaged and was put aside",
                   {{"table", record.table}, {"key", record.key}, {"why", record.why}});
  }
}

Result<std::vector<Image>> Catalog::decode(const std::vector<store::ImageRow>& rows,
                                           store::Transaction& transaction) {
  std::vector<Image> all;
  for (const store::ImageRow& row : rows) {
    const auto id = ContentId::parse(row.content_id);
    auto image = id ? decode_image(*id, row.record) : Result<Image>(id.error());
    if (image) {
      all.push_back(std::move(*image));
      continue;
    }
    const std::string& why = image.error().message();
    transaction.quarantine_image(row.content_id, why);
    trace_bad({{.table = "images", .key = row.content_id, .why = why}});
  }
  return all;
}

Result<std::vector<Image>> Catalog::load() {
  TRY_ASSIGN(const auto rows, store_.images());
  TRY_ASSIGN(const auto names, store_.image_names());
  trace_bad(rows.bad);
  trace_bad(names.bad);
  store::Transaction transaction = store_.begin();
  TRY_ASSIGN(std::vector<Image> all, decode(rows.rows, transaction));
  for (const store::ImageNameRow& row : names.rows) {
    const auto owner = std::ranges::find_if(
        all, [&](const Image& image) { return image.content_id.hex() == row.content_id; });
    if (owner != all.end()) {
      owner->names.push_back(row.name);  // they come sorted
    } else {
      // Its record is gone: were the name kept, it would be back with the next import of the same
      // content, which nobody asked for.
      transaction.remove_image_name(row.name);
    }
  }
  TRY(transaction.commit());
  known_.clear();
  for (const Image& image : all) known_[image.content_id] = image.names;
  return all;
}

void Catalog::append(store::Transaction& transaction,
                     skerry::v1::EventType type,
                     const ContentId& id,
                     const std::string& image) {
  skerry::v1::Event event;
  event.set_type(type);
  event.set_image(image);
  events_.append(transaction,
                 {.type = static_cast<std::uint32_t>(type),
                  .object = id.hex(),
                  .blob = event.SerializeAsString()});
}

void Catalog::put(store::Transaction& transaction, const Image& image) {
  transaction.put(
      store::ImageRow{.content_id = image.content_id.hex(), .record = encode_image(image)});
  if (known_.contains(image.content_id)) return;
  append(transaction,
         skerry::v1::EVENT_TYPE_IMAGE_ADDED,
         image.content_id,
         api_content_id(image.content_id));
}

Result<> Catalog::save(std::span<const Image> images) {
  store::Transaction transaction = store_.begin();
  const auto known_names = [this](const ContentId& id) -> std::vector<std::string> {
    const auto found = known_.find(id);
    return found == known_.end() ? std::vector<std::string>() : found->second;
  };
  // All that goes before all that comes: a name that moves is in both.
  for (const Image& image : images) {
    for (const std::string& name : known_names(image.content_id)) {
      if (std::ranges::binary_search(image.names, name)) continue;
      transaction.remove_image_name(name);
      append(transaction, skerry::v1::EVENT_TYPE_IMAGE_REMOVED, image.content_id, name);
    }
  }
  for (const Image& image : images) {
    put(transaction, image);
    const std::vector<std::string> had = known_names(image.content_id);
    for (const std::string& name : image.names) {
      if (std::ranges::binary_search(had, name)) continue;
      transaction.put(store::ImageNameRow{.name = name, .content_id = image.content_id.hex()});
      append(transaction, skerry::v1::EVENT_TYPE_IMAGE_ADDED, image.content_id, name);
    }
  }
  TRY(transaction.commit());
  for (const Image& image : images) known_[image.content_id] = image.names;
  return {};
}

Result<> Catalog::remove(const ContentId& id) {
  const auto found = known_.find(id);
  if (found == known_.end()) return {};
  store::Transaction transaction = store_.begin();
  for (const std::string& name : found->second) {
    transaction.remove_image_name(name);
    append(transaction, skerry::v1::EVENT_TYPE_IMAGE_REMOVED, id, name);
  }
  transaction.remove_image(id.hex());
  append(transaction, skerry::v1::EVENT_TYPE_IMAGE_REMOVED, id, api_content_id(id));
  TRY(transaction.commit());
  known_.erase(found);
  return {};
}

}  // namespace skerry::agent
