// SPDX-License-Identifier: Apache-2.0
// What a responder keeps of an IKE SA before its peer has said anything authentic: next to nothing beside the two
// IKE_SA_INIT messages, which AUTH covers (RFC 7296 §2.15).  A Session is made of it with the first protected message.
#ifndef FLEXVPN_CORE_IKE_HALF_OPEN_H_
#define FLEXVPN_CORE_IKE_HALF_OPEN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ike/sa.h"

namespace flexvpn::ike {

// The body of the first payload of that type in an IKE message, without its generic header; points into `message`.
// Empty: there is none, or the chain of payloads is malformed before it.
BytesView BodyOf(BytesView message, PayloadType type);

// Kept small (docs/performance.md): floods are paid for with it.
class HalfOpen {
 public:
  // `request`: IKE_SA_INIT or IKE_SESSION_RESUME as received, with a nonce.
  explicit HalfOpen(BytesView request) : request_size_(Size(request)), octets_(request.begin(), request.end()) {}

  // The answer as sent, and SKEYSEED (§2.14): all keys come from that when they are needed.
  void SetAnswer(BytesView response, BytesView skeyseed);
  bool answered() const { return response_size_ != 0; }

  BytesView request() const { return BytesView(octets_).first(request_size_); }
  BytesView response() const { return BytesView(octets_).subspan(request_size_, response_size_); }  // empty: not yet
  BytesView skeyseed() const { return BytesView(octets_).subspan(size_t{request_size_} + response_size_); }
  BytesView nonce_i() const { return BodyOf(request(), PayloadType::kNonce); }
  BytesView nonce_r() const { return BodyOf(response(), PayloadType::kNonce); }

  IkeSaId id;
  IkeSpi spi_i, spi_r;      // spi_r is ours
  uint64_t init_key = 0;    // entry in the table of IKE_SA_INIT requests
  Instant created{}, expires{};
  net::Endpoint local, remote;
  Suite suite;
  bool nat_local = false, nat_remote = false, force_encap = false, fragmentation = false;  // as in Session
  Agreed agreed;
  std::optional<HashSet> peer_hashes;  // SIGNATURE_HASH_ALGORITHMS

 private:
  uint16_t request_size_, response_size_ = 0;  // here they need no room of their own

 public:
  std::shared_ptr<const std::vector<Suite>> suites;
  std::unique_ptr<const Resumption> resumed;  // by a ticket; none: IKE_SA_INIT
  std::shared_ptr<const std::vector<std::string>> vendor_ids;

 private:
  static uint16_t Size(BytesView message) { return static_cast<uint16_t>(message.size()); }

  SecretBytes octets_;  // request | response | SKEYSEED: one block of memory
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_HALF_OPEN_H_
