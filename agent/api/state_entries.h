// Everything recorded about a container, as text for people: GetState.
#pragma once

#include "agent/containers/container.h"
#include "agent/operations/operation_table.h"
#include "agent/store/rows.h"
#include "logs/exit_record.h"
#include "skerry/v1/agent_service.pb.h"

namespace skerry::agent {

/// Sections "record", "checkpoint" and "shim". Thread: any; a record is a value.
void add_record_entries(const Record& record, skerry::v1::GetStateResponse& out);

/// Section "memory": what the daemon holds of it and records nowhere. Thread: reactor.
void add_memory_entries(const Container& container, skerry::v1::GetStateResponse& out);

/// Section "journal": its operations in flight.
void add_journal_entries(const std::vector<operations::OperationInfo>& operations,
                         const std::string& uid,
                         skerry::v1::GetStateResponse& out);

/// Section "debt": what is owed because of it.
void add_debt_entries(const std::vector<store::DebtRow>& debts,
                      const std::string& uid,
                      skerry::v1::GetStateResponse& out);

/// Section "exit record".
void add_exit_entries(const Result<std::optional<logs::ExitRecord>>& exit,
                      skerry::v1::GetStateResponse& out);

}  // namespace skerry::agent
