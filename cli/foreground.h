// A container in the foreground: its output here, our input and signals there.
//
//   main thread     Launch ──► ReadLogs (follow) ─────────► end ──► Wait's answer ──► exit code
//                        └───► Wait (EXITED), under way meanwhile
//   helper thread   signals ──► Kill         stdin ──► WriteStdin
#pragma once

#include "base/result.h"
#include "cli/client.h"
#include "skerry/v1/container_service.pb.h"

namespace skerry::cli {

/// Launches and stays until the exit. A signal that comes before the container runs stops it; later
/// ones are passed on to it. Gives the container's exit code: its own, 128 + the signal that ended
/// it, or kExitDaemon when nobody knows. Errors: those of Launch, ReadLogs and Wait.
/// Blocks: until the exit. Signals have to be blocked already (block_relayed_signals).
Result<int> run_in_foreground(const Client& client, const v1::LaunchContainerRequest& request);

/// What run returns for a container's exit.
int exit_code_of(const v1::ExitInfo& exit);

/// What run returns for a launch that failed: 127 and 126 as the reason says, else kExitDaemon.
int exit_code_of_failure(const Error& error);

}  // namespace skerry::cli
