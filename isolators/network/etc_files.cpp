#include "isolators/network/etc_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isolators/filesystem/target.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/proc_files.h"

namespace skerry::isolators {
namespace {

constexpr std::size_t kMaxResolvConf = 64UL * 1024;
/// MAXNS of resolv.h.
constexpr std::size_t kMaxServers = 3;
constexpr const char* kHostResolvConf = "/etc/resolv.conf";
/// Where systemd-resolved writes whom it asks itself.
constexpr const char* kUplinkResolvConf = "/run/systemd/resolve/resolv.conf";

bool is_reachable(const cni::IpAddress& server, bool has_v6) {
  const auto& bytes = server.bytes;
  if (!server.is_v6) return bytes[0] != 127 && bytes[0] != 0;
  if (!has_v6) return false;
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80U;
  const bool loopback_or_any =
      std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; }) &&
      bytes.back() <= 1;
  return !link_local && !loopback_or_any;
}

std::vector<std::string> words(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '\t', ' ');
  std::vector<std::string> out;
  for (const std::string_view word : os::split(spaced, ' ')) out.emplace_back(word);
  return out;
}

Result<UniqueFd> write_etc_file(int dir, const char* name, std::string_view text) {
  constexpr mode_t kReadable = 0644;
  // A new file each time: an old one may still be mounted somewhere.
  if (::unlinkat(dir, name, 0) != 0 && errno != ENOENT) {
    return Error::from_errno(errno, fmt::format("remove \"{}\"", name));
  }
  UniqueFd file(::openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kReadable));
  if (!file) return Error::from_errno(errno, fmt::format("make \"{}\"", name));
  if (::fchmod(file.get(), kReadable) != 0) return Error::from_errno(errno, "fchmod");
  TRY(os::write_all(file.get(), text));
  return file;
}

Result<UniqueFd> open_etc(int base) {
  return os::open_beneath(base, "etc", O_RDONLY | O_DIRECTORY);
}

Result<> add_mount(PlanBuilder& plan,
                   const os::HostPath& source,
                   const std::string& target,
                   bool read_only) {
  TRY(check_target_in_root(plan.fd(plan.root()), target));
  auto mount = os::clone_tree(source, os::MountScope::kOne, {.read_only = read_only});
  if (!mount) return std::move(mount).error().wrap(fmt::format("mount \"{}\"", target));
  // Before the user's own mounts, which may lie on it.
  plan.add(Phase::kPseudo,
           plan::AttachMount{.fd = plan.add_fd(std::move(*mount)),
                             .target = target,
                             .create = plan::TargetKind::kFile});
  return {};
}

}  // namespace

std::string compose_hosts(const EtcContent& content) {
  std::string out = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const cni::IpAddress& address : content.addresses) {
    if (!content.hostname.empty()) out += fmt::format("{}\t{}\n", address.str(), content.hostname);
  }
  for (const HostAlias& alias : content.aliases) {
    out += fmt::format("{}\t{}\n", alias.ip.str(), fmt::join(alias.names, " "));
  }
  return out;
}

std::string compose_resolv_conf(const DnsWish& dns) {
  std::string out;
  for (const cni::IpAddress& server : dns.servers) {
    out += fmt::format("nameserver {}\n", server.str());
  }
  if (dns.servers.empty()) out += "# no name server that could be reached from here is known\n";
  if (!dns.searches.empty()) out += fmt::format("search {}\n", fmt::join(dns.searches, " "));
  if (!dns.options.empty()) out += fmt::format("options {}\n", fmt::join(dns.options, " "));
  return out;
}

DnsWish usable_dns(std::string_view resolv_conf, const std::vector<cni::IpAddress>& addresses) {
  const bool has_v6 = std::ranges::any_of(addresses, &cni::IpAddress::is_v6);
  DnsWish out;
  for (const std::string_view line : os::split(resolv_conf, '\n')) {
    std::vector<std::string> fields = words(line);
    if (fields.size() < 2) continue;
    const std::string keyword = fields.front();
    fields.erase(fields.begin());
    if (keyword == "nameserver") {
      const auto server = cni::IpAddress::parse(fields.front());
      if (server && is_reachable(*server, has_v6) && out.servers.size() < kMaxServers) {
        out.servers.push_back(*server);
      }
    } else if (keyword == "search" || keyword == "domain") {
      // The last of them counts; resolv.conf(5).
      out.searches = fields;
      if (out.searches.size() == 1 && out.searches.front() == ".") out.searches.clear();
    } else if (keyword == "options") {
      out.options.insert(out.options.end(), fields.begin(), fields.end());
    }
  }
  return out;
}

DnsWish reachable_dns(DnsWish dns, const std::vector<cni::IpAddress>& addresses) {
  const bool has_v6 = std::ranges::any_of(addresses, &cni::IpAddress::is_v6);
  std::erase_if(dns.servers,
                [&](const cni::IpAddress& server) { return !is_reachable(server, has_v6); });
  return dns;
}

DnsWish host_dns(const std::vector<cni::IpAddress>& addresses) {
  DnsWish out;
  const auto read = [&](const char* path) {
    const auto text = os::read_file(path, kMaxResolvConf);
    return text ? usable_dns(*text, addresses) : DnsWish();
  };
  out = read(kHostResolvConf);
  if (out.servers.empty()) {
    out = merge_dns(std::move(out), read(kUplinkResolvConf));
  }
  return out;
}

DnsWish merge_dns(DnsWish first, const DnsWish& second) {
  if (first.servers.empty()) first.servers = second.servers;
  if (first.searches.empty()) first.searches = second.searches;
  if (first.options.empty()) first.options = second.options;
  return first;
}

Result<> add_etc_files(PlanBuilder& plan, const std::string& scratch, const EtcContent& content) {
  TRY(write_etc_files(scratch, content));
  return bind_etc_files(plan, scratch);
}

Result<> write_etc_files(const std::string& scratch, const EtcContent& content) {
  constexpr mode_t kPrivate = 0700;
  TRY_ASSIGN(const UniqueFd base, os::open_dir(scratch));
  if (::mkdirat(base.get(), "etc", kPrivate) != 0 && errno != EEXIST) {
    return Error::from_errno(errno, "make directory \"etc\"");
  }
  TRY_ASSIGN(const UniqueFd etc, open_etc(base.get()));
  TRY(write_etc_file(etc.get(), "hosts", compose_hosts(content)));
  TRY(write_etc_file(etc.get(), "resolv.conf", compose_resolv_conf(content.dns)));
  TRY(write_etc_file(etc.get(), "hostname", content.hostname + "\n"));
  return {};
}

Result<> bind_etc_files(PlanBuilder& plan, const std::string& scratch) {
  TRY_ASSIGN(const UniqueFd base, os::open_dir(scratch));
  TRY_ASSIGN(const UniqueFd etc, open_etc(base.get()));
  for (const char* name : {"hosts", "resolv.conf", "hostname"}) {
    TRY_ASSIGN(const UniqueFd file,
               os::open_beneath(etc.get(), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    TRY(add_mount(plan,
                  {.dir = file.get(), .path = {}},
                  fmt::format("/etc/{}", name),
                  /*read_only=*/false));
  }
  return {};
}

Result<> add_host_etc_files(PlanBuilder& plan) {
  for (const char* path : {"/etc/hosts", kHostResolvConf}) {
    if (::access(path, F_OK) != 0) continue;
    TRY(add_mount(plan, {.dir = AT_FDCWD, .path = path}, path, /*read_only=*/true));
  }
  return {};
}

}  // namespace skerry::isolators
