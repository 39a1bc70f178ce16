// What every piece of work on volumes needs, once the daemon runs.
#pragma once

#include <chrono>
#include <stop_token>

#include "agent/operations/debt_keeper.h"
#include "agent/operations/failpoint.h"
#include "agent/runtime/trace.h"
#include "agent/store/store.h"
#include "agent/volumes/reactor_door.h"
#include "agent/volumes/volume_book.h"
#include "volumes/drivers.h"
#include "volumes/lanes.h"

namespace skerry::agent {

struct VolumeTools {
  volumes::Drivers& drivers;
  volumes::Lanes& lanes;
  VolumeBook& book;
  ReactorDoor& door;
  operations::DebtKeeper& debts;
  store::Store& store;
  const operations::FailpointRegistry& failpoints;
  runtime::Trace& trace;
  std::chrono::milliseconds mount_deadline;    ///< for all a volume's mounting takes, or its making
  std::chrono::milliseconds unmount_deadline;  ///< the same of unmounting, or its removal
  std::stop_token closing;                     ///< the daemon ends: no call is waited for any more
};

/// Whether the driver is foreign code, or may hang as such does: all but the daemon's own disk.
inline bool is_foreign_driver(std::string_view driver) { return driver != "local"; }

}  // namespace skerry::agent
