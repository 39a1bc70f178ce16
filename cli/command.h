// What every command of `skerry` has in common: how it is registered, its options, its result.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "cli/client.h"

namespace skerry::cli {

/// Exit codes, as Docker's users know them.
constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
/// For run and create: skerry or the daemon failed, not the command.
constexpr int kExitDaemon = 125;
constexpr int kExitNotExecutable = 126;
constexpr int kExitNotFound = 127;
/// Ended by signal N: this and N.
constexpr int kExitSignal = 128;

/// The reason of an error in what was typed: the exit code is kExitUsage.
constexpr std::string_view kUsageReason = "USAGE";

/// What one invocation is about to do. Options are parsed into it, then `action` runs.
struct Invocation {
  std::string host;
  std::string timeout;
  std::string tenant;
  /// Runs before the client, and with it the first thread, is made.
  std::function<void()> before_threads = [] {};
  /// Set by the command that was named; its exit code, or the error to print.
  std::function<Result<int>(const Client&)> action;
  /// What add_commands has named and nobody has configured yet.
  std::map<const CLI::App*, void (*)(CLI::App& app, Invocation& invocation)> unconfigured;
  /// The exit code when `action` gives an error.
  std::function<int(const Error&)> exit_code = [](const Error&) { return kExitFailure; };
};

/// Registers the options of a command, and of those below it the names.
using Configure = void (*)(CLI::App& app, Invocation& invocation);

/// One command. Its options are registered only when it is the one named: a start is short.
struct Command {
  std::string_view name;
  std::string_view summary;
  Configure configure;
};

/// Registers `commands` below `app`; exactly one has to be named.
void add_commands(CLI::App& app, Invocation& invocation, const std::vector<Command>& commands);

/// Registers the options of a command that add_commands has named; once, also when called again.
void configure_command(CLI::App& app, Invocation& invocation);

/// The examples at the end of --help, one a line.
void add_examples(CLI::App& app, const std::vector<std::string>& examples);

/// --tenant.
void add_tenant(CLI::App& app, Invocation& invocation);

/// CONTAINER…, at least one.
void add_containers(CLI::App& app, Invocation& invocation, std::vector<std::string>& containers);

/// CONTAINER, exactly one.
void add_container(CLI::App& app, Invocation& invocation, std::string& container);

/// An option that can be given many times, one value each time.
CLI::Option* add_repeatable(CLI::App& app,
                            const std::string& names,
                            std::vector<std::string>& values,
                            const std::string& help);

/// Writes to stdout at once, all of it; a reader that has gone away ends the process by SIGPIPE.
void print(std::string_view text);

/// Writes to stderr.
void print_error(std::string_view text);

/// "skerry: …" and, where something can be done about it, a second line that says what.
void report(const Error& error);

/// Runs `each` for every one of `items`; reports what fails and goes on. kExitFailure if any did.
int for_each_reporting(const std::vector<std::string>& items,
                       const std::function<Result<>(const std::string&)>& each);

}  // namespace skerry::cli
