#include "agent/images/import_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "isolators/filesystem/mounts.h"
#include "os/path.h"

namespace skerry::agent {

Result<ImportSource> open_import_source(const std::string& path,
                                        const std::vector<std::string>& allowed) {
  // Looked at before it is opened for reading: opening a device or a FIFO has effects.
  const UniqueFd found(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!found) return Error::from_errno(errno, fmt::format("open \"{}\"", path));
  TRY(isolators::check_source(allowed, "source", path, found.get()));
  struct stat about {};
  if (::fstat(found.get(), &about) != 0) {
    return Error::from_errno(errno, fmt::format("look at \"{}\"", path));
  }
  const bool directory = S_ISDIR(about.st_mode);
  if (!directory && !S_ISREG(about.st_mode)) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" is neither a file nor a directory", path))
        .with_reason("SOURCE_INVALID")
        .with_object(path);
  }
  const std::string again = fmt::format("/proc/self/fd/{}", found.get());
  UniqueFd fd(::open(again.c_str(), O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0)));
  if (!fd) return Error::from_errno(errno, fmt::format("open \"{}\"", path));
  return ImportSource{
      .fd = std::move(fd),
      .kind = directory ? images::SourceKind::kDirectory : images::SourceKind::kArchive,
  };
}

Result<Spool> Spool::make(const std::string& directory, Bytes limit) {
  UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (!fd) return Error::from_errno(errno, fmt::format("make a file in \"{}\"", directory));
  return Spool(std::move(fd), limit);
}

Result<> Spool::append(std::string_view bytes) {
  if (bytes.size() > limit_.value() - written_.value()) {
    return Error(Code::kResourceExhausted,
                 fmt::format("the archive is larger than {} bytes", limit_.value()))
        .with_reason("ARCHIVE_TOO_LARGE");
  }
  auto written = os::write_all(fd_.get(), bytes);
  if (!written && written.error().sys_errno() == ENOSPC) {
    return std::move(written).error().with_reason("DISK_FULL").as_retryable();
  }
  TRY(std::move(written));
  written_ = written_ + Bytes(bytes.size());
  return {};
}

Result<ImportSource> Spool::finish() && {
  if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "rewind the archive");
  return ImportSource{.fd = std::move(fd_), .kind = images::SourceKind::kArchive};
}

}  // namespace skerry::agent
