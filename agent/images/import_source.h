// Where the bytes of an import come from.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "images/unpacker.h"

namespace skerry::agent {

struct ImportSource {
  UniqueFd fd;
  images::SourceKind kind = images::SourceKind::kArchive;
};

/// Opens an archive or a directory of this host, and nothing else: a device or FIFO is not so much
/// as touched. `allowed`: real paths at and below which it may be. Errors: by errno;
/// INVALID_ARGUMENT, reason SOURCE_INVALID; PERMISSION_DENIED, reason BIND_REFUSED. Blocks: as long
/// as the file system below the path does, which may be for ever. Thread: worker.
Result<ImportSource> open_import_source(const std::string& path,
                                        const std::vector<std::string>& allowed);

/// An archive that is being received: a file without a name in a directory of ours, gone with its
/// descriptor. Thread: worker, one at a time. Blocks: kernel (disk).
class Spool final {
 public:
  /// Errors: by errno.
  static Result<Spool> make(const std::string& directory, Bytes limit);
  /// Errors: RESOURCE_EXHAUSTED, reason ARCHIVE_TOO_LARGE above the limit, DISK_FULL.
  Result<> append(std::string_view bytes);
  /// The file from its beginning. Errors: by errno.
  Result<ImportSource> finish() &&;

 private:
  Spool(UniqueFd fd, Bytes limit) : fd_(std::move(fd)), limit_(limit) {}
  UniqueFd fd_;
  Bytes limit_;
  Bytes written_;
};

}  // namespace skerry::agent
