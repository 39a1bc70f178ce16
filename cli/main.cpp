// skerry: the command line of the daemon. Parses, makes one call or a few, prints.

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/command_list.h"
#include "cli/complete.h"
#include "cli/parse/quantity.h"
#include "cli/parse/words.h"

namespace skerry::cli {
namespace {

/// A word where a command of `parent` was expected, and the one that was perhaps meant.
std::string unknown_command(const CLI::App& parent, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : parent.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const auto meant = nearest(word, names);
  return fmt::format(
      "unknown command \"{}\"{}", word, meant ? fmt::format("; did you mean \"{}\"?", *meant) : "");
}

/// The innermost command that was named, and what was typed in front of it: "skerry image".
struct Named {
  const CLI::App* command;
  std::string parents;
};

Named named_command(const CLI::App& app) {
  Named named{&app, ""};
  for (auto below = app.get_subcommands(); !below.empty();
       below = named.command->get_subcommands()) {
    named.parents += (named.parents.empty() ? "" : " ") + named.command->get_name();
    named.command = below.front();
  }
  return named;
}

std::string path_of(const Named& named) {
  return named.parents + (named.parents.empty() ? "" : " ") + named.command->get_name();
}

bool has_commands(const CLI::App& app) {
  return !app.get_subcommands([](const CLI::App*) { return true; }).empty();
}

int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const Named named = named_command(app);
  const auto rest = named.command->remaining();
  std::string message = error.what();
  if (!rest.empty() && rest.front().starts_with('-')) {
    message = fmt::format("unknown option \"{}\"", rest.front());
  } else if (!rest.empty() && has_commands(*named.command)) {
    message = unknown_command(*named.command, rest.front());
  } else if (!rest.empty()) {
    message = fmt::format("unexpected \"{}\"", rest.front());
  } else if (has_commands(*named.command)) {
    message = "a command is required";
  }
  print_error(fmt::format("skerry: {}\n  see: {} --help\n", message, path_of(named)));
  return kExitUsage;
}

Result<int> act(const Invocation& invocation) {
  ClientOptions options;
  if (!invocation.host.empty()) options.host = invocation.host;
  if (!invocation.timeout.empty()) {
    auto timeout = parse_duration(invocation.timeout);
    if (!timeout) return std::move(timeout).error().wrap("--timeout").with_reason(kUsageReason);
    options.timeout = *timeout;
  }
  invocation.before_threads();
  // Never destroyed: with the last channel gRPC would take itself apart, which takes time and ends
  // in nothing that the end of the process does not do as well.
  static const Result<Client> kClient = Client::open(std::move(options));
  if (!kClient) return Error(kClient.error()).with_reason(kUsageReason);
  return invocation.action(*kClient);
}

int run(int argc, char** argv) {
  // Not a command: nothing of what follows it is for CLI11 to understand.
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    print_completion({argv + 2, argv + argc});
    return kExitOk;
  }
  Invocation invocation;
  CLI::App app("Runs containers through skerryd, the daemon on this host.", "skerry");
  build_app(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    const auto [command, parents] = named_command(app);
    print(command == &app ? help_page() : command->help(parents, CLI::AppFormatMode::Normal));
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  if (invocation.host.empty()) {
    const char* host = std::getenv("SKERRY_HOST");  // NOLINT(concurrency-mt-unsafe)
    if (host != nullptr) invocation.host = host;
  }
  const auto code = act(invocation);
  if (code) return *code;
  report(code.error());
  if (code.error().reason() != kUsageReason) return invocation.exit_code(code.error());
  print_error(fmt::format("  see: {} --help\n", path_of(named_command(app))));
  return kExitUsage;
}

}  // namespace
}  // namespace skerry::cli

int main(int argc, char** argv) {
  int code = skerry::cli::kExitFailure;
  try {
    code = skerry::cli::run(argc, argv);
  } catch (const std::exception& error) {
    skerry::cli::print_error(std::string("skerry: ") + error.what() + "\n");
  }
  // Everything was written with write(2). Taking gRPC apart in order costs a millisecond and helps
  // nobody.
  ::_exit(code);
}
