#include "cni/network_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "cni/directory.h"
#include "cni/json.h"
#include "os/path.h"

namespace skerry::cni {
namespace {

constexpr std::size_t kMaxFiles = 1024;

/// A regular file, so that a fifo in the directory holds nobody up.
Result<std::string> read_config(int dir, const std::string& name) {
  const UniqueFd fd(::openat(dir, name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", name));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Error::from_errno(errno, "fstat");
  if (!S_ISREG(status.st_mode)) return Error(Code::kInvalidArgument, "not a regular file");
  return os::read_file(fd.get(), kMaxDocument);
}

/// The list with the plugins of the directory that bears its name.
Result<NetworkList> add_plugins_beside(int dir, NetworkList list) {
  if (list.inlined_only) return list;
  auto beside = os::open_dir_at(dir, list.name);
  std::vector<std::string> plugins;
  if (beside) {
    TRY_ASSIGN(const auto names, list_names(beside->get(), kMaxFiles));
    for (const std::string& name : names) {
      if (!name.ends_with(".conf")) continue;
      auto text = read_config(beside->get(), name);
      if (!text) return std::move(text).error().wrap(fmt::format("\"{}/{}\"", list.name, name));
      plugins.push_back(std::move(*text));
    }
  } else if (beside.error().code() != Code::kNotFound) {
    return std::move(beside).error();
  }
  if (plugins.empty() && list.plugins.empty())
    return Error(Code::kInvalidArgument, fmt::format("network \"{}\" has no plugin", list.name))
        .with_reason("NETWORK_INVALID");
  if (plugins.empty()) return list;
  return with_plugins(list, plugins);
}

Result<NetworkList> load_file(int dir, const std::string& file) {
  TRY_ASSIGN(const std::string bytes, read_config(dir, file));
  if (!file.ends_with(".conflist")) return parse_network_conf(bytes);
  TRY_ASSIGN(NetworkList list, parse_network_list(bytes));
  return add_plugins_beside(dir, std::move(list));
}

void take(LoadedNetworks& loaded, const std::string& file, Result<NetworkList> list) {
  if (!list) {
    loaded.refused.push_back({file, std::move(list).error().wrap(fmt::format("\"{}\"", file))});
    return;
  }
  if (std::ranges::find(loaded.networks, list->name, &NetworkList::name) != loaded.networks.end()) {
    loaded.refused.push_back(
        {file,
         Error(Code::kAlreadyExists,
               fmt::format("\"{}\": network \"{}\" is in an earlier file", file, list->name))
             .with_reason("NETWORK_DUPLICATE")});
    return;
  }
  loaded.networks.push_back(std::move(*list));
}

}  // namespace

Result<LoadedNetworks> load_networks(int dir) {
  TRY_ASSIGN(std::vector<std::string> files, list_names(dir, kMaxFiles));
  const auto is_list = [](const std::string& name) { return name.ends_with(".conflist"); };
  std::erase_if(files, [&](const std::string& name) {
    return !is_list(name) && !name.ends_with(".conf") && !name.ends_with(".json");
  });
  std::ranges::stable_partition(files, is_list);
  LoadedNetworks loaded;
  for (const std::string& file : files) take(loaded, file, load_file(dir, file));
  return loaded;
}

}  // namespace skerry::cni
