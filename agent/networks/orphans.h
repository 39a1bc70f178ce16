// What networks keep for nobody: attachments, addresses, sandboxes and interfaces whose pod is
// gone. Read by the leak report, and given back after a start.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/networks/network_desk.h"
#include "base/ids.h"
#include "isolators/network/network_settings.h"

namespace skerry::agent {

/// Whether a container or pod of that uid holds its networks, or is about to.
using IsHolder = std::function<bool(const std::string& uid)>;

struct NetworkOrphan {
  enum class Kind : std::uint8_t {
    kAttachment,  ///< an entry of the result cache
    kAddress,     ///< a lease of the generated network without such an entry
    kSandbox,     ///< namespaces kept by the holder
    kInterface,   ///< more interfaces in the generated network's bridge than attachments
  };
  Kind kind{};
  std::string object;  ///< path, address, interface
  std::string uid;     ///< may be empty
  std::string detail;
  std::string network{};
  std::string interface {};
};

/// "attachment", "address", "sandbox", "interface".
std::string_view orphan_word(NetworkOrphan::Kind kind);

/// Blocks: disk, kernel, launcher. Thread: worker, or the reactor at the start. What cannot be read
/// is left out.
std::vector<NetworkOrphan> find_network_orphans(NetworkDesk& desk,
                                                LauncherClient* launcher,
                                                const IsHolder& is_holder);

/// Gives back the addresses of the generated network whose leases name nobody
/// (cni::remove_nameless_leases), and returns them. Blocks: disk. Thread: as above.
Result<std::vector<cni::IpAddress>> drop_nameless_addresses(NetworkDesk& desk);

/// Something owed: detach() of the record.
struct OwedDetach {
  Uid uid;
  isolators::NetworkRecord record;
};

/// Makes orphans what detach() can give back: a lease without an entry in the result cache gets
/// one. Sandboxes nobody has anything else for are dropped at once. Blocks: disk, launcher. Thread:
/// as above.
std::vector<OwedDetach> claim_orphans(NetworkDesk& desk,
                                      LauncherClient& launcher,
                                      const std::vector<NetworkOrphan>& orphans);

}  // namespace skerry::agent
