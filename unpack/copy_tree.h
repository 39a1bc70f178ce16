// A directory, copied into a tree and named by what it holds.
//
// The digest is SHA-256 over the text "skerry-tree-1" and then the root and every entry below it,
// depth first, names of a directory in byte order. Numbers are 8 bytes little-endian, texts a
// length as such a number and then the bytes. An entry is:
//   path · mode with type bits · uid · gid · seconds and nanoseconds of modification
//   number of extended attributes, then name · value of each in byte order
//   then by type: regular file: size · content (not prefixed); symbolic link: target; device: its
//   number; a further name of a file seen already: instead of all the above but the path, the mode
//   0 and the first name.
// So the same directory has the same name wherever it is imported, and what the tree carries is
// what the digest covers.
//
// Left out: sockets, and attributes that are not carried (metadata.h), which belong to this host.
// A mount inside the source is not entered by skerry-unpack: it copies from a clone of the one
// mount.
#pragma once

#include "base/result.h"
#include "unpack/budget.h"
#include "unpack/unpack_archive.h"

namespace skerry::unpack {

/// Copies the directory `source` into the empty directory `root`, both borrowed. Follows no link.
/// Errors: ABORTED, reason SOURCE_CHANGED, retryable, when the source changes meanwhile;
/// INVALID_ARGUMENT, reason SOURCE_TOO_DEEP, beyond 512 levels; RESOURCE_EXHAUSTED as
/// unpack_archive; by errno else; the entry is the object. Blocks: until done. Thread: one.
Result<Unpacked> copy_tree(int source, int root, const Limits& limits);

}  // namespace skerry::unpack
