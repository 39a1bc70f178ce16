// cp: files between the host and containers, as tar streams.
//
//   host ─► container   tar -c ──pipe──► CopyIn        container ─► host   CopyOut ──pipe──► tar -x
//
// Where a copy lands is as with Docker: into DST if that is a directory, else as DST.
#pragma once

#include "base/result.h"
#include "cli/client.h"
#include "cli/parse/copy_path.h"

namespace skerry::cli {

struct CopyOptions {
  /// Owners are kept. Else what goes in belongs to root, what comes out to the caller.
  bool keep_owners = false;
  /// A link named as SRC on the host is followed.
  bool follow_link = false;
};

/// SRC on the host, or "-" for a tar stream on standard input; DST in a container. Errors: those of
/// the host's files, of StatPath and CopyIn. Blocks: until all is there.
Result<> copy_in(const Client& client,
                 const v1::ContainerRef& container,
                 const CopyPath& source,
                 const CopyPath& target,
                 const CopyOptions& options);

/// SRC in a container; DST on the host, or "-" for a tar stream on standard output. Errors and
/// blocks as above.
Result<> copy_out(const Client& client,
                  const v1::ContainerRef& container,
                  const CopyPath& source,
                  const CopyPath& target,
                  const CopyOptions& options);

/// Where what is copied goes: into `directory`, under `name`. Empty: under the name it has.
struct Landing {
  std::string directory;
  std::string name;
  /// Only what is in it, not it.
  bool contents = false;
};

enum class PathType { kMissing, kDirectory, kOther };

/// Docker's rules, see the top. `target_type` is what is at DST, its links followed. Errors:
/// INVALID_ARGUMENT for a directory onto a file, and for a file into what has to be a directory and
/// is none.
Result<Landing> plan_landing(const SplitPath& source,
                             PathType source_type,
                             const std::string& target,
                             PathType target_type);

}  // namespace skerry::cli
