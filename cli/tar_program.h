// tar(1) as a child: archives of the caller's own files are read and written by the program every
// host has, with the caller's rights.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::cli {

/// A running tar whose archive goes through `archive`. Thread: one.
class TarProgram final {
 public:
  enum class Archive { kItWrites, kItReads };

  /// Starts `tar ARGUMENTS` with the archive as its standard output or input. Errors: NOT_FOUND
  /// when there is no tar.
  static Result<TarProgram> start(Archive direction, const std::vector<std::string>& arguments);

  TarProgram(TarProgram&& other) noexcept;
  TarProgram& operator=(TarProgram&&) = delete;
  TarProgram(const TarProgram&) = delete;
  TarProgram& operator=(const TarProgram&) = delete;
  /// Ends it, if wait() did not.
  ~TarProgram();

  int archive() const { return archive_.get(); }

  /// Closes the archive and waits. Errors: UNKNOWN when it failed: it said why on stderr.
  Result<> wait();

 private:
  TarProgram(pid_t pid, UniqueFd archive) : pid_(pid), archive_(std::move(archive)) {}

  pid_t pid_;
  UniqueFd archive_;
};

/// The option that gives the first component of every name in the archive the name `to`.
std::string rename_first_component(const std::string& to);

}  // namespace skerry::cli
