// What a network list says about its addresses, as far as host-local's configuration can be read.
#pragma once

#include <string>
#include <vector>

#include "cni/network_list.h"

namespace skerry::agent {

struct ListRange {
  std::string subnet;
  std::string gateway;  ///< empty: not said
};

/// Of every plugin whose IPAM is host-local. Pure; what cannot be read is left out.
std::vector<ListRange> ranges_of(const cni::NetworkList& list);

}  // namespace skerry::agent
