// SPDX-License-Identifier: Apache-2.0
// Configuration attributes for people (RFC 7296 §3.15.1, RFC 8598, Cisco Unity): every one that a peer sends is kept
// and shown, also those nobody here knows.
#ifndef FLEXVPN_CORE_IKE_CP_H_
#define FLEXVPN_CORE_IKE_CP_H_

#include <string>

#include "core/ike/codec/message.h"

namespace flexvpn::ike {

// IANA "IKEv2 Configuration Payload Attribute Types"; UNITY_…; "ATTRIBUTE_<number>" for others.
std::string CfgAttrName(CfgAttr type);

// "INTERNAL_IP4_SUBNET 10.1.0.0/16", "INTERNAL_DNS_DOMAIN corp.example", "ATTRIBUTE_99 0x0102"; the name alone when
// there is no value.  What does not fit its type is shown as octets.  At most 256 octets of the value; printable.
std::string ToString(const ConfigAttribute& attribute);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CP_H_
