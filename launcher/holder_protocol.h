// Launcher and its children ↔ holder, about sandboxes, over a SOCK_SEQPACKET pair that lives as
// long as the holder. Every message carries the socket of skerryd that asked, and the holder
// answers there: nobody of ours waits for anybody, and a launcher that dies in between leaves
// nothing half said.
//
//   skerryd            launcher          maker                        holder
//      ├─ MakeSandbox ────►│ fork ────────►│ namespaces, operations      │
//      │                   │               ├─ KeepSandbox + [S, fds…] ──►│ keeps, or finds what it
//      │◄─────────── Sandbox{numbers} + [fds…], through S ───────────────┤ keeps by that uid
//      ├─ Get, Drop, List ►├─ the same + [S] ───────────────────────────►│
//      │◄─────────── the answer, through S ──────────────────────────────┤
//
// Packets are SandboxPackets (launcher_protocol.h). In KeepSandbox `numbers` says by -1 which kinds
// there are not. The holder never restarts, so an old one meets new launchers: types are only
// added, one it does not know is answered by SandboxRefused{EOPNOTSUPP}.
#pragma once

#include "launcher/launcher_protocol.h"

namespace skerry::launcher {

/// Where the launcher's end of the pair is, from the holder's fork and through every Replace.
constexpr int kHolderChannel = 4;

}  // namespace skerry::launcher
