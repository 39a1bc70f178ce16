// Terminals of one devpts instance, by descriptor: no path is walked that somebody else could have
// put in place.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct Pty {
  UniqueFd master;  ///< Non-blocking.
  UniqueFd slave;
};

/// A new terminal of the devpts whose root directory is `devpts` (O_PATH is enough), whatever is
/// mounted over it or in it. Nobody's controlling terminal yet. Errors: FAILED_PRECONDITION (EXDEV,
/// ENODEV) when that is no devpts, or its ptmx is covered by another file. Kernel: 4.13,
/// TIOCGPTPEER; pty(7).
Result<Pty> open_pty(int devpts, WindowSize size);

/// Whether the descriptor is the root directory of a devpts.
bool is_devpts_root(int fd);

/// Of either end; whoever is in the foreground gets SIGWINCH.
Result<> set_window_size(int terminal, WindowSize size);

}  // namespace skerry::os
