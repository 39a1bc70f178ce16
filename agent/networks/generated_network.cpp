#include "agent/networks/generated_network.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "agent/networks/list_ranges.h"
#include "cni/default_network.h"
#include "cni/link.h"
#include "cni/subnet.h"
#include "os/path.h"

namespace skerry::agent {
namespace {

constexpr const char* kHostLock = "/run/skerry-subnets.lock";
constexpr const char* kFile = "skerry.conflist";
constexpr std::size_t kMaxFile = 1024UL * 1024;

/// Held while one daemon of the host chooses and makes its bridge: milliseconds, and no foreign
/// code.
Result<UniqueFd> lock_host() {
  UniqueFd fd(::open(kHostLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", kHostLock));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    const int error = errno;
    if (error != EINTR) return Error::from_errno(error, fmt::format("lock \"{}\"", kHostLock));
  }
  return fd;
}

std::optional<cni::IpPrefix> subnet_of(const cni::NetworkList& list) {
  const std::vector<ListRange> ranges = ranges_of(list);
  return ranges.empty() ? std::nullopt : cni::IpPrefix::parse(ranges.front().subnet);
}

/// The first address of the subnet, which is the bridge's.
cni::IpPrefix gateway_of(const cni::IpPrefix& subnet) {
  return {cni::IpAddress::v4(subnet.network().address.v4_number() + 1), subnet.length};
}

}  // namespace

GeneratedNetwork::GeneratedNetwork(Options options)
    : options_(std::move(options)), bridge_(cni::bridge_name(options_.daemon_name)) {
  if (options_.candidates.empty()) options_.candidates = cni::default_subnet_candidates();
}

std::string GeneratedNetwork::lease_directory() const { return options_.directory + "/networks"; }

Result<cni::NetworkList> GeneratedNetwork::make_list(const cni::IpPrefix& subnet) const {
  return cni::make_default_network({.name = std::string(kGeneratedNetwork),
                                    .bridge = bridge_,
                                    .subnet = subnet,
                                    .data_dir = lease_directory()});
}

void GeneratedNetwork::load() {
  const auto bytes = os::read_file(options_.directory + "/" + kFile, kMaxFile);
  if (!bytes) return;
  auto list = cni::parse_network_list(*bytes);
  if (!list || !subnet_of(*list) || cni::bridge_of(*list) != bridge_) return;
  remember(*list);
  // Another range is wanted now. What cannot be removed yet is used on.
  if (!is_wanted(*subnet_of(*list)) && !options_.in_use()) static_cast<void>(destroy());
}

bool GeneratedNetwork::is_wanted(const cni::IpPrefix& subnet) const {
  return subnet.length == options_.subnet_length &&
         std::ranges::any_of(options_.candidates,
                             [&](const cni::IpPrefix& range) { return range.overlaps(subnet); });
}

void GeneratedNetwork::remember(const cni::NetworkList& list) {
  const runtime::MutexLock lock(mutex_);
  known_ = list;
}

std::optional<cni::NetworkList> GeneratedNetwork::known() const {
  const runtime::MutexLock lock(mutex_);
  return known_;
}

bool GeneratedNetwork::is_chosen() const { return known().has_value(); }

cni::NetworkList GeneratedNetwork::list() const {
  if (auto list = known()) return *list;
  const cni::IpPrefix first{options_.candidates.front().network().address, options_.subnet_length};
  auto list = make_list(first);
  return list ? *list : cni::NetworkList{.name = std::string(kGeneratedNetwork)};
}

Result<cni::NetworkList> GeneratedNetwork::make_ready() {
  const std::optional<cni::NetworkList> before = known();
  TRY_ASSIGN(auto bridge, cni::inspect_bridge(bridge_));
  if (before && bridge) return *before;
  TRY_ASSIGN(const UniqueFd lock, lock_host());
  // Somebody was first, or the bridge was removed by hand.
  const std::optional<cni::NetworkList> meanwhile = known();
  std::optional<cni::IpPrefix> previous;
  if (meanwhile) previous = subnet_of(*meanwhile);
  TRY_ASSIGN(const cni::NetworkList list, choose(previous));
  TRY_ASSIGN(const UniqueFd directory, os::open_dir(options_.directory));
  TRY(os::write_file_atomic(directory.get(), kFile, list.bytes));
  TRY(cni::add_bridge(bridge_, {gateway_of(*subnet_of(list))}));
  remember(list);
  return list;
}

Result<cni::NetworkList> GeneratedNetwork::choose(
    const std::optional<cni::IpPrefix>& previous) const {
  if (previous && options_.in_use()) return make_list(*previous);
  TRY_ASSIGN(const auto taken, cni::host_prefixes());
  TRY_ASSIGN(const cni::IpPrefix subnet,
             cni::choose_subnet({.candidates = options_.candidates,
                                 .length = options_.subnet_length,
                                 .previous = previous,
                                 .own_interface = bridge_},
                                taken));
  return make_list(subnet);
}

Result<> GeneratedNetwork::destroy() {
  if (options_.in_use()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("network \"{}\" has attachments", kGeneratedNetwork))
        .with_reason("NETWORK_IN_USE");
  }
  TRY(cni::remove_bridge(bridge_));
  TRY_ASSIGN(const UniqueFd directory, os::open_dir(options_.directory));
  TRY(os::remove_tree(directory.get(), "networks"));
  if (::unlinkat(directory.get(), kFile, 0) != 0 && errno != ENOENT) {
    return Error::from_errno(errno, fmt::format("remove \"{}\"", kFile));
  }
  const runtime::MutexLock lock(mutex_);
  known_.reset();
  return {};
}

}  // namespace skerry::agent
