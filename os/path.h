// Safe work on files and trees. The functions that take a root treat everything below it as
// hostile: they resolve with openat2(2), so neither "..", a symbolic link nor a magic link leads
// out. All descriptors are close-on-exec. Blocks: kernel (file system). Thread: any.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skerry::os {

/// Opens a directory of ours (O_RDONLY|O_DIRECTORY) by an ordinary path, which may be relative to
/// `dir`. Errors: NOT_FOUND and others by errno.
Result<UniqueFd> open_dir(const std::string& path);
Result<UniqueFd> open_dir_at(int dir, const std::string& path);

/// Opens `path` as a process whose root is `root` would: absolute links and ".." stay inside, magic
/// links are refused. `mode` only with O_CREAT. Kernel: 5.6, openat2(2) RESOLVE_IN_ROOT.
Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);

/// Opens `path` below `dir` and refuses every step outside (absolute links, ".." above `dir`) with
/// FAILED_PRECONDITION instead of bending it. Kernel: 5.6, openat2(2) RESOLVE_BENEATH.
Result<UniqueFd> open_beneath(int dir, const std::string& path, int flags, mode_t mode = 0);

/// mkdir -p inside `root`, following links as open_in_root does. New directories get `mode` less
/// the umask, existing ones keep theirs. Returns the last directory (O_PATH). Errors:
/// FAILED_PRECONDITION when a component exists and is no directory. Idempotent.
Result<UniqueFd> make_dirs_in_root(int root, const std::string& path, mode_t mode);

/// Makes an empty regular file as a mount target, with the directories above it (0755). What exists
/// already, of any type but a directory, is left as it is and not opened for I/O. Returns O_PATH.
/// Errors: FAILED_PRECONDITION for a directory. Idempotent.
Result<UniqueFd> create_file_in_root(int root, const std::string& path, mode_t mode);

/// Deletes `name` (one component) in `dir` with all that is below. Follows no link, enters no mount
/// (FAILED_PRECONDITION, and stops), uses a bounded number of descriptors however deep the tree is.
/// What is gone already is fine. Stops at the first failure. Idempotent.
Result<> remove_tree(int dir, const std::string& name);

/// Renames `name` of `dir` to a fresh random name in `trash` (same file system), where remove_tree
/// can take its time. Returns the new name. Errors: NOT_FOUND.
Result<std::string> rename_to_trash(int dir, const std::string& name, int trash);

/// Reads at most `max` bytes from the descriptor's current offset to its end, or a whole file.
/// Errors: RESOURCE_EXHAUSTED when there is more; NOT_FOUND.
Result<std::string> read_file(int fd, std::size_t max);
Result<std::string> read_file(const std::string& path, std::size_t max);
Result<std::string> read_file_at(int dir, const std::string& name, std::size_t max);

/// Writes all bytes, with as many write(2) calls as it takes. For blocking descriptors.
Result<> write_all(int fd, std::string_view bytes);

/// Writes one short value to a file that exists, in one write(2), as kernel files want it
/// (cgroupfs, procfs).
Result<> write_value_at(int dir, const std::string& name, std::string_view value);

/// Replaces `name` in `dir` so that after a crash the old or the new bytes are there, whole:
/// temporary file, fsync, rename, fsync of the directory. Blocks: disk.
Result<> write_file_atomic(int dir,
                           const std::string& name,
                           std::string_view bytes,
                           mode_t mode = 0644);

}  // namespace skerry::os
