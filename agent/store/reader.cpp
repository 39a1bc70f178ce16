#include "agent/store/reader.h"

#include <fmt/format.h>

#include "agent/store/database.h"
#include "agent/store/tables.h"

namespace skerry::store {

StoreReader::StoreReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
StoreReader::~StoreReader() = default;

Result<std::vector<EventRow>> StoreReader::events_after(std::uint64_t after,
                                                        std::size_t max_events,
                                                        std::size_t max_bytes) {
  std::vector<EventRow> events;
  std::size_t bytes = 0;
  TRY_ASSIGN(Query query,
             database_->query(Table<EventRow>::kSelectAfter,
                              static_cast<std::int64_t>(after),
                              static_cast<std::int64_t>(max_events)));
  while (events.empty() || bytes < max_bytes) {
    TRY_ASSIGN(const bool more, query.next());
    if (!more) break;
    const std::uint64_t expected = after + events.size() + 1;
    if (events.empty() && static_cast<std::uint64_t>(query.integer(1)) != expected) {
      return Error(Code::kOutOfRange, fmt::format("event {} is no longer kept", expected))
          .with_reason("CURSOR_TOO_OLD");
    }
    Result<EventRow> event = checked_row<EventRow>(query);
    if (!event || event->sequence != expected) {
      if (!events.empty()) break;  // what precedes it is good
      return Error(Code::kDataLoss, fmt::format("event {} is damaged", expected))
          .with_reason("RECORD_DAMAGED");
    }
    bytes += event->blob.size();
    events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace skerry::store
