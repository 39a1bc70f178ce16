// The container's root: an overlay of its layers with the writable directories in its scratch.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "isolators/container_config.h"
#include "os/foreign_path.h"
#include "os/mount.h"

namespace skerry::isolators {

/// Errors: INVALID_ARGUMENT, reasons ROOT_INVALID (number of layers), PATH_INVALID.
Result<> check_root(const RootFilesystem& root);

/// The directories `upper` and `work` of a container. What open() had to make goes away again with
/// the object unless keep() was called; what was there before (an earlier attempt's) stays.
class Scratch final {
 public:
  /// Makes what is missing and clears the mark of an earlier volatile mount, which would keep the
  /// kernel from mounting the directories again. Errors: by errno.
  static Result<Scratch> open(const RootFilesystem& root) { return open(root, "upper", "work"); }
  /// The same with directories of other names, for a root that is made before it is known whose it
  /// will be: what is left of one that was not wanted is nobody's upper layer.
  static Result<Scratch> open_ready(const RootFilesystem& root);
  /// Makes them those of the container; what is mounted over them stays. Errors: by errno.
  static Result<> take_ready(const RootFilesystem& root);
  /// Removes them; nothing may be mounted over them. Errors: by errno. Idempotent.
  static Result<> forget_ready(const RootFilesystem& root);

  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&&) = delete;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  void keep() { made_upper_ = made_work_ = false; }
  int upper() const { return upper_.get(); }
  int work() const { return work_.get(); }
  bool made_upper() const { return made_upper_; }

 private:
  Scratch() = default;
  static Result<Scratch> open(const RootFilesystem& root, const char* upper, const char* work);

  UniqueFd directory_;
  const char* upper_name_ = "";
  const char* work_name_ = "";
  UniqueFd upper_;
  UniqueFd work_;
  bool made_upper_ = false;
  bool made_work_ = false;
};

struct RootRequest {
  const RootFilesystem& config;
  const Scratch& scratch;
  os::OverlayArm arm;
  os::ForeignPaths& foreign;
  std::chrono::milliseconds deadline;
  /// Real paths at and below which a directory of the host may be the root.
  const std::vector<std::string>& bind_sources;
};

/// The detached overlay, with /proc, /sys and /dev in it as true directories.
/// Errors: NOT_FOUND for a layer that is not there; FAILED_PRECONDITION, reason ROOT_INVALID, when
/// the image has something else in place of /proc, /sys or /dev; PERMISSION_DENIED, reason
/// BIND_REFUSED. Blocks: kernel.
Result<UniqueFd> make_root(const RootRequest& request);

}  // namespace skerry::isolators
