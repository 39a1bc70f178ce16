#include "volumes/plugin/discovery.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/path.h"
#include "volumes/plugin/json.h"
#include "volumes/volume.h"

namespace skerry::volumes {
namespace {

constexpr std::size_t kMaxSpec = 64UL * 1024;
constexpr std::string_view kUnix = "unix://";

using Parser = Result<std::string> (*)(std::string_view);

Error spec_invalid(std::string_view why) {
  return Error(Code::kInvalidArgument, std::string(why)).with_reason("PLUGIN_SPEC_INVALID");
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<std::string> parse_address(std::string_view address) {
  for (const std::string_view scheme : {"tcp://", "http://", "https://"}) {
    if (!address.starts_with(scheme)) continue;
    return Error(Code::kUnimplemented,
                 fmt::format("plugin address \"{}\" is not a unix socket: volume plugins are only "
                             "spoken to on this host",
                             printable(address)))
        .with_reason("PLUGIN_ADDRESS_UNSUPPORTED");
  }
  if (!address.starts_with(kUnix)) {
    return spec_invalid(
        fmt::format("plugin address \"{}\" does not begin with unix://", printable(address)));
  }
  const std::string_view path = address.substr(kUnix.size());
  if (!path.starts_with('/') || path.find_first_of(std::string_view("\0\n\r", 3)) != path.npos) {
    return spec_invalid(
        fmt::format("plugin address \"{}\" has no absolute path", printable(address)));
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return spec_invalid(fmt::format("plugin address \"{}\" is too long for a socket", path));
  }
  return std::string(path);
}

bool is_socket(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

std::array<std::string, 2> places(const std::string& dir,
                                  std::string_view name,
                                  std::string_view ending) {
  return {fmt::format("{}/{}{}", dir, name, ending),
          fmt::format("{}/{}/{}{}", dir, name, name, ending)};
}

/// Absent when there is no such file.
std::optional<Result<std::string>> read_spec(const std::string& path, Parser parse) {
  auto text = os::read_file(path, kMaxSpec);
  if (!text && text.error().code() == Code::kNotFound) return std::nullopt;
  auto socket = text ? parse(*text) : std::move(text);
  if (!socket) return std::move(socket).error().wrap(fmt::format("plugin file \"{}\"", path));
  return socket;
}

/// The name a file in a plugin directory stands for; empty when it stands for none.
std::string plugin_name(const std::filesystem::path& file, const std::set<std::string>& endings) {
  std::string name = file.stem().string();
  if (!endings.contains(file.extension().string()) || !check_driver_name(name)) return {};
  return name;
}

void collect(const std::string& dir,
             const std::set<std::string>& endings,
             std::set<std::string>& names) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    names.insert(plugin_name(path, endings));
    const std::string own = path.filename().string();
    for (const std::string& ending : endings) {
      std::error_code ignored;
      const bool is_there = fs::exists(path / (own + ending), ignored);
      if (is_there) names.insert(plugin_name(own + ending, endings));
    }
  }
}

}  // namespace

Result<std::string> parse_spec(std::string_view text) { return parse_address(trimmed(text)); }

Result<std::string> parse_json_spec(std::string_view text) {
  TRY_ASSIGN(const auto address, string_in_json(text, "Addr"));
  return parse_address(address);
}

Result<std::string> find_plugin_socket(const PluginDirs& dirs, std::string_view name) {
  for (const std::string& dir : dirs.sockets) {
    for (std::string& path : places(dir, name, ".sock")) {
      if (is_socket(path)) return std::move(path);
    }
  }
  for (const std::string& dir : dirs.specs) {
    for (const auto& [ending, parse] :
         {std::pair<std::string_view, Parser>(".spec", parse_spec), {".json", parse_json_spec}}) {
      for (const std::string& path : places(dir, name, ending)) {
        if (auto socket = read_spec(path, parse)) return std::move(*socket);
      }
    }
  }
  return Error(Code::kNotFound,
               fmt::format("volume driver \"{}\" does not exist: no plugin of that name in {}, {}",
                           name,
                           fmt::join(dirs.sockets, ", "),
                           fmt::join(dirs.specs, ", ")))
      .with_reason("VOLUME_DRIVER_NOT_FOUND");
}

std::vector<std::string> list_plugins(const PluginDirs& dirs) {
  std::set<std::string> names;
  for (const std::string& dir : dirs.sockets) collect(dir, {".sock"}, names);
  for (const std::string& dir : dirs.specs) collect(dir, {".spec", ".json"}, names);
  names.erase(std::string());
  return {names.begin(), names.end()};
}

}  // namespace skerry::volumes
