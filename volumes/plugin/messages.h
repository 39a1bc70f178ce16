// What is said to a Docker volume plugin and what it answers: protocol v1, bodies only. Answers are
// hostile: at most kMaxReply bytes (the transport's business), at most 32 levels deep, and every
// field may be missing, null or of another type. Pure. Thread: any. Blocks: never.
//
// Errors of all answers: UNKNOWN, reason PLUGIN_ERROR, with the plugin's own words, for another
// status than 200 or an "Err" that is not empty; UNIMPLEMENTED, reason PLUGIN_CALL_MISSING, for a
// 404 without "Err" (an older plugin); INTERNAL, reason PLUGIN_REPLY_INVALID.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/volume.h"
#include "volumes/volume_driver.h"

namespace skerry::volumes {

/// The longest answer that is read. 10,000 volumes need about 2 MB.
constexpr std::size_t kMaxReply = 4UL * 1024 * 1024;

struct HttpReply {
  long status = 0;
  std::string body;
};

std::string name_request(const std::string& name);
std::string create_request(const Volume& volume);
std::string mount_request(const std::string& name, const std::string& id);

/// The plugin must say that it is a VolumeDriver. Errors: FAILED_PRECONDITION, reason
/// PLUGIN_NOT_A_VOLUME_DRIVER, with what it is.
Result<> parse_activation(const HttpReply& reply);

/// An answer that carries nothing.
Result<> parse_done(const HttpReply& reply);

/// Of Mount and Path. Empty when the plugin says none; not checked further.
Result<std::string> parse_mountpoint(const HttpReply& reply);

/// Of Get. The name is `name`, whatever the plugin calls it.
Result<VolumeInfo> parse_volume(const HttpReply& reply, const std::string& name);

/// Of List: sorted, each name once, no names that check_volume_name() refuses.
/// Errors: INTERNAL also for more than 10,000.
Result<std::vector<VolumeInfo>> parse_volumes(const HttpReply& reply);

/// Anything but "global" is local.
Result<Scope> parse_capabilities(const HttpReply& reply);

}  // namespace skerry::volumes
