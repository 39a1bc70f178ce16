#include "agent/networks/attacher.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "agent/containers/host.h"
#include "agent/networks/attached_names.h"
#include "agent/networks/kill_on_stop.h"
#include "agent/networks/membership.h"
#include "cni/port_probe.h"
#include "isolators/network/etc_files.h"

namespace skerry::agent {
namespace {

using isolators::AttachRequest;
using isolators::NetworkMembership;
using isolators::NetworkRecord;
using isolators::NetworkSettings;
using isolators::NetworkWish;
using namespace std::chrono_literals;

constexpr auto kLauncherDeadline = 10s;
constexpr std::size_t kAttemptBytes = 8;

Result<> probe(const std::vector<cni::PortMapping>& ports) {
  auto probed = cni::probe_host_ports(ports);
  if (probed || probed.error().reason() != "PORT_TAKEN") return probed;
  return Error(Code::kAlreadyExists,
               fmt::format("{}: another process of the host has it", probed.error().message()))
      .with_reason("PORT_TAKEN");
}

std::string operation_name(const Uid& uid, const std::string& interface, std::string_view verb) {
  return fmt::format("{}-{}-{}", uid.str(), interface, verb);
}

}  // namespace

struct Attacher::Pending {
  Sandbox sandbox;
  NetworkRecord record;
  isolators::DnsWish dns;
};

Attacher::Attacher(Options options, Host& host, NetworkBook& book, PortTable& ports)
    : options_(std::move(options)), host_(host), book_(book), ports_(ports) {}

void Attacher::open(const Running& running) {
  running_.emplace(running);
  runtime_.emplace(cni::RuntimeConfig{.paths = options_.paths,
                                      .cache_dir = running.cache_dir,
                                      .undo_deadline = options_.detach_deadline},
                   running.runner);
}

void Attacher::declare_failpoints(operations::FailpointRegistry& failpoints) {
  for (const char* place : {"network.sandbox",
                            "network.attach",
                            "network.attached",
                            "network.detach",
                            "network.drop"}) {
    failpoints.declare(place);
  }
}

void Attacher::restore(const Uid& uid, const std::string& owner, const NetworkRecord& record) {
  ports_.restore(uid, owner, record.ports);
  ledger_.begin(uid, record.attempt);
}

Result<> Attacher::check(const Uid& uid, const NetworkSettings& settings) const {
  // Who is attached needs nothing any more: an exec in it is no reason to refuse.
  if (ledger_.is_held(uid)) return {};
  const auto table = book_.table();
  for (const NetworkWish& wish : settings.networks) {
    TRY_ASSIGN(const KnownNetwork network, find_network(*table, wish.network));
    TRY(check_network_plugins(options_.paths, network.list));
    const cni::Attachment attachment = make_attachment(uid, settings, wish, "/proc/self/ns/net");
    TRY(cni::check_attachment(attachment));
    TRY(cni::check_capabilities(network.list, attachment));
  }
  if (settings.ports.empty()) return {};
  TRY(ports_.check(uid, settings.ports));
  return probe(settings.ports);
}

// --- attach ---------------------------------------------------------------------------------

Result<isolators::AttachedSandbox> Attacher::attach(const AttachRequest& request) {
  const operations::AttemptLedger::Turn turn = ledger_.enter(request.uid);
  TRY(ports_.reserve(request.uid, request.settings.owner, request.settings.ports));
  Pending pending;
  pending.record.attempt = random_hex(kAttemptBytes);
  pending.record.ports = request.settings.ports;
  ledger_.begin(request.uid, pending.record.attempt);
  auto attached = attach_all(request, pending);
  if (!attached) return undo(request, pending.record, std::move(attached).error());
  return isolators::AttachedSandbox{.net = std::move(pending.sandbox.net),
                                    .ipc = std::move(pending.sandbox.ipc),
                                    .uts = std::move(pending.sandbox.uts),
                                    .record = std::move(pending.record),
                                    .dns = std::move(pending.dns)};
}

Result<> Attacher::attach_all(const AttachRequest& request, Pending& pending) {
  TRY(probe(request.settings.ports));
  // Whatever an earlier attempt still holds is this one's now; its debt, if there is one, is paid
  // by that.
  TRY_ASSIGN(const auto leftovers, recorded_of(request.uid, nullptr));
  TRY(detach_all(request.uid, leftovers));
  TRY(running_->failpoints.hit("network.sandbox"));
  TRY_ASSIGN(pending.sandbox, host_.launcher->make_sandbox(request.sandbox, kLauncherDeadline));
  for (const NetworkWish& wish : request.settings.networks) {
    auto attached = attach_one(request, wish, pending);
    if (!attached) return std::move(attached).error().with_object("network " + wish.network);
  }
  return running_->failpoints.hit("network.attached");
}

Result<> Attacher::attach_one(const AttachRequest& request,
                              const NetworkWish& wish,
                              Pending& pending) {
  TRY(running_->failpoints.hit("network.attach"));
  TRY_ASSIGN(const cni::NetworkList list, book_.resolve(wish.network));
  TRY(check_network_plugins(options_.paths, list));
  const cni::CallOptions call{.operation = operation_name(request.uid, wish.interface, "add"),
                              .deadline = options_.attach_deadline,
                              .stop = request.stop};
  const KillOnStop kill(request.stop, running_->runner, running_->workers, call.operation);
  TRY_ASSIGN(const cni::AttachResult result,
             runtime_->attach(
                 list,
                 make_attachment(request.uid, request.settings, wish, pending.sandbox.net_path),
                 call));
  pending.record.networks.push_back(to_membership(wish, result.result));
  pending.dns = isolators::merge_dns(std::move(pending.dns), to_dns(result.result.dns));
  return {};
}

Error Attacher::undo(const AttachRequest& request, const NetworkRecord& attached, Error error) {
  NetworkRecord left{.attempt = attached.attempt, .networks = {}, .ports = request.settings.ports};
  const auto recorded = recorded_of(request.uid, nullptr);
  bool undone = false;
  if (recorded) {
    left.networks = *recorded;
    // More than was attached: a DEL has failed already. Once more at once would only hang again.
    undone = recorded->size() == attached.networks.size() &&
             detach_all(request.uid, left.networks).has_value();
  }
  if (undone) {
    note_done(request.uid);
  } else {
    note_owed(request.uid, std::move(left));
  }
  return error;
}

std::optional<NetworkRecord> Attacher::owed(const Uid& uid) const {
  const runtime::MutexLock lock(mutex_);
  const auto found = owed_.find(uid);
  return found == owed_.end() ? std::nullopt : std::optional(found->second);
}

void Attacher::note_owed(const Uid& uid, NetworkRecord record) {
  const runtime::MutexLock lock(mutex_);
  owed_[uid] = std::move(record);
}

void Attacher::note_done(const Uid& uid) {
  ports_.release(uid);
  ledger_.end(uid);
  const runtime::MutexLock lock(mutex_);
  owed_.erase(uid);
}

// --- detach ---------------------------------------------------------------------------------

Result<> Attacher::detach(const Uid& uid, const NetworkRecord* record) {
  const operations::AttemptLedger::Turn turn = ledger_.enter(uid);
  if (ledger_.is_superseded(uid, record != nullptr ? record->attempt : std::string())) return {};
  TRY_ASSIGN(const auto networks, recorded_of(uid, record));
  auto detached = detach_all(uid, networks);
  if (detached) {
    note_done(uid);
  } else {
    note_owed(uid,
              record != nullptr ? *record : NetworkRecord{.attempt = {}, .networks = networks});
  }
  return detached;
}

// What the record says, and what the cache has beside it: a crash may have been between the two.
Result<std::vector<NetworkMembership>> Attacher::recorded_of(const Uid& uid,
                                                             const NetworkRecord* record) const {
  std::vector<NetworkMembership> all;
  if (record != nullptr) all = record->networks;
  TRY_ASSIGN(const auto names, list_attached(running_->cache_dir));
  for (const AttachedName& name : names) {
    if (name.uid != uid) continue;
    const bool known = std::ranges::any_of(all, [&](const NetworkMembership& one) {
      return one.network == name.network && one.interface == name.interface;
    });
    if (!known) all.push_back({.network = name.network, .interface = name.interface});
  }
  return all;
}

Result<> Attacher::detach_all(const Uid& uid, const std::vector<NetworkMembership>& networks) {
  std::string netns;
  auto sandbox = host_.launcher->get_sandbox(uid, kLauncherDeadline);
  // A holder that is new, or a host that is: plugins are told that the namespace is gone.
  if (sandbox) netns = sandbox->net_path;
  if (!sandbox && sandbox.error().code() != Code::kNotFound) return std::move(sandbox).error();
  Result<> first;
  for (const NetworkMembership& one : std::views::reverse(networks)) {
    auto detached = detach_one(uid, one, netns);
    if (!detached && first) first = std::move(detached);
  }
  TRY(std::move(first));
  if (!sandbox) return {};
  TRY(running_->failpoints.hit("network.drop"));
  return host_.launcher->drop_sandbox(uid, kLauncherDeadline);
}

Result<> Attacher::detach_one(const Uid& uid,
                              const NetworkMembership& one,
                              const std::string& netns) {
  TRY(running_->failpoints.hit("network.detach"));
  return runtime_->detach(
      nullptr,
      {.network = one.network, .container = uid.str(), .interface = one.interface, .netns = netns},
      {.operation = operation_name(uid, one.interface, "del"),
       .deadline = options_.detach_deadline});
}

}  // namespace skerry::agent
