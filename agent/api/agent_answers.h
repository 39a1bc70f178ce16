// The daemon's values as the API shows them: pure.
#pragma once

#include <string>
#include <vector>

#include "agent/containers/snapshot.h"
#include "agent/operations/operation_table.h"
#include "agent/store/rows.h"
#include "os/host_facts.h"
#include "skerry/v1/agent_service.pb.h"

namespace skerry::agent {

/// How long a step of an operation takes at the most when nothing is wrong: what takes longer is
/// shown as stuck.
std::chrono::nanoseconds step_deadline(const operations::OperationInfo& info);

void fill_operation(const operations::OperationInfo& info,
                    WallTime now,
                    skerry::v1::Operation& out);

void fill_debt(const store::DebtRow& row, skerry::v1::Debt& out);

/// Of the containers; images are not in the snapshot.
void fill_use(const Snapshot& snapshot, skerry::v1::AgentUse& out);

/// `architecture` as uname(2) says it.
void fill_host(const os::HostFacts& facts,
               const std::string& architecture,
               skerry::v1::HostFacts& out);

/// The words of GetAgentResponse.features, sorted.
std::vector<std::string> feature_words(const os::HostFacts& facts);

}  // namespace skerry::agent
