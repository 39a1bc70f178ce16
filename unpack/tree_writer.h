// Entries become files below one directory descriptor, whatever their names say.
//
// Rules (those of Docker's unpacker, where it has one):
// - The parent of an entry is resolved as a process with this root would: absolute links and ".."
//   in links stay inside (openat2, RESOLVE_IN_ROOT). Missing parents are made, root:root 0755. A
//   parent that is a file, or a link to nothing, fails the entry.
// - The last component is never followed. A later entry replaces an earlier one, a whole directory
//   too; only a directory over a directory merges, with the later one's metadata.
// - The target of a hard link is an entry name in this tree, by the same rules.
// - Devices are made as they are: /dev of a container is a tmpfs of its own, access to a node
//   elsewhere in the image is decided by the container's device rules, and on the host the tree
//   lies below a directory only root can enter. Character device 0:0 is refused: it is overlayfs'
//   mark of a removed file. Sockets are refused.
// - With Whiteouts::kOverlay the archive is a layer: "x/.wh.y" becomes the overlayfs whiteout "x/y"
//   unless this layer itself brought "x/y", where a directory becomes opaque instead;
//   "x/.wh..wh..opq" makes "x" opaque; other ".wh..wh." names (AUFS' own) are left out. A directory
//   that comes after its whiteout is opaque.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "unpack/budget.h"
#include "unpack/entry_name.h"
#include "unpack/metadata.h"

namespace skerry::unpack {

enum class Whiteouts : std::uint8_t {
  kLiteral,  ///< A flat root filesystem: ".wh." means nothing.
  kOverlay,  ///< A layer. Needs CAP_MKNOD, and CAP_SYS_ADMIN for trusted.overlay.opaque.
};

/// What an entry may do to what is at its place already.
enum class Existing : std::uint8_t {
  kReplace,     ///< A tree of ours: anything gives way to anything.
  kKeepsKinds,  ///< Somebody's own: no directory gives way to something else, nor the other way.
};

/// Borrows the root and the budget. Blocks: kernel (file system). Thread: one.
/// Errors of all: INVALID_ARGUMENT with a reason ENTRY_… for what is refused; by errno else.
class TreeWriter final {
 public:
  TreeWriter(int root, Budget& budget, Whiteouts whiteouts, Existing existing = Existing::kReplace)
      : root_(root), budget_(budget), whiteouts_(whiteouts), existing_(existing) {}

  /// The root itself when the name is empty.
  Result<> make_directory(const EntryName& entry, const Metadata& metadata);
  /// A new, empty regular file open for writing, mode 0600 until apply_metadata.
  Result<UniqueFd> create_file(const EntryName& entry);
  Result<> make_symlink(const EntryName& entry, const std::string& target, const Metadata& meta);
  Result<> make_hard_link(const EntryName& entry, const EntryName& target);
  /// `type` is S_IFCHR, S_IFBLK or S_IFIFO.
  Result<> make_node(const EntryName& entry, mode_t type, dev_t device, const Metadata& metadata);

  /// With kOverlay and a ".wh." name: does what it asks and returns true; false for any other.
  Result<bool> take_whiteout(const EntryName& entry);

  /// Sets the modification times of directories, which the entries in them have changed. Last.
  Result<> finish();

 private:
  struct DirectoryTime {
    std::string path;
    timespec modified;
  };

  Result<UniqueFd> open_parent(const EntryName& entry);
  Result<UniqueFd> open_directory(const std::string& path);
  Result<> apply_to_directory(const EntryName& entry, int fd, const Metadata& metadata);
  Result<> make_whiteout(const EntryName& hidden);
  Result<> clear_place(int parent, const std::string& name) const;

  int root_;
  Budget& budget_;
  Whiteouts whiteouts_;
  Existing existing_;
  std::vector<DirectoryTime> directory_times_;
};

}  // namespace skerry::unpack
