// SPDX-License-Identifier: Apache-2.0
// Decoded payloads as JSON, with the names of the IANA registry "IKEv2 Parameters".
#ifndef FLEXVPN_CORE_DISSECT_DESCRIBE_H_
#define FLEXVPN_CORE_DISSECT_DESCRIBE_H_

#include <string>

#include "core/ike/codec/message.h"
#include "nlohmann/json.hpp"

namespace flexvpn::dissect {

using Json = nlohmann::ordered_json;

// {"payload": "SA", …}; octets in hexadecimal.
Json Describe(const ike::Payload& payload);

std::string PayloadName(uint8_t type);  // "SA", "SKF", "PAYLOAD_99"
std::string TransformName(
    const ike::Transform& transform);  // "ENCR_AES_GCM_16/256", "GROUP_19 (256-bit random ECP)"

}  // namespace flexvpn::dissect

#endif  // FLEXVPN_CORE_DISSECT_DESCRIBE_H_
