// One call of one plugin: what it is told and where it is found. CNI specification, sections 2–4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cni/network_list.h"
#include "cni/plugin_runner.h"

namespace skerry::cni {

enum class Verb : std::uint8_t { kAdd, kDel, kCheck };

std::string_view verb_text(Verb verb);

/// Where plugins and what they run are found.
struct PluginPaths {
  /// Directories of plugins, in order; CNI_PATH.
  std::vector<std::string> directories = {"/usr/lib/cni", "/opt/cni/bin"};
  /// PATH of the plugins: they run iptables, nsenter.
  std::string search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
};

/// What all plugins of a chain are told alike. Members a verb does not have are empty.
struct CallArguments {
  std::string container;
  std::string interface;
  std::string netns;
  /// CNI_ARGS, checked.
  std::vector<std::pair<std::string, std::string>> args;
  /// All of runtimeConfig that is there to be had: a JSON object, or empty. A plugin gets what it
  /// has the capability for.
  std::string capability_args;
  /// prevResult: a JSON object, or empty.
  std::string previous_result;
};

/// The plugin's standard input. Errors: INVALID_ARGUMENT when a given object is none.
Result<std::string> compose_input(const NetworkList& list,
                                  const PluginConfig& plugin,
                                  const CallArguments& arguments);

/// The plugin's whole environment.
std::vector<std::string> compose_environment(Verb verb,
                                             const CallArguments& arguments,
                                             const PluginPaths& paths);

/// The plugin's path. Errors: FAILED_PRECONDITION, reason CNI_PLUGIN_MISSING, naming the plugin and
/// where it was looked for. Blocks: disk.
Result<std::string> find_plugin(const PluginPaths& paths, const std::string& type);

/// Every plugin of the list, and the IPAM plugins they name, is there. Errors: as find_plugin, with
/// the network. Blocks: disk.
Result<> check_plugins(const PluginPaths& paths, const NetworkList& list);

/// Runs the plugin once and returns what it printed. Errors, all with network, plugin and verb in
/// the message: find_plugin's, the leash's, plugin_error()'s, and INTERNAL with reason
/// CNI_OUTPUT_TOO_LONG. Blocks: up to the operation's deadline. Thread: worker.
Result<std::string> call_plugin(PluginLeash& leash,
                                const PluginPaths& paths,
                                const NetworkList& list,
                                const PluginConfig& plugin,
                                Verb verb,
                                const CallArguments& arguments);

}  // namespace skerry::cni
