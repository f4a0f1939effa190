// SPDX-License-Identifier: Apache-2.0
// Parts of the running configuration (the whole: Render in model.h).
#ifndef FLEXVPN_CORE_CONFIG_RENDER_H_
#define FLEXVPN_CORE_CONFIG_RENDER_H_

#include <string>
#include <vector>

#include "core/config/model.h"

namespace flexvpn::config {

// The block of one interface, "interface NAME" first; secrets as `<removed>` unless `secrets`.
std::string RenderInterface(const Interface& interface, bool secrets);
// "address 10.0.0.0 255.0.0.0", "fqdn domain example.net"
std::string IdentityWords(const Identity& id);
const char* OffloadWord(Offload offload);  // off, auto, crypto, packet
// What `route set` says: "interface", "access-list LAN", "remote ipv4 10.0.0.0 255.0.0.0".
std::vector<std::string> RouteSetWords(const AuthorizationPolicy& policy);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_RENDER_H_
