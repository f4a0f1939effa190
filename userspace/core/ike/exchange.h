// SPDX-License-Identifier: Apache-2.0
// What we may ask of the peer: one value an exchange, kept beside the request until its answer comes.
#ifndef FLEXVPN_CORE_IKE_EXCHANGE_H_
#define FLEXVPN_CORE_IKE_EXCHANGE_H_

#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "core/ike/endpoint.h"

namespace flexvpn::ike {

struct IkeSa;

// Our offer of a Child SA: what the answer is checked against.
struct ChildOffer {
  EspSpi spi;                  // our inbound SPI
  std::vector<Suite> suites;   // as offered
  std::vector<TrafficSelector> tsi, tsr;
  bool transport = false;      // USE_TRANSPORT_MODE was sent
};

struct InitOp {};
struct ResumeOp {};  // IKE_SESSION_RESUME
struct AuthOp {};
struct IntermediateOp {};
struct LivenessOp {};
struct TicketOp {};  // asks for a ticket (RFC 5723 §4.1)
struct DeleteIkeOp {
  bool authentication_failed = false;  // say AUTHENTICATION_FAILED instead of a Delete payload (§2.21.2)
};
struct DeleteChildOp {
  ChildId child;  // none: the peer made an SA that we do not want
  EspSpi spi_in;
};
struct ConfigSetOp {
  std::vector<ConfigAttribute> attributes;
};
// CREATE_CHILD_SA for a Child SA: the successor of `old`, or one more if that is none.
struct RekeyChildOp {
  ChildId old;
  ChildOffer offer;
  Bytes nonce;
  crypto::KeyPair key;  // method kNone without PFS
  int restarts = 0;     // INVALID_KE_PAYLOAD
};
struct RekeyIkeOp {
  std::vector<Suite> offer;  // the first has the group of `key`
  int restarts = 0;          // groups tried before
  IkeSpi spi;                // ours of the new IKE SA
  Bytes nonce;
  crypto::KeyPair key;
};
// One additional key exchange of a CREATE_CHILD_SA (RFC 9370 §2.2.4), and what the whole is for.
struct FollowupKeOp {
  std::variant<RekeyChildOp, RekeyIkeOp> original;
  Bytes link;                          // of the last answer
  std::vector<crypto::KeMethod> left;  // the first is the one under way
  crypto::KeyPair key;
  SecretBytes first, rest;             // SK(0); SK(1) | SK(2) | …
  std::function<void(IkeSa&, const FollowupKeOp&, Instant, Actions&)> finish{};  // makes the SA
};
// MOBIKE: our addresses as told to the peer.
struct UpdateAddressesOp {
  net::Endpoint local, remote;
};
// MOBIKE, as responder: where the peer can reach us, told from a new address of ours.
struct AddressesOp {};
// MOBIKE: whether the peer receives at its new address.
struct RoutabilityOp {
  Bytes cookie;
};
using Op = std::variant<InitOp, ResumeOp, AuthOp, IntermediateOp, LivenessOp, TicketOp, DeleteIkeOp, DeleteChildOp, ConfigSetOp, RekeyChildOp,
                        RekeyIkeOp, FollowupKeOp, UpdateAddressesOp, AddressesOp, RoutabilityOp>;

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_EXCHANGE_H_
