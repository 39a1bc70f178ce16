// Why a plugin failed, as an Error. CNI specification, section 5, "Error".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "os/spawn.h"

namespace skerry::cni {

/// Codes of the specification with a meaning for the runtime.
constexpr unsigned kUnknownContainer = 3;

/// The error of a call that ended with another exit status than zero, or by a signal. Its message
/// has the plugin's own words and the end of its standard error, both cut to a line. Reasons:
///   NO_ADDRESS_LEFT    RESOURCE_EXHAUSTED, host-local has no address left
///   CNI_TRY_LATER      UNAVAILABLE, retryable: code 11
///   CNI_NOT_READY      UNAVAILABLE, retryable: codes 50 and 51
///   CNI_UNKNOWN_CONTAINER  NOT_FOUND: code 3; to DEL this is success
///   CNI_VERSION_REFUSED FAILED_PRECONDITION: code 1; to DEL this is success, ADD was refused too
///   CNI_CONFIG_REFUSED FAILED_PRECONDITION: codes 2 and 7
///   CNI_PLUGIN_CRASHED INTERNAL: ended by a signal
///   CNI_PLUGIN_FAILED  INTERNAL: everything else, also an answer that is no error object
/// Blocks: never.
Error plugin_error(const os::Output& output);

/// A line of what a plugin wrote, made harmless.
std::string plugin_text(std::string_view text);

}  // namespace skerry::cni
