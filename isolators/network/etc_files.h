// The files in /etc that tell programs about the network: hosts, hostname, resolv.conf. Composed by
// pure functions, written on the host, bound into the container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/network/network_settings.h"
#include "isolators/plan_builder.h"

namespace skerry::isolators {

struct EtcContent {
  std::string hostname;
  /// The pod's own, of its first network.
  std::vector<cni::IpAddress> addresses;
  std::vector<HostAlias> aliases;
  DnsWish dns;
};

/// hosts(5): localhost, the pod, the aliases.
std::string compose_hosts(const EtcContent& content);
/// resolv.conf(5). Without a server it says so in a comment, since programs then ask 127.0.0.1,
/// where nobody answers.
std::string compose_resolv_conf(const DnsWish& dns);

/// What a resolv.conf says that a container with these addresses can use: no loopback or link-local
/// servers, no IPv6 ones without an IPv6 address. At most three servers, as the C library reads.
DnsWish usable_dns(std::string_view resolv_conf, const std::vector<cni::IpAddress>& addresses);

/// Without the servers that usable_dns() would leave out.
DnsWish reachable_dns(DnsWish dns, const std::vector<cni::IpAddress>& addresses);

/// What the host's resolv.conf says that is usable; behind a local resolver of systemd's, what that
/// one asks. Blocks: disk. Thread: worker.
DnsWish host_dns(const std::vector<cni::IpAddress>& addresses);

/// `first` where it says something, else `second`.
DnsWish merge_dns(DnsWish first, const DnsWish& second);

/// Writes the three files into SCRATCH/etc and adds them to the plan, over whatever the image has
/// there. `scratch` is the container's own directory on the disk and not the run directory: they
/// are writable inside, as programs expect, and must not fill the host's memory. Errors: by errno;
/// FAILED_PRECONDITION, reason MOUNT_TARGET_REFUSED, for an image whose links lead elsewhere.
/// Blocks: disk. Thread: worker.
Result<> add_etc_files(PlanBuilder& plan, const std::string& scratch, const EtcContent& content);

/// Its two halves, for containers that share the files of their pod. Errors and thread: as above.
Result<> write_etc_files(const std::string& scratch, const EtcContent& content);
Result<> bind_etc_files(PlanBuilder& plan, const std::string& scratch);

/// Adds the host's own hosts and resolv.conf to the plan, read-only: for containers on its network.
/// Errors and thread: as above.
Result<> add_host_etc_files(PlanBuilder& plan);

}  // namespace skerry::isolators
