// A container in the foreground with a terminal: created, attached to, started, so that none of its
// output is missed.
//
//   Create ──► Attach (header) ──► Start ──► session ──► exit code
#pragma once

#include "base/result.h"
#include "cli/client.h"
#include "cli/terminal/session.h"
#include "skerry/v1/container_service.pb.h"

namespace skerry::cli {

/// As run_in_foreground, for a spec with a terminal. A detached container runs on: exit code 0.
/// Signals have to be blocked already (block_session_signals).
Result<int> run_with_terminal(const Client& client,
                              const v1::CreateContainerRequest& request,
                              const std::string& detach_keys);

/// Connects to a container that runs. Gives the exit code as run does, 0 when detached. Errors:
/// those of Attach.
Result<int> attach_to(const Client& client,
                      const v1::AttachContainerRequest::Header& header,
                      SessionOptions options);

/// What a session's end means to our caller.
int exit_code_of(const SessionEnd& end);

/// Passes a signal on to a container; one that has ended takes none.
void pass_on(const Client& client, const v1::ContainerRef& container, int signal);

}  // namespace skerry::cli
