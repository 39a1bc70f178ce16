// Attaches containers to networks and detaches them: the operations of a CNI runtime over a whole
// chain of plugins. CNI specification, section 3.
//
//   attach   check → intent in the cache → ADD, first to last plugin → result in the cache
//            └ any failure → DEL of all, last to first → cache entry removed
//   detach   list and arguments from the cache → DEL, last to first → cache entry removed
//
// An attachment is owed a DEL exactly while the cache has an entry for it: from before the first
// plugin ran until every plugin's DEL succeeded. The caller sees to it that one attachment (a
// container's, all its interfaces) has one operation at a time.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "base/result.h"
#include "cni/attachment.h"
#include "cni/cni_result.h"
#include "cni/network_list.h"
#include "cni/plugin_call.h"
#include "cni/plugin_runner.h"
#include "cni/result_cache.h"

namespace skerry::cni {

struct AttachResult {
  /// At least one address.
  CniResult result;
  /// As the last plugin printed it.
  std::string bytes;
};

enum class Checked : std::uint8_t {
  kSound,
  /// The list says disableCheck, or is of a version without the verb.
  kNotSupported,
};

struct RuntimeConfig {
  PluginPaths paths;
  /// The result cache's directory, borrowed.
  int cache_dir = -1;
  /// For the DEL that follows a failed ADD.
  std::chrono::milliseconds undo_deadline{30'000};
};

/// Thread: worker; `runner` outlives it. Holds nothing but its configuration.
class Runtime final {
 public:
  Runtime(RuntimeConfig config, PluginRunner& runner)
      : config_(std::move(config)), runner_(runner), cache_(config_.cache_dir) {}

  /// ADD. Its operation's name with "-undo" at its end is the undo's. When ADD fails, DEL has been
  /// called before this returns; when that failed too, the message has both errors, and the cache
  /// has the entry until detach() succeeds.
  /// Errors: call_plugin()'s; INVALID_ARGUMENT (bad attachment); FAILED_PRECONDITION, reasons
  /// CNI_PLUGIN_MISSING, NETWORK_CANNOT; ALREADY_EXISTS, reason ALREADY_ATTACHED; INTERNAL, reasons
  /// CNI_RESULT_INVALID and CNI_NO_ADDRESS; RESOURCE_EXHAUSTED, reason NO_ADDRESS_LEFT, with how
  /// many addresses of how many are in use. Blocks: up to both deadlines.
  Result<AttachResult> attach(const NetworkList& list,
                              const Attachment& attachment,
                              const CallOptions& options);

  /// DEL, with the bytes ADD was called with. Of the attachment only its names and the network
  /// namespace count: empty, or a path that is not there any more, says that it is gone. `list` is
  /// used when the cache has no entry (or an unreadable one); null says that there is none. What
  /// is in neither is detached already. When one plugin fails the others are called all the same.
  /// Errors: call_plugin()'s, those of several in one message; the entry stays then. Blocks: up to
  /// the deadline. Idempotent.
  Result<> detach(const NetworkList* list,
                  const Attachment& attachment,
                  const CallOptions& options);

  /// CHECK: the attachment is still as ADD left it. Errors: FAILED_PRECONDITION, reason
  /// NOT_ATTACHED; call_plugin()'s, which say what is missing. Blocks: up to the deadline.
  Result<Checked> check(const Attachment& attachment, const CallOptions& options);

  const ResultCache& cache() const { return cache_; }

 private:
  Result<AttachResult> add_chain(const NetworkList& list,
                                 CallArguments arguments,
                                 PluginLeash& leash) const;
  Result<> delete_chain(const NetworkList& list, CallArguments arguments, PluginLeash& leash) const;
  Result<AttachResult> attach_recorded(const NetworkList& list,
                                       const CallArguments& arguments,
                                       CachedAttachment& entry,
                                       PluginLeash& leash) const;
  Error undo(Error error,
             const NetworkList& list,
             const CallArguments& arguments,
             const CallOptions& options);
  Result<> remember(const NetworkList& list, const CallArguments& arguments) const;
  Result<> forget(const CallArguments& arguments, const NetworkList& list) const;

  RuntimeConfig config_;
  PluginRunner& runner_;
  ResultCache cache_;
};

}  // namespace skerry::cni
