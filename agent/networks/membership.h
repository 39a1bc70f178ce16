// Between what a pod asks of a network, what plugins are told and what they answer: pure.
#pragma once

#include <string>

#include "base/ids.h"
#include "cni/attachment.h"
#include "cni/cni_result.h"
#include "isolators/network/network_settings.h"

namespace skerry::agent {

/// What the plugins of one network are told. The first network of the settings has the ports.
cni::Attachment make_attachment(const Uid& uid,
                                const isolators::NetworkSettings& settings,
                                const isolators::NetworkWish& wish,
                                const std::string& netns);

isolators::NetworkMembership to_membership(const isolators::NetworkWish& wish,
                                           const cni::CniResult& result);

isolators::DnsWish to_dns(const cni::DnsSettings& dns);

}  // namespace skerry::agent
