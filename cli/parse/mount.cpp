#include "cli/parse/mount.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/parse/quantity.h"
#include "cli/parse/words.h"

namespace skerry::cli {
namespace {

Error bad(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Result<std::string> host_path(std::string_view text, std::string_view working_directory) {
  if (text.starts_with('/')) return std::string(text);
  if (text == "." || text == ".." || text.starts_with("./") || text.starts_with("../")) {
    return (std::filesystem::path(working_directory) / text).lexically_normal().string();
  }
  return bad(fmt::format("\"{}\" is not a path (write an absolute one, or ./{})", text, text));
}

/// A word that cannot be a path. What is neither is refused as a path.
bool is_volume_name(std::string_view text) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-").find(c) != std::string_view::npos;
  };
  return text.front() != '.' && text.front() != '-' && std::ranges::all_of(text, word);
}

Result<> set_target(v1::Mount& mount, std::string_view target) {
  if (!target.starts_with('/')) {
    return bad(fmt::format("mount target \"{}\" is not an absolute path", target));
  }
  mount.set_target(std::string(target));
  return {};
}

Result<std::uint32_t> parse_mode(std::string_view text) {
  constexpr std::uint32_t kLargest = 07777;
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || mode > kLargest) {
    return bad(fmt::format("\"{}\" is not an octal mode (such as 1777)", text));
  }
  return mode;
}

Result<> apply_tmpfs_option(std::string_view option, v1::Mount& mount) {
  v1::TmpfsMount& tmpfs = *mount.mutable_tmpfs();
  if (option.starts_with("size=")) {
    TRY_ASSIGN(const auto size, parse_bytes(option.substr(5)));
    tmpfs.set_size_bytes(size.value());
  } else if (option.starts_with("mode=")) {
    TRY_ASSIGN(const auto mode, parse_mode(option.substr(5)));
    tmpfs.set_mode(mode);
  } else if (option == "ro" || option == "rw") {
    mount.set_read_only(option == "ro");
  } else if (option == "exec" || option == "noexec") {
    tmpfs.set_exec(option == "exec");
  } else if (option != "nosuid" && option != "nodev") {
    // Those two hold for every tmpfs the daemon makes.
    return bad(fmt::format(
        "tmpfs option \"{}\" is not one of size=, mode=, ro, rw, exec, noexec, nosuid, nodev",
        option));
  }
  return {};
}

/// The fields of --mount, before it is known of which type it is.
struct MountFields {
  std::string type;
  std::string source;
  std::string target;
  bool read_only = false;
  bool recursive = true;
  std::string driver;
  std::vector<std::string> driver_options;
  std::string size;
  std::string mode;
};

Result<> set_field(MountFields& fields, std::string_view key, std::string_view value) {
  if (key == "type") {
    fields.type = value;
  } else if (key == "source" || key == "src") {
    fields.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    fields.target = value;
  } else if ((key == "readonly" || key == "ro") && (value.empty() || value == "true")) {
    fields.read_only = true;
  } else if ((key == "readonly" || key == "ro") && value == "false") {
    fields.read_only = false;
  } else if (key == "bind-nonrecursive" && (value.empty() || value == "true")) {
    fields.recursive = false;
  } else if (key == "volume-driver" && !value.empty()) {
    fields.driver = value;
  } else if (key == "volume-opt" && !value.empty()) {
    fields.driver_options.emplace_back(value);
  } else if (key == "tmpfs-size" && !value.empty()) {
    fields.size = value;
  } else if (key == "tmpfs-mode" && !value.empty()) {
    fields.mode = value;
  } else {
    return bad(fmt::format("does not know \"{}{}{}\"", key, value.empty() ? "" : "=", value));
  }
  return {};
}

Result<v1::Mount> make_bind(const MountFields& fields, std::string_view working_directory) {
  v1::Mount mount;
  if (!fields.size.empty() || !fields.mode.empty()) return bad("tmpfs-… is for type=tmpfs");
  if (fields.source.empty()) return bad("type=bind needs source=PATH");
  TRY_ASSIGN(auto source, host_path(fields.source, working_directory));
  mount.mutable_bind()->set_source(std::move(source));
  if (!fields.recursive) mount.mutable_bind()->set_recursive(false);
  return mount;
}

