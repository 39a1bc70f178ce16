#include "cni/runtime.h"

#include <sys/vfs.h>

#include <ranges>

#include <fmt/format.h>

#include "cni/leases.h"
#include "cni/stand_in.h"

namespace skerry::cni {
namespace {

CallArguments arguments_of(const CachedAttachment& entry) {
  return {.container = entry.container,
          .interface = entry.interface,
          .netns = entry.netns,
          .args = entry.args,
          .capability_args = entry.capability_args,
          .previous_result = {}};
}

Result<CachedAttachment> entry_of(const NetworkList& list, const Attachment& attachment) {
  CachedAttachment out{.network = list.name,
                       .container = attachment.container,
                       .interface = attachment.interface,
                       .netns = attachment.netns,
                       .config = list.bytes,
                       .args = attachment.args,
                       .capability_args = {},
                       .result = {}};
  TRY_ASSIGN(out.capability_args, capability_args(attachment));
  return out;
}

/// Tells how full the network is, where that is the error and can be told.
Error with_use(Error error, const NetworkList& list) {
  if (error.reason() != "NO_ADDRESS_LEFT") return error;
  const auto pool = lease_pool(list);
  if (!pool) return error;
  const auto leases = list_leases(*pool);
  if (!leases) return error;
  return std::move(error).wrap(
      fmt::format("{} of {} addresses are in use", leases->size(), pool->capacity));
}

Result<AttachResult> read_final(const std::string& bytes, const NetworkList& list) {
  AttachResult out{.result = {}, .bytes = bytes};
  auto result = parse_result(bytes, list.version);
  if (!result)
    return std::move(result)
        .error()
        .with_code(Code::kInternal)
        .wrap(fmt::format("network \"{}\"", list.name));
  out.result = std::move(*result);
  if (out.result.ips.empty())
    return Error(Code::kInternal,
                 fmt::format("network \"{}\": its plugins succeeded without an address", list.name))
        .with_reason("CNI_NO_ADDRESS");
  return out;
}

/// The first error of several, with the others in its message.
Result<> join_errors(Result<> first, Error next) {
  if (first) return next;
  const Error& error = first.error();
  Error both = Error(error.code(), fmt::format("{}; {}", error.message(), next.message()))
                   .with_reason(error.reason());
  return error.retryable() ? std::move(both).as_retryable() : both;
}

/// What DEL says when there is nothing to undo. A plugin that refuses the version refused ADD too.
bool has_nothing_to_undo(const Error& error) {
  return error.reason() == "CNI_UNKNOWN_CONTAINER" || error.reason() == "CNI_VERSION_REFUSED";
}

/// No further plugin would get time to run.
bool leash_is_over(const Error& error) {
  return error.code() == Code::kCancelled || error.reason() == "CNI_DEADLINE";
}

// NSFS_MAGIC, statfs(2).
constexpr auto kNamespaceFileSystem = 0x6e736673;

/// A path that leads to something else by now (its process is another's) is gone as well.
bool is_gone(const std::string& netns) {
  struct statfs status {};
  return netns.empty() || ::statfs(netns.c_str(), &status) != 0 ||
         status.f_type != kNamespaceFileSystem;
}

/// The plugin's iptables found no chain of that name: the rules went with a reboot, or somebody
/// flushed them. With iptables-nft the plugin takes that for a failure, at every further try as
/// well.
bool are_rules_gone(const Error& error) {
  const std::string& text = error.message();
  return text.find("iptables") != std::string::npos &&
         text.find("does not exist") != std::string::npos;
}

/// The list that ADD was called with. A .conf of one plugin was made a list then.
Result<NetworkList> list_of(const CachedAttachment& entry) {
  TRY_ASSIGN(NetworkList list, parse_network_list(entry.config));
  if (list.name != entry.network)
    return Error(Code::kDataLoss, "the cached list is another network's")
        .with_reason("CNI_CACHE_INVALID");
  return list;
}

}  // namespace

// --- ADD ----------------------------------------------------------------------------------------

Result<AttachResult> Runtime::attach(const NetworkList& list,
                                     const Attachment& attachment,
                                     const CallOptions& options) {
  TRY(check_attachment(attachment));
  TRY(check_capabilities(list, attachment));
  TRY(check_plugins(config_.paths, list));
  TRY_ASSIGN(CachedAttachment entry, entry_of(list, attachment));
  const auto before = cache_.load(list.name, attachment.container, attachment.interface);
  if (before || before.error().code() != Code::kNotFound)
    return Error(Code::kAlreadyExists,
                 fmt::format("container \"{}\" is attached to network \"{}\" as \"{}\"",
                             attachment.container,
                             list.name,
                             attachment.interface))
        .with_reason("ALREADY_ATTACHED");
  const CallArguments arguments = arguments_of(entry);
  TRY_ASSIGN(PluginLeash leash, runner_.leash(options));
  TRY(cache_.save(entry));
  auto attached = attach_recorded(list, arguments, entry, leash);
  if (attached) return attached;
  return undo(with_use(std::move(attached).error(), list), list, arguments, options);
}

Result<AttachResult> Runtime::attach_recorded(const NetworkList& list,
                                              const CallArguments& arguments,
                                              CachedAttachment& entry,
                                              PluginLeash& leash) const {
  TRY_ASSIGN(AttachResult attached, add_chain(list, arguments, leash));
  entry.result = attached.bytes;
  TRY(cache_.save(entry));
  return attached;
}

Result<AttachResult> Runtime::add_chain(const NetworkList& list,
                                        CallArguments arguments,
                                        PluginLeash& leash) const {
  std::string answer;
  for (const PluginConfig& plugin : list.plugins) {
    TRY_ASSIGN(answer, call_plugin(leash, config_.paths, list, plugin, Verb::kAdd, arguments));
    auto previous = as_previous_result(answer, list.version);
    if (!previous)
      return std::move(previous)
          .error()
          .with_code(Code::kInternal)
          .wrap(fmt::format("network \"{}\": plugin \"{}\": ADD", list.name, plugin.type));
    arguments.previous_result = std::move(*previous);
  }
  return read_final(arguments.previous_result, list);
}

Error Runtime::undo(Error error,
                    const NetworkList& list,
                    const CallArguments& arguments,
                    const CallOptions& options) {
  const auto run = [&]() -> Result<> {
    // Who cancels an ADD does not want its traces to stay: the stop is not passed on.
    TRY_ASSIGN(PluginLeash leash,
               runner_.leash({.operation = options.operation + "-undo",
                              .deadline = config_.undo_deadline,
                              .stop = {}}));
    TRY(delete_chain(list, arguments, leash));
    return forget(arguments, list);
  };
  auto undone = run();
  if (undone) return error;
  return join_errors(Result<>(std::move(error)),
                     std::move(undone).error().wrap("its undo failed too"))
      .error();
}

Result<> Runtime::forget(const CallArguments& arguments, const NetworkList& list) const {
  return cache_.remove(list.name, arguments.container, arguments.interface);
}

// --- DEL ----------------------------------------------------------------------------------------

// The lease goes with the first DEL: another one, should this be broken off, has only the cache.
Result<> Runtime::remember(const NetworkList& list, const CallArguments& arguments) const {
  auto entry = cache_.load(list.name, arguments.container, arguments.interface);
  if (!entry && entry.error().code() == Code::kNotFound) return {};
  if (!entry) return std::move(entry).error();
  entry->result = arguments.previous_result;
  return cache_.save(*entry);
}

Result<> Runtime::delete_chain(const NetworkList& list,
                               CallArguments arguments,
                               PluginLeash& leash) const {
  if (arguments.previous_result.empty()) {
    // An ADD that was broken off gave no result, but rules may name its address already.
    TRY_ASSIGN(const auto recalled,
               result_of_leases(list, arguments.container, arguments.interface));
    if (recalled) {
      arguments.previous_result = write_result(*recalled, list.version);
      // Best effort: a full disk must not keep the address.
      static_cast<void>(remember(list, arguments));
    }
  }
  StandInNamespace stand_in(arguments, list.version);
  Result<> first;
  for (const PluginConfig& plugin : std::views::reverse(list.plugins)) {
    CallArguments mine = arguments;
    if (!has_result_on_del(list.version)) mine.previous_result.clear();
    bool stands_in = false;
    if (StandInNamespace::is_needed_by(plugin, mine.netns, mine.interface)) {
      TRY_ASSIGN(const std::string path, stand_in.path());
      stands_in = !path.empty();
      if (stands_in) mine.netns = path;
    }
    auto answer = call_plugin(leash, config_.paths, list, plugin, Verb::kDel, mine);
    if (answer && !stands_in && !mine.netns.empty() && is_gone(mine.netns) &&
        StandInNamespace::is_needed_by(plugin, {}, mine.interface)) {
      // The namespace went under it: it may have found nothing to know its rules by.
      TRY_ASSIGN(mine.netns, stand_in.path());
      stands_in = !mine.netns.empty();
      answer = call_plugin(leash, config_.paths, list, plugin, Verb::kDel, mine);
    }
    if (!answer && stands_in && are_rules_gone(answer.error())) {
      // Without that interface it looks for no rules, and releases the address.
      mine.netns = arguments.netns;
      answer = call_plugin(leash, config_.paths, list, plugin, Verb::kDel, mine);
    }
    if (answer || has_nothing_to_undo(answer.error())) continue;
    // The others are asked all the same: one that fails for days must not keep an address for days.
    first = join_errors(std::move(first), std::move(answer).error());
    if (leash_is_over(first.error())) break;
  }
  return first;
}

Result<> Runtime::detach(const NetworkList* list,
                         const Attachment& attachment,
                         const CallOptions& options) {
  TRY(check_attachment(attachment));
  auto entry = cache_.load(attachment.network, attachment.container, attachment.interface);
  Result<NetworkList> used = entry ? list_of(*entry) : Result<NetworkList>(entry.error());
  if (!used) {
    const bool is_absent = !entry && entry.error().code() == Code::kNotFound;
    if (list == nullptr && is_absent) return {};
    if (list == nullptr) return std::move(used).error();
    used = *list;
    entry = entry_of(*list, attachment);
    if (!entry) return std::move(entry).error();
  }
  CallArguments arguments = arguments_of(*entry);
  arguments.netns = is_gone(attachment.netns) ? std::string() : attachment.netns;
  if (!entry->result.empty()) {
    TRY_ASSIGN(arguments.previous_result, as_previous_result(entry->result, used->version));
  }
  TRY_ASSIGN(PluginLeash leash, runner_.leash(options));
  TRY(delete_chain(*used, arguments, leash));
  return forget(arguments, *used);
}

// --- CHECK --------------------------------------------------------------------------------------

Result<Checked> Runtime::check(const Attachment& attachment, const CallOptions& options) {
  auto entry = cache_.load(attachment.network, attachment.container, attachment.interface);
  if ((!entry && entry.error().code() == Code::kNotFound) || (entry && entry->result.empty()))
    return Error(Code::kFailedPrecondition,
                 fmt::format("container \"{}\" is not attached to network \"{}\"",
                             attachment.container,
                             attachment.network))
        .with_reason("NOT_ATTACHED");
  if (!entry) return std::move(entry).error();
  TRY_ASSIGN(const NetworkList list, list_of(*entry));
  if (list.disable_check || !has_check(list.version)) return Checked::kNotSupported;
  CallArguments arguments = arguments_of(*entry);
  arguments.netns = attachment.netns;
  TRY_ASSIGN(arguments.previous_result, as_previous_result(entry->result, list.version));
  TRY_ASSIGN(PluginLeash leash, runner_.leash(options));
  for (const PluginConfig& plugin : list.plugins)
    TRY(call_plugin(leash, config_.paths, list, plugin, Verb::kCheck, arguments));
  return Checked::kSound;
}

}  // namespace skerry::cni
