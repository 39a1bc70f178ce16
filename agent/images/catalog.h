// The images' records in state.db, and the events of their changes in the same transaction.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "agent/events/event_log.h"
#include "agent/runtime/trace.h"
#include "agent/store/store.h"
#include "images/image_catalog.h"
#include "skerry/v1/event.pb.h"

namespace skerry::agent {

/// What the API calls a tree: "sha256:" and its hex digits.
std::string api_content_id(const images::ContentId& id);

/// Compares what is saved with what was there: a new tree and every name that came is an event
/// IMAGE_ADDED, every name that went and a tree that is gone one IMAGE_REMOVED; a name that moves
/// is both. Thread: reactor. Blocks: as an ordinary transaction.
class Catalog final : public images::ImageCatalog {
 public:
  /// Borrows all.
  Catalog(store::Store& store, events::EventLog& events, runtime::Trace& trace)
      : store_(store), events_(events), trace_(trace) {}

  Result<std::vector<images::Image>> load() override;
  Result<> save(std::span<const images::Image> images) override;
  Result<> remove(const images::ContentId& id) override;

 private:
  using Names = std::map<images::ContentId, std::vector<std::string>>;
  Result<std::vector<images::Image>> decode(const std::vector<store::ImageRow>& rows,
                                            store::Transaction& transaction);
  void trace_bad(const std::vector<store::BadRecord>& bad);
  void append(store::Transaction& transaction,
              skerry::v1::EventType type,
              const images::ContentId& id,
              const std::string& image);
  /// Puts the row of one image, and tells of it when it is new.
  void put(store::Transaction& transaction, const images::Image& image);

  store::Store& store_;
  events::EventLog& events_;
  runtime::Trace& trace_;
  Names known_;  ///< what the tables hold
};

}  // namespace skerry::agent
