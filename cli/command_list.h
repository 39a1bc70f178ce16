// Every command there is, and the page that lists them.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace skerry::cli {

/// In the order of the help.
const std::vector<Command>& all_commands();

/// `skerry --help`: one screen of 80 columns and 24 lines.
std::string help_page();

/// Registers the options in front of a command, and the commands.
void build_app(CLI::App& app, Invocation& invocation);

}  // namespace skerry::cli
