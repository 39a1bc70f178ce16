// Where a Docker volume plugin listens: found by its name, in directories that are passed in.
//
// In this order, the first hit wins, as Docker does it:
//   each socket directory   NAME.sock, NAME/NAME.sock                       (a socket)
//   each spec directory     NAME.spec, NAME/NAME.spec, NAME.json, NAME/NAME.json
// A .spec file is one line with a URL; a .json file an object with "Addr", the URL. A socket may be
// there with nobody behind it, or with systemd: that is found out by connecting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skerry::volumes {

struct PluginDirs {
  std::vector<std::string> sockets = {};
  std::vector<std::string> specs = {};
};

/// The path of the plugin's socket. `name` has passed check_driver_name(). Asks the disk each time.
/// Errors: NOT_FOUND, reason VOLUME_DRIVER_NOT_FOUND, naming the directories; those of parsing,
/// with the file's name. Blocks: kernel. Thread: any.
Result<std::string> find_plugin_socket(const PluginDirs& dirs, std::string_view name);

/// Names of all plugins there, sorted; nothing is opened or called. Blocks: kernel. Thread: any.
std::vector<std::string> list_plugins(const PluginDirs& dirs);

/// The socket's path from the text of a file: "unix:///run/x.sock". Errors: UNIMPLEMENTED, reason
/// PLUGIN_ADDRESS_UNSUPPORTED, for tcp, http and https; INVALID_ARGUMENT, reason
/// PLUGIN_SPEC_INVALID. Blocks: never.
Result<std::string> parse_spec(std::string_view text);
Result<std::string> parse_json_spec(std::string_view text);

}  // namespace skerry::volumes