Result<v1::Mount> make_tmpfs(const MountFields& fields) {
  v1::Mount mount;
  mount.mutable_tmpfs();
  if (!fields.source.empty() || !fields.recursive) return bad("type=tmpfs takes no source");
  if (!fields.size.empty()) TRY(apply_tmpfs_option("size=" + fields.size, mount));
  if (!fields.mode.empty()) TRY(apply_tmpfs_option("mode=" + fields.mode, mount));
  return mount;
}

Result<v1::Mount> make_volume(const MountFields& fields) {
  v1::Mount mount;
  if (!fields.recursive || !fields.size.empty() || !fields.mode.empty()) {
    return bad("type=volume takes source=, target=, readonly, volume-driver= and volume-opt=");
  }
  if (fields.source.empty()) return bad("type=volume needs source=NAME");
  v1::VolumeMount& volume = *mount.mutable_volume();
  volume.set_name(fields.source);
  volume.set_driver(fields.driver);
  for (const std::string& text : fields.driver_options) {
    TRY_ASSIGN(auto pair, parse_pair("volume-opt", text));
    (*volume.mutable_options())[pair.first] = std::move(pair.second);
  }
  return mount;
}

Result<v1::Mount> make_of_type(const MountFields& fields, std::string_view working_directory) {
  if (fields.type == "volume") return make_volume(fields);
  if (!fields.driver.empty() || !fields.driver_options.empty()) {
    return bad("volume-… is for type=volume");
  }
  if (fields.type == "bind") return make_bind(fields, working_directory);
  if (fields.type == "tmpfs") return make_tmpfs(fields);
  return bad(fmt::format("type=\"{}\" is not bind, volume or tmpfs", fields.type));
}

Result<v1::Mount> make_mount(std::string_view text, std::string_view working_directory) {
  MountFields fields;
  for (const std::string& part : split(text, ',')) {
    const auto equals = part.find('=');
    const auto value = equals == std::string::npos ? "" : part.substr(equals + 1);
    TRY(set_field(fields, part.substr(0, equals), value));
  }
  TRY_ASSIGN(auto mount, make_of_type(fields, working_directory));
  TRY(set_target(mount, fields.target));
  mount.set_read_only(fields.read_only);
  return mount;
}

}  // namespace

Result<v1::Mount> parse_volume(std::string_view text, std::string_view working_directory) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty()) {
    return bad(fmt::format("-v takes HOST:TARGET[:ro], not \"{}\"", text));
  }
  v1::Mount mount;
  if (is_volume_name(parts[0])) {
    mount.mutable_volume()->set_name(parts[0]);
  } else {
    auto source = host_path(parts[0], working_directory);
    if (!source) return std::move(source).error().wrap("-v");
    mount.mutable_bind()->set_source(std::move(*source));
  }
  if (const auto target = set_target(mount, parts[1]); !target) {
    return Error(target.error()).wrap("-v");
  }
  for (const std::string& option : split(parts.size() == 3 ? parts[2] : "", ',')) {
    if (option != "ro" && option != "rw") {
      return bad(fmt::format("-v option \"{}\" is not ro or rw", option));
    }
    mount.set_read_only(option == "ro");
  }
  return mount;
}

Result<v1::Mount> parse_tmpfs(std::string_view text) {
  const auto colon = text.find(':');
  v1::Mount mount;
  mount.mutable_tmpfs();
  if (const auto target = set_target(mount, text.substr(0, colon)); !target) {
    return Error(target.error()).wrap("--tmpfs");
  }
  if (colon == std::string_view::npos) return mount;
  for (const std::string& option : split(text.substr(colon + 1), ',')) {
    if (auto applied = apply_tmpfs_option(option, mount); !applied) {
      return std::move(applied).error().wrap("--tmpfs");
    }
  }
  return mount;
}

Result<v1::Mount> parse_mount(std::string_view text, std::string_view working_directory) {
  auto mount = make_mount(text, working_directory);
  if (!mount) return std::move(mount).error().wrap(fmt::format("--mount \"{}\"", text));
  return mount;
}

}  // namespace skerry::cli
