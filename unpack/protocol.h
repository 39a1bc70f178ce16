// skerryd → skerry-unpack: one process for one archive or directory.
//
//   skerryd (images/unpacker.cpp)                  skerry-unpack
//      │ exec, argv: the options below               │
//      │   fd 3  source: file, pipe, memfd or dir    │
//      │   fd 4  destination: an empty directory     │
//      │   fd 5  result: the write end of a pipe     │
//      │                                             │ namespaces, empty root, capabilities, filter
//      │                                             │ unpacks and hashes, then syncfs(2)
//      │◄────────── UnpackResult (fd 5) ─────────────┤ one write(2), exit status 0
//
// Exit status 0 means that a result was written, be it a failure. Anything else (killed by the
// filter, a limit or the deadline) left none, and what is in the destination is worthless.
// The daemon reads a fixed-size struct and checks it, because whoever wrote it had just parsed
// hostile bytes. Native byte order: both ends are on one host and of one build.
//
// Options, all of them required, each once:
//   --source=archive|directory
//   --whiteouts=literal|overlay    literal: ".wh.x" is an ordinary name; overlay: a layer, see
//                                  tree_writer.h
//   --max-bytes=N                  of all regular files together, as stat(2) shows them
//   --max-entries=N                files, directories, links and devices
//   --max-ratio=N                  uncompressed over compressed, judged beyond 64 MiB
//   --max-memory=N                 bytes of address space, RLIMIT_AS
//   --max-cpu-seconds=N            RLIMIT_CPU
//
// The same program copies between a container and a tar stream (agent/copies/):
//   fd 3  the archive: read for "in", written for "out"
//   fd 4  a pidfd of a process of the container, or a detached mount of its root
//   fd 5  as above; sizes and numbers of what was copied
// and, with --copy first and the --max options as above:
//   --copy=in|out
//   --root=process|mount           what fd 4 is
//   --path=PATH                    absolute, inside the container; of a directory for "in"
//   --owner=UID:GID|archive        "in": whose everything is to be
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace skerry::unpack {

constexpr int kSourceFd = 3;
constexpr int kDestinationFd = 4;
constexpr int kContainerFd = 4;
constexpr int kResultFd = 5;

constexpr std::uint32_t kResultMagic = 0x31554B53;  // "SKU1"

/// A SHA-256 value.
using Digest = std::array<std::uint8_t, 32>;

/// What skerry-unpack answers. Texts end with a NUL and are cut to fit.
struct UnpackResult {
  std::uint32_t magic = kResultMagic;
  /// 0 when the tree is complete and on disk, else a skerry::Code; then only the fields marked E
  /// count.
  std::uint32_t code = 0;
  std::int32_t sys_errno = 0;   ///< E: 0 when no system call failed.
  std::uint32_t retryable = 0;  ///< E: 1 when the same archive may fit later (a full disk).
  std::uint64_t bytes = 0;      ///< Sum of the regular files' sizes, hard links counted once.
  std::uint64_t entries = 0;    ///< Entries of the archive or directory.
  /// Of the uncompressed tar stream, to its very end: what OCI calls the diff id. Of a directory:
  /// the canonical walk described in copy_tree.h.
  Digest digest = {};
  std::array<char, 64> reason = {};     ///< E: such as "ARCHIVE_CORRUPT".
  std::array<char, 512> entry = {};     ///< E: name inside the archive, empty when it is none's.
  std::array<char, 1024> message = {};  ///< E
};
static_assert(std::is_trivially_copyable_v<UnpackResult>);
// One write to a pipe is whole only up to PIPE_BUF.
static_assert(sizeof(UnpackResult) <= 4096);

}  // namespace skerry::unpack
