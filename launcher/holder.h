// The holder: the launcher's parent, and all that must never restart.
#pragma once

#include "launcher/zygote.h"

namespace skerry::launcher {

/// Keeps the listening socket, forks the launcher and forks it again whenever it ends (at most ten
/// times a second), and reaps shims whose launcher is gone. Ignores the signals that would end it;
/// SIGKILL ends it and the launcher, and leaves shims and containers as they are. Does not return.
/// Thread: the only one.
[[noreturn]] void run_holder(const ZygoteArguments& arguments);

}  // namespace skerry::launcher
