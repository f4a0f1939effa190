// SPDX-License-Identifier: Apache-2.0
// A peer that says what it likes, with the right keys.
#ifndef FLEXVPN_TESTS_UNIT_CORE_IKE_INSIDER_H_
#define FLEXVPN_TESTS_UNIT_CORE_IKE_INSIDER_H_

#include <utility>

#include "core/ike/codec/fragment.h"
#include "core/ike/proposal.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {

// Knows the keys of the first IKE SA on the wire (the toy key exchange is no secret) and speaks as either side.
class Insider {
 public:
  explicit Insider(World& w) : Insider(w, w.a->ups.at(0).suite) {}
  Insider(World& w, const Suite& suite) : w_(w) {
    const Bytes& request = w.wire.at(0).second.bytes;
    const Bytes& response = w.wire.at(1).second.bytes;
    const Header h = *DecodeHeader(response);
    spi_i_ = h.initiator_spi, spi_r_ = h.responder_spi;
    const auto p = *DecodePayloads(DecodeHeader(request)->next_payload, BytesView(request).subspan(kHeaderSize));
    const auto q = *DecodePayloads(h.next_payload, BytesView(response).subspan(kHeaderSize));
    const auto* ke = ike::Find<KePayload>(p);
    const auto shared = crypto_.Run(crypto::DeriveSecret{{ke->method, ke->public_value, nullptr},
                                                         ike::Find<KePayload>(q)->public_value});
    keys_ = DeriveIkeKeys(crypto_, suite, std::get<SecretBytes>(*shared),
                          ike::Find<NoncePayload>(p)->nonce, ike::Find<NoncePayload>(q)->nonce, spi_i_, spi_r_);
  }
  const IkeKeys& keys() const { return keys_; }
  Header MakeHeader(bool as_initiator, ExchangeType exchange, uint32_t id, bool response = false) const {
    Header h;
    h.initiator_spi = spi_i_, h.responder_spi = spi_r_;
    h.exchange = exchange;
    h.message_id = id;
    h.flags = static_cast<uint8_t>((as_initiator ? kFlagInitiator : 0) | (response ? kFlagResponse : 0));
    return h;
  }
  Bytes Message(bool as_initiator, ExchangeType exchange, uint32_t id, const Payloads& p, bool response = false) {
    return *Protect(crypto_, as_initiator ? keys_.initiator : keys_.responder,
                    MakeHeader(as_initiator, exchange, id, response), p, 1000 + serial_++, rng_);
  }
  // Answers the request with header `to`.
  Bytes Answer(bool as_initiator, const Header& to, const Payloads& p) {
    return *Protect(crypto_, as_initiator ? keys_.initiator : keys_.responder,
                    MakeHeader(as_initiator, to.exchange, to.message_id, true), p, 1000 + serial_++, rng_);
  }
  // The same in fragments of at most `space` octets.
  WireMessage Fragments(bool as_initiator, ExchangeType exchange, uint32_t id, const Payloads& p, size_t space,
                        bool response = false) {
    uint64_t sequence = 1000 + serial_;
    auto wire = ProtectWithin(crypto_, as_initiator ? keys_.initiator : keys_.responder,
                              MakeHeader(as_initiator, exchange, id, response), EncodePlain(p), space, sequence, rng_);
    serial_ = sequence - 1000;
    return *std::move(wire);
  }
  Payloads Read(bool of_initiator, const Bytes& bytes) {
    auto p = Unprotect(crypto_, of_initiator ? keys_.initiator : keys_.responder, *DecodeHeader(bytes), bytes);
    return p.ok() ? *p : Payloads{};
  }
  // Sends to B as A and gives the decrypted answer.
  Payloads Ask(ExchangeType exchange, uint32_t id, const Payloads& p) {
    const size_t before = w_.wire.size();
    w_.Inject(*w_.b, {w_.a->address, 500}, Message(true, exchange, id, p));
    w_.Run(5ms);
    return w_.wire.size() > before ? Read(false, w_.wire[before].second.bytes) : Payloads{};
  }

 private:
  World& w_;
  crypto::ToyProvider crypto_;
  SeededRng rng_{99};
  IkeSpi spi_i_, spi_r_;
  IkeKeys keys_;
  uint64_t serial_ = 0;
};

inline NotifyType ErrorOf(const Payloads& p) {
  const NotifyPayload* n = FindError(p);
  return n != nullptr ? n->type : NotifyType{};
}

inline Payloads NewChild(uint32_t spi, const Node& a, const Node& b) {
  ByteWriter s;
  s.U32(spi);
  TrafficSelector ts;
  ts.protocol = 47;
  ts.start = ts.end = a.address;
  TrafficSelector tr = ts;
  tr.start = tr.end = b.address;
  return {BuildSa(ProtocolId::kEsp, s.view(), {EspSuite()}), NoncePayload{Bytes(32, 1)}, TsPayload{true, {ts}},
          TsPayload{false, {tr}}};
}

}  // namespace flexvpn::ike::test

#endif  // FLEXVPN_TESTS_UNIT_CORE_IKE_INSIDER_H_
