// Trees on disk, named by what they hold.
//
//   STATE/layers/                0700: setuid programs and devices in it are for root only
//     <64 hex>/fs/               a tree, complete and on disk since it has this name
//     <64 hex>/about.json        {"version":1,"bytes":N,"entries":N,"created_ns":N}
//     tmp-<32 hex>/              being unpacked, by this life of the daemon or a former one
//     tmp-gone-<32 hex>/         on its way out
//
// Life of a tree: stage (worker, long) → commit (reactor, one rename) → settle (worker, waits for
// the disk) … retire (reactor, one rename) → settle. What has "tmp-" in front at start is a
// left-over. The tree reached the disk by syncfs(2) before its rename, so a crash leaves a whole
// tree or none; what settle adds is that the rename itself is on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "images/content_id.h"
#include "images/unpacker.h"

namespace skerry::images {

/// What about.json says.
struct LayerInfo {
  ContentId content_id;
  Bytes size;
  std::uint64_t entries = 0;
  WallTime created;
};

/// A tree that is complete but has no name yet. Goes to commit() or discard(); a daemon that dies
/// before leaves it to the next start's sweep.
struct StagedLayer {
  std::string directory;
  LayerInfo info;
};

class LayerStore final {
 public:
  /// Makes `layers` below `state_dir` (borrowed) when it is not there. Errors: by errno.
  static Result<LayerStore> open(int state_dir);

  /// Unpacks `job` (whose destination is set here) beside the trees. An error leaves nothing.
  /// Errors: the unpacker's; by errno. Blocks: up to the job's deadline, and the time to delete
  /// what a failed one left. Thread: worker, several at a time.
  Result<StagedLayer> stage(Unpacker& unpacker, UnpackJob job, const Clock& clock) const;

  /// Gives the staged tree its name; true when it is new, false when the same content was there
  /// already, and the staged one is retired. Blocks: kernel (one rename). Thread: reactor.
  Result<bool> commit(const StagedLayer& staged) const;

  /// Gives up a staged tree. Blocks: kernel (one rename). Idempotent.
  Result<> discard(const StagedLayer& staged) const;

  /// Takes a tree's name away; mounts that use it go on. What is not there is fine.
  /// Blocks: kernel (one rename). Thread: reactor. Idempotent.
  Result<> retire(const ContentId& id) const;

  /// Makes renames durable and deletes what was retired. Blocks: disk. Thread: worker, several at
  /// a time.
  Result<> settle() const;

  /// Deletes all that is unfinished. Only when no import runs: at start. Returns how many there
  /// were. Blocks: disk.
  Result<std::size_t> sweep() const;

  /// All trees, sorted by id. Where about.json cannot be read, size and time are zero.
  /// Blocks: disk.
  Result<std::vector<LayerInfo>> list() const;

  /// The root of a tree (O_PATH), for an overlay's lower layer. Errors: NOT_FOUND, reason
  /// IMAGE_NOT_FOUND. Blocks: kernel.
  Result<UniqueFd> open_tree(const ContentId& id) const;

 private:
  explicit LayerStore(UniqueFd layers) : layers_(std::move(layers)) {}

  Result<std::string> make_staging() const;
  Result<LayerInfo> fill(const std::string& directory,
                         Unpacker& unpacker,
                         UnpackJob job,
                         const Clock& clock) const;
  Result<> move_out(const std::string& directory) const;
  Result<std::vector<std::string>> names() const;

  UniqueFd layers_;
};

}  // namespace skerry::images
