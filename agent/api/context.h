// What the services of the API work with: borrowed from main, alive as long as the server.
#pragma once

#include <string>

#include "agent/attach/container_target.h"
#include "agent/config/config.h"
#include "agent/containers/manager.h"
#include "agent/copies/copy_desk.h"
#include "agent/events/event_log.h"
#include "agent/execs/manager.h"
#include "agent/operations/debt_keeper.h"
#include "agent/operations/operation_table.h"
#include "agent/pods/manager.h"
#include "agent/runtime/reactor.h"
#include "agent/runtime/worker_pool.h"

namespace skerry::agent {

class ImageDesk;

struct ApiContext {
  runtime::Reactor& reactor;
  runtime::WorkerPool& workers;
  runtime::Trace& trace;
  const Clock& clock;
  const config::Config& config;
  Host& host;
  SnapshotBoard& board;
  ContainerManager& containers;
  const StandbyShelf* standby;  ///< May be null.
  ContainerAttachments& attachments;
  ExecBoard& exec_board;
  ExecManager& execs;
  CopyDesk& copies;
  PodBoard& pod_board;
  PodManager& pods;
  events::EventLog& events;
  operations::OperationTable& operations;
  operations::DebtKeeper& debts;
  ImageDesk& images;
  WallTime started_at;
  std::string version;
};

}  // namespace skerry::agent
