// The last step of a container's first process: becoming the program.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace skerry::launcher {

/// Arguments, environment and search list in the form execve(2) takes, made before the barrier so
/// that nothing is left to do after it. Refers to the Exec, which outlives it.
class PreparedExec final {
 public:
  explicit PreparedExec(const plan::Exec& exec);

  /// Runs the program, searched as execvp(3) does: a name without a slash in the PATH of the new
  /// environment; a file that is not allowed is remembered and the search goes on. No shell is
  /// tried for a file without a known format. Returns only to say why not, as an errno value:
  /// ENOENT when there is none, EACCES when there is one that may not be run.
  int run();

 private:
  int search(const std::string& name);

  std::vector<char*> arguments_;
  std::vector<char*> environment_;
  std::string search_path_;
};

/// The value of PATH in the environment; the usual directories when it has none.
std::string search_path_of(const std::vector<std::string>& environment);

}  // namespace skerry::launcher
