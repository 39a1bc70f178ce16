// The first process of a pod's shared pid namespace: no program, but a fork of the launcher that
// stays.
#pragma once

namespace skerry::launcher {

/// Blocks the signals the init waits for, so that none is lost before it does.
void hold_init_signals();

/// Closes every descriptor, then reaps whatever becomes its child, until SIGTERM ends it with 0.
/// Its end is that of every process in its namespace. Call hold_init_signals() before.
[[noreturn]] void run_pod_init();

}  // namespace skerry::launcher
