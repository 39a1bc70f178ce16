// What happened to an object and could not be recorded: on a full disk it is true all the same.
#pragma once

#include <functional>

#include "agent/events/event_log.h"
#include "agent/store/transaction.h"

namespace skerry::agent {

/// What else belongs into the transaction of a fact: debts, the end of an operation. Called again
/// when the fact is recorded later, with the object as it is then.
template <class Object>
using RecordMore = std::function<void(Object&, store::Transaction&)>;

template <class Object>
struct UnsavedFact {
  events::NewEvent event;
  RecordMore<Object> more;
};

}  // namespace skerry::agent
