// What the holder keeps: the namespaces of every pod on this host.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/unique_fd.h"
#include "launcher/launcher_protocol.h"

namespace skerry::launcher {

struct Sandbox {
  SandboxUid uid{};
  std::array<UniqueFd, kSandboxKinds> namespaces;
};

/// Takes its memory once, so that nothing can fail later for lack of it. Thread: one.
class SandboxTable final {
 public:
  explicit SandboxTable(std::size_t capacity) : capacity_(capacity) {
    sandboxes_.reserve(capacity);
  }

  /// Null when there is none of that uid. Good until the next change.
  const Sandbox* find(const SandboxUid& uid) const;
  /// Null when the table is full. The uid must be new.
  const Sandbox* keep(Sandbox sandbox);
  /// Closes its descriptors. What is unknown is gone already.
  void drop(const SandboxUid& uid);
  const std::vector<Sandbox>& all() const { return sandboxes_; }

 private:
  std::size_t capacity_;
  std::vector<Sandbox> sandboxes_;
};

/// Takes one message of holder_protocol.h from `channel` and answers it. Whatever is wrong with it,
/// the holder lives on. Blocks: never, when a message waits.
void serve_sandbox_request(SandboxTable& table, int channel);

}  // namespace skerry::launcher
