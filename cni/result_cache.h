// What ADD was called with and answered, on disk until DEL, in the format of libcni, so that its
// tools read it too: one file NETWORK-CONTAINER-INTERFACE for each attachment.
//
// It is written twice: before ADD without a result (the intent: from here on there is something to
// undo, whoever is killed when) and after it with one. Every write is durable when it returns.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace skerry::cni {

struct CachedAttachment {
  std::string network;
  std::string container;
  std::string interface;
  /// Path of the network namespace at ADD.
  std::string netns;
  /// The list ADD was called with, byte for byte.
  std::string config;
  /// CNI_ARGS.
  std::vector<std::pair<std::string, std::string>> args{};
  /// runtimeConfig, before plugins chose from it: a JSON object; empty for none.
  std::string capability_args{};
  /// The final result of ADD, a JSON object; empty while there is only the intent.
  std::string result{};
};

/// A file of the directory that is no attachment's, and why.
struct UnreadableEntry {
  std::string file;
  Error error;
};

struct CacheListing {
  std::vector<CachedAttachment> attachments;
  std::vector<UnreadableEntry> unreadable;
};

/// Encodes and decodes one file. Errors: DATA_LOSS, reason CNI_CACHE_INVALID. Blocks: never.
std::string write_cache_entry(const CachedAttachment& attachment);
Result<CachedAttachment> parse_cache_entry(std::string_view bytes);

/// One directory, borrowed, that outlives the object. Thread: any, but one call at a time for one
/// attachment.
class ResultCache final {
 public:
  explicit ResultCache(int dir) : dir_(dir) {}

  /// Replaces what is there. Errors: INVALID_ARGUMENT for names that are none. Blocks: disk.
  Result<> save(const CachedAttachment& attachment) const;
  /// Errors: NOT_FOUND; DATA_LOSS (reason CNI_CACHE_INVALID) for a file that is none or speaks of
  /// another attachment than its name. Blocks: disk.
  Result<CachedAttachment> load(const std::string& network,
                                const std::string& container,
                                const std::string& interface) const;
  /// What is gone already is fine. Blocks: disk. Idempotent.
  Result<> remove(const std::string& network,
                  const std::string& container,
                  const std::string& interface) const;
  /// Everything in the directory. Blocks: disk.
  Result<CacheListing> list() const;

 private:
  int dir_;
};

}  // namespace skerry::cni
