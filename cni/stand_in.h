// A stand-in for a network namespace that is gone, or has lost its interface.
//
// The bridge and ptp plugins learn which masquerading rules to remove from the addresses of the
// container's interface, inside its namespace. Where that is gone (its holder was killed, the
// namespace died), or the interface is (a DEL was killed with its daemon after it had deleted it),
// they release the address and leave the rules in the host's tables for ever. For them a namespace
// is made with an interface of that name that has the addresses ADD answered, and their own DEL
// cleans up. Other plugins get no namespace: host-device, say, would move the stand-in's interface
// to the host.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cni/network_list.h"
#include "cni/plugin_call.h"
#include "cni/spec_version.h"

namespace skerry::cni {

/// Made when first asked for, gone with the object. Thread: one.
class StandInNamespace final {
 public:
  /// `arguments`: of the DEL, borrowed; the addresses are those of its previous result.
  StandInNamespace(const CallArguments& arguments, SpecVersion version)
      : arguments_(arguments), version_(version) {}

  /// Whether the plugin's DEL would not find in `netns` (empty: gone) what it removes rules by. One
  /// that cannot be looked into is taken as it is. Blocks: kernel.
  static bool is_needed_by(const PluginConfig& plugin,
                           const std::string& netns,
                           const std::string& interface);

  /// The namespace's path, good while the object lives. Empty without a previous result: what was
  /// not answered has no rules to be found by. Errors: by errno. Blocks: kernel.
  Result<std::string> path();

 private:
  const CallArguments& arguments_;
  SpecVersion version_;
  UniqueFd fd_;
};

}  // namespace skerry::cni
