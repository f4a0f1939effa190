// SPDX-License-Identifier: Apache-2.0
// Redirect (RFC 5685): a gateway sends a client to another one.
#ifndef FLEXVPN_CORE_IKE_REDIRECT_H_
#define FLEXVPN_CORE_IKE_REDIRECT_H_

#include <optional>
#include <string>

#include "base/bytes.h"
#include "core/net/ip.h"

namespace flexvpn::ike {

// A gateway by address or by name.
struct Gateway {
  net::IpAddress address;  // empty: by name
  std::string name;        // FQDN
  friend bool operator==(const Gateway&, const Gateway&) = default;
};

// Data of REDIRECT (§6.2; `nonce` is the Ni of the IKE_SA_INIT request, empty in other exchanges) and, without nonce,
// of REDIRECTED_FROM (§6.3).  A name has at most 255 octets.
Bytes EncodeRedirect(const Gateway& to, BytesView nonce = {});

struct Redirect {
  Gateway to;
  Bytes nonce;  // empty if there is none
  friend bool operator==(const Redirect&, const Redirect&) = default;
};
// nullopt: unknown type of identity, wrong lengths, a name that is none.
std::optional<Redirect> DecodeRedirect(BytesView data);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_REDIRECT_H_
