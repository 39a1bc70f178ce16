// What the tables of state.db hold, as values. `record` is opaque to the store: the owner of the
// table encodes what it needs in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace skerry::store {

/// Key: uid.
struct ContainerRow {
  Uid uid;
  std::string tenant{};
  std::string id{};
  std::string name{};   ///< may be empty
  std::string state{};  ///< for people with sqlite3(1); the truth is in the record
  std::string record{};
  bool operator==(const ContainerRow&) const = default;
};

/// A removed id, remembered so that a late retry is refused. Key: (tenant, id).
struct TombstoneRow {
  std::string tenant{};
  std::string id{};
  Uid uid;
  WallTime removed_at{};
  bool operator==(const TombstoneRow&) const = default;
};

/// An undo that is still owed. Key: (kind, key).
struct DebtRow {
  std::string kind{};    ///< which handler pays it
  std::string key{};     ///< the thing owed: an address, a volume reference, a path
  std::string object{};  ///< uid of what incurred it; may be gone
  std::string record{};  ///< what the handler needs
  std::uint32_t attempts = 0;
  WallTime next_attempt{};
  std::string last_error{};
  WallTime created{};
  bool operator==(const DebtRow&) const = default;
};

/// Key: content id.
struct ImageRow {
  std::string content_id{};
  std::string record{};
  bool operator==(const ImageRow&) const = default;
};

/// A name that refers to an image; many names may refer to one. Key: name.
struct ImageNameRow {
  std::string name{};
  std::string content_id{};
  bool operator==(const ImageNameRow&) const = default;
};

/// An operation in flight, recorded when it starts and gone when it has ended. Key: (uid,
/// operation).
struct OperationRow {
  Uid uid;
  std::string operation{};  ///< "create", "start", …
  std::string step{};       ///< where it was when last recorded; may be empty
  std::string boot_id{};
  std::string data{};
  bool operator==(const OperationRow&) const = default;
};

/// A record of one of the newer kinds of object, which share a table: "pod", "exec" … Key: (kind,
/// key).
struct ObjectRow {
  std::string kind{};
  std::string key{};  ///< unique within the kind; mostly a uid
  std::string record{};
  bool operator==(const ObjectRow&) const = default;
};

/// Key: sequence, which grows by one from event to event through all epochs.
struct EventRow {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  WallTime time{};
  std::uint32_t type = 0;
  std::string object{};
  std::string blob{};
  bool operator==(const EventRow&) const = default;
};

/// One record that did not pass its checksum, or its owner's decoder. It has been moved to the
/// quarantine table, where it stays for people to look at.
struct BadRecord {
  std::string table{};
  std::string key{};
  std::string why{};
};

/// All of a table: the good rows, and what was quarantined while they were read.
template <class Row>
struct Loaded {
  std::vector<Row> rows;
  std::vector<BadRecord> bad;
};

}  // namespace skerry::store
