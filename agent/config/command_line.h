// skerryd's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "base/result.h"

namespace skerry::config {

enum class Action : std::uint8_t {
  kRun,
  kPrint,           ///< print `text` and exit with 0: --help, --version
  kListFailpoints,  ///< print the names of all failpoints, one a line
};

struct Invocation {
  Action action = Action::kRun;
  std::string text;  ///< kPrint
  Config config;     ///< kRun: complete and checked
};

/// Reads the arguments (without the program's name), and the file they or the default name.
/// Errors: INVALID_ARGUMENT (reason USAGE: the arguments; CONFIG_INVALID: file or values);
/// NOT_FOUND when the file given with --config is not there. Blocks: kernel (reads a file).
Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                      std::string_view version);

}  // namespace skerry::config
