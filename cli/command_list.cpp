#include "cli/command_list.h"

#include <string_view>

#include <fmt/format.h>

#include "cli/commands/commands.h"

namespace skerry::cli {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> kCommands = {
      {"run", "Create and start a container", configure_run},
      {"create", "Create a container only", configure_create},
      {"start", "Start containers", configure_start},
      {"stop", "Signal, grace, kill", configure_stop},
      {"kill", "Send a signal", configure_kill},
      {"rm", "Remove containers", configure_remove},
      {"wait", "Wait for exits, print codes", configure_wait},
      {"pause", "Freeze containers", configure_pause},
      {"unpause", "Let them go on", configure_unpause},
      {"update", "Change limits and labels", configure_update},
      {"ps", "List containers", configure_ps},
      {"inspect", "Print all about containers", configure_inspect},
      {"logs", "Print what one wrote", configure_logs},
      {"top", "Show its processes", configure_top},
      {"stats", "Show what containers use", configure_stats},
      {"events", "Print what happens", configure_events},
      {"exec", "Run a command inside", configure_exec},
      {"execs", "List such commands", configure_execs},
      {"attach", "See its output, type to it", configure_attach},
      {"cp", "Copy files in and out", configure_copy},
      {"image", "Import, list, remove images", configure_image},
      {"pod", "Containers on one network", configure_pod},
      {"network", "List networks", configure_network},
      {"volume", "Data that stays", configure_volume},
      {"info", "The daemon and its host", configure_info},
      {"version", "Of client and daemon", configure_version},
      {"debug", "Look inside the daemon", configure_debug},
      {"completion", "For bash, zsh and fish", configure_completion},
  };
  return kCommands;
}

std::string help_page() {
  std::string text =
      "Runs containers through skerryd, the daemon on this host.\n\n"
      "Usage: skerry [-H SOCKET] [--timeout TIME] COMMAND ...\n\n";
  const auto& commands = all_commands();
  const std::size_t rows = (commands.size() + 1) / 2;
  for (std::size_t i = 0; i < rows; ++i) {
    text += fmt::format("  {:<9}{:<30}", commands[i].name, commands[i].summary);
    const std::size_t right = i + rows;
    if (right < commands.size()) {
      text += fmt::format("{:<11}{}", commands[right].name, commands[right].summary);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  text +=
      "\nExamples:   skerry run -it --rm busybox sh\n"
      "            skerry run -d --name web -p 8080:80 -v /srv:/www busybox httpd -f\n"
      "            skerry exec -it web sh; skerry logs -f web; skerry debug leaks\n"
      "More:       skerry COMMAND --help; exit codes: skerry run --help\n";
  return text;
}

void build_app(CLI::App& app, Invocation& invocation) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.add_option("-H,--host",
                 invocation.host,
                 "The daemon's socket (default: $SKERRY_HOST or "
                 "unix:///run/skerry/skerryd.sock)");
  app.add_option("--timeout", invocation.timeout, "Longest time for a call, such as 30s");
  add_commands(app, invocation, all_commands());
}

}  // namespace skerry::cli
