// What could be typed next: the answer to a shell's completion.
//
//   skerry __complete WORD...      the words after "skerry" up to the cursor, the last one perhaps
//                                  empty. A candidate a line, with a tab and a description where
//                                  there is one; the line ":files" says that files fit as well.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"

namespace skerry::cli {

struct Candidate {
  std::string text;
  std::string description;
};

/// What a place on the command line takes.
enum class ValueKind {
  kNothing,
  kFile,
  kContainer,
  kLiveContainer,
  kImage,
  kPod,
  kNetwork,
  kNetworkMode,
  kVolume,
  kVolumeMount,
  kDriver,
  kCopyPath,
  kForm,
  kSignal,
};

/// Asks the daemon for what there is of a kind; nothing when it does not answer within a second.
using Lister = std::function<std::vector<Candidate>(ValueKind)>;

/// All candidates that begin as the last word does, ":files" as the last one where files fit.
std::vector<Candidate> complete(const std::vector<std::string>& words, const Lister& lister);

/// Prints them, asking the daemon of -H in `words`, $SKERRY_HOST or the usual one. Never fails: a
/// shell has no use for an error.
void print_completion(const std::vector<std::string>& words);

}  // namespace skerry::cli
