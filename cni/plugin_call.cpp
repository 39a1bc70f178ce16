#include "cni/plugin_call.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cni/json.h"
#include "cni/plugin_error.h"

namespace skerry::cni {
namespace {

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// runtimeConfig: what the plugin can use of what there is.
Result<Json> runtime_config(const PluginConfig& plugin, const std::string& capability_args) {
  Json out = Json::object();
  if (capability_args.empty()) return out;
  TRY_ASSIGN(const Json all, parse_object(capability_args));
  for (const std::string& capability : plugin.capabilities) {
    if (const auto found = all.find(capability); found != all.end()) out[capability] = *found;
  }
  return out;
}

std::string join_args(const std::vector<std::pair<std::string, std::string>>& args) {
  std::string out;
  for (const auto& [key, value] : args)
    out += fmt::format("{}{}={}", out.empty() ? "" : ";", key, value);
  return out;
}

std::string ipam_type(const PluginConfig& plugin) {
  const auto json = parse_object(plugin.bytes);
  if (!json) return {};
  const auto ipam = object_member(*json, "ipam");
  if (!ipam || *ipam == nullptr) return {};
  const auto type = string_member(**ipam, "type");
  return type ? *type : std::string();
}

Result<std::string> run_plugin(PluginLeash& leash,
                               const PluginPaths& paths,
                               const NetworkList& list,
                               const PluginConfig& plugin,
                               Verb verb,
                               const CallArguments& arguments) {
  os::Command command;
  TRY_ASSIGN(command.program, find_plugin(paths, plugin.type));
  command.arguments = {command.program};
  command.environment = compose_environment(verb, arguments, paths);
  command.directory = "/";
  command.dies_with_parent = true;
  TRY_ASSIGN(const std::string input, compose_input(list, plugin, arguments));
  TRY_ASSIGN(os::Output output, leash.run(std::move(command), input));
  if (output.status.signal != 0 || output.status.code != 0) return plugin_error(output);
  if (output.truncated || output.out.size() > kMaxDocument)
    return Error(Code::kInternal, "it printed more than an answer can be")
        .with_reason("CNI_OUTPUT_TOO_LONG");
  return std::move(output.out);
}

}  // namespace

std::string_view verb_text(Verb verb) {
  switch (verb) {
    case Verb::kAdd:
      return "ADD";
    case Verb::kDel:
      return "DEL";
    case Verb::kCheck:
      return "CHECK";
  }
  return "";
}

Result<std::string> compose_input(const NetworkList& list,
                                  const PluginConfig& plugin,
                                  const CallArguments& arguments) {
  TRY_ASSIGN(Json json, parse_object(plugin.bytes));
  json.erase("capabilities");
  json.erase("cniVersions");
  json["cniVersion"] = version_text(list.version);
  json["name"] = list.name;
  TRY_ASSIGN(Json runtime, runtime_config(plugin, arguments.capability_args));
  if (!runtime.empty()) json["runtimeConfig"] = std::move(runtime);
  if (!arguments.previous_result.empty()) {
    TRY_ASSIGN(json["prevResult"], parse_object(arguments.previous_result));
  }
  return to_text(json);
}

std::vector<std::string> compose_environment(Verb verb,
                                             const CallArguments& arguments,
                                             const PluginPaths& paths) {
  std::vector<std::string> out = {
      fmt::format("CNI_COMMAND={}", verb_text(verb)),
      fmt::format("CNI_PATH={}", fmt::join(paths.directories, ":")),
      "PATH=" + paths.search,
  };
  out.push_back("CNI_CONTAINERID=" + arguments.container);
  out.push_back("CNI_IFNAME=" + arguments.interface);
  out.push_back("CNI_NETNS=" + arguments.netns);
  out.push_back("CNI_ARGS=" + join_args(arguments.args));
  return out;
}

Result<std::string> find_plugin(const PluginPaths& paths, const std::string& type) {
  TRY(check_name("plugin", type));
  for (const std::string& directory : paths.directories) {
    std::string path = fmt::format("{}/{}", directory, type);
    if (is_program(path)) return path;
  }
  return Error(Code::kFailedPrecondition,
               fmt::format("plugin \"{}\" is not in {}",
                           type,
                           paths.directories.empty()
                               ? "any directory: none is configured"
                               : fmt::format("\"{}\"", fmt::join(paths.directories, "\" or \""))))
      .with_reason("CNI_PLUGIN_MISSING")
      .with_object(type);
}

Result<> check_plugins(const PluginPaths& paths, const NetworkList& list) {
  for (const PluginConfig& plugin : list.plugins) {
    for (const std::string& type : {plugin.type, ipam_type(plugin)}) {
      if (type.empty()) continue;
      auto found = find_plugin(paths, type);
      if (!found) return std::move(found).error().wrap(fmt::format("network \"{}\"", list.name));
    }
  }
  return {};
}

Result<std::string> call_plugin(PluginLeash& leash,
                                const PluginPaths& paths,
                                const NetworkList& list,
                                const PluginConfig& plugin,
                                Verb verb,
                                const CallArguments& arguments) {
  auto answer = run_plugin(leash, paths, list, plugin, verb, arguments);
  if (answer) return answer;
  return std::move(answer).error().wrap(
      fmt::format("network \"{}\": plugin \"{}\": {}", list.name, plugin.type, verb_text(verb)));
}

}  // namespace skerry::cni
