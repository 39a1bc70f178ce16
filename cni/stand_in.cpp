#include "cni/stand_in.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "cni/cni_result.h"
#include "cni/json.h"
#include "cni/link.h"

namespace skerry::cni {
namespace {

Result<UniqueFd> enter_new_namespace(const std::string& interface,
                                     const std::vector<IpPrefix>& addresses) {
  if (::unshare(CLONE_NEWNET) != 0) return Error::from_errno(errno, "make network namespace");
  TRY(add_veth_link(interface, addresses));
  UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "open network namespace");
  return fd;
}

/// In a thread that ends here, because one that failed to come back from the new namespace could
/// not be used for anything else.
Result<UniqueFd> make_namespace(const std::string& interface,
                                const std::vector<IpPrefix>& addresses) {
  Result<UniqueFd> made = Error(Code::kInternal, "thread did not run");
  std::thread thread([&] { made = enter_new_namespace(interface, addresses); });
  thread.join();
  return made;
}

/// In a thread of its own for the same reason.
bool lacks_interface(const std::string& netns, const std::string& interface) {
  const UniqueFd fd(::open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return true;
  bool lacks = false;
  std::thread thread([&] {
    if (::setns(fd.get(), CLONE_NEWNET) != 0) return;
    lacks = ::if_nametoindex(interface.c_str()) == 0 && errno == ENODEV;
  });
  thread.join();
  return lacks;
}

}  // namespace

bool StandInNamespace::is_needed_by(const PluginConfig& plugin,
                                    const std::string& netns,
                                    const std::string& interface) {
  if (plugin.type != "bridge" && plugin.type != "ptp") return false;
  if (!netns.empty() && !lacks_interface(netns, interface)) return false;
  const auto json = parse_object(plugin.bytes);
  if (!json) return false;
  const auto masquerades = bool_member(*json, "ipMasq");
  return masquerades && *masquerades;
}

Result<std::string> StandInNamespace::path() {
  if (arguments_.previous_result.empty()) return std::string();
  if (!fd_) {
    TRY_ASSIGN(const CniResult result, parse_result(arguments_.previous_result, version_));
    std::vector<IpPrefix> addresses;
    addresses.reserve(result.ips.size());
    for (const ResultIp& ip : result.ips) addresses.push_back(ip.address);
    auto made = make_namespace(arguments_.interface, addresses);
    if (!made) return std::move(made).error().wrap("stand in for the namespace that is gone");
    fd_ = std::move(*made);
  }
  return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_.get());
}

}  // namespace skerry::cni
