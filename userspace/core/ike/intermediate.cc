// SPDX-License-Identifier: Apache-2.0
#include "core/ike/intermediate.h"

#include "absl/strings/str_cat.h"
#include "core/ike/codec/payloads.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

SecretBytes IntAuthOctets(const Header& header, const PlainPayloads& inner) {
  ByteWriter w;
  EncodeHeader(header, static_cast<uint8_t>(PayloadType::kEncrypted), w);
  const size_t length = kHeaderSize + kGenericHeaderSize + inner.octets.size();
  w.PatchU32(kLengthOffset, static_cast<uint32_t>(length));
  w.U8(inner.first_type);
  w.U8(0);
  w.U16(static_cast<uint16_t>(length - kHeaderSize));
  SecretBytes out = ToSecret(w.view());
  out.insert(out.end(), inner.octets.begin(), inner.octets.end());
  return out;
}

void ExtendIntAuth(const crypto::Provider& c, crypto::Prf prf, BytesView sk_p, BytesView octets, SecretBytes& link) {
  const BytesView parts[] = {link, octets};
  link = c.ComputePrf(prf, sk_p, parts);
}

Bytes IntAuthTail(BytesView of_initiator, BytesView of_responder, uint32_t auth_message_id) {
  if (of_initiator.empty()) return {};
  ByteWriter w;
  w.Append(of_initiator);
  w.Append(of_responder);
  w.U32(auth_message_id);
  return std::move(w).Release();
}

// What was said in one exchange goes into AUTH under the keys that held when it began (RFC 9242 §3.3.2).
void Endpoint::Impl::CoverIntermediate(IkeSa& sa, const Header& header, const PlainPayloads& inner) {
  Handshake& h = *sa.handshake;
  const bool by_initiator = !header.is_response();
  ExtendIntAuth(crypto_, sa.suite.prf, by_initiator ? sa.keys.sk_pi : sa.keys.sk_pr, IntAuthOctets(header, inner),
                by_initiator ? h.int_auth_i : h.int_auth_r);
}

// SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), then all keys anew (RFC 9370 §2.2.2): the formula of a rekey.
void Endpoint::Impl::MixAdditionalKe(IkeSa& sa, BytesView shared, Actions& out) {
  Handshake& h = *sa.handshake;
  sa.keys = DeriveIkeKeys(crypto_, sa.suite, shared, h.nonce_i, h.nonce_r, sa.spi_i, sa.spi_r, sa.keys.sk_d,
                          sa.suite.prf);
  ++h.additional_done;
  LogKeys(sa.spi_i, sa.spi_r, sa.keys, out);
}

// ---- initiator ----

// The next additional key exchange, or IKE_AUTH when there is none left.
void Endpoint::Impl::NextIntermediate(IkeSa& sa, Instant now, Actions& out) {
  Handshake& h = *sa.handshake;
  const std::vector<crypto::KeMethod> methods = AdditionalMethods(sa.suite);
  if (h.additional_done == methods.size()) {
    h.int_auth = IntAuthTail(h.int_auth_i, h.int_auth_r, sa.send.next_id());
    return SendAuth(sa, now, out);
  }
  sa.state = IkeState::kInitDerive;
  StartJob(sa, crypto::GenerateKey{methods[h.additional_done]},
           [this](IkeSa& s, crypto::JobResult made, Instant t, Actions& o) {
             if (!made.ok() || !std::holds_alternative<crypto::KeyPair>(*made))
               return FailInit(*s.session, absl::StrCat("key generation failed: ", made.status().message()), o);
             s.handshake->key = std::get<crypto::KeyPair>(*std::move(made));
             SendIntermediate(s, t, o);
           },
           out);
}

void Endpoint::Impl::SendIntermediate(IkeSa& sa, Instant now, Actions& out) {
  const crypto::KeyPair& key = sa.handshake->key;
  const Payloads payloads = {KePayload{key.method, key.public_value}};
  CoverIntermediate(sa, MakeHeader(sa, ExchangeType::kIkeIntermediate, false, sa.send.next_id()), EncodePlain(payloads));
  sa.state = IkeState::kIntermediateSent;
  SendRequest(sa, ExchangeType::kIkeIntermediate, payloads, IntermediateOp{}, now, out);
}

void Endpoint::Impl::OnIntermediateResponse(IkeSa& sa, const Incoming& in, Request*) {
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const NotifyPayload* error = FindError(in.payloads);
  if (ke == nullptr || ke->method != sa.handshake->key.method)
    return FailInit(*sa.session,
                    absl::StrCat("additional key exchange failed: peer answered ",
                                 error != nullptr ? NotifyName(error->type) : "without a fitting KE payload"),
                    in.out);
  CoverIntermediate(sa, in.header, in.plain);
  sa.state = IkeState::kInitDerive;
  StartJob(sa, crypto::DeriveSecret{std::exchange(sa.handshake->key, {}), ke->public_value},
           [this](IkeSa& s, crypto::JobResult secret, Instant now, Actions& out) {
             if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret))
               return FailInit(*s.session, "additional key exchange failed: bad public value of the peer", out);
             MixAdditionalKe(s, std::get<SecretBytes>(*secret), out);
             NextIntermediate(s, now, out);
           },
           in.out);
}

// ---- responder ----

void Endpoint::Impl::OnIntermediateRequest(IkeSa& sa, const Incoming& in, Request*) {
  const std::vector<crypto::KeMethod> methods = AdditionalMethods(sa.suite);
  const size_t done = sa.handshake->additional_done;
  const auto* ke = ike::Find<KePayload>(in.payloads);
  if (done == methods.size() || ke == nullptr || ke->method != methods[done])
    return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "IKE_INTERMEDIATE without the key exchange that is due");
  CoverIntermediate(sa, in.header, in.plain);
  StartJob(sa, crypto::AnswerKey{ke->method, ke->public_value},
           [this, to = ReplyFor(sa, in), method = ke->method](IkeSa& s, crypto::JobResult result, Instant, Actions& out) {
             if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result)) {
               Drop("drop: bad public value in IKE_INTERMEDIATE");
               return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, out);
             }
             AnswerIntermediate(s, to, method, std::get<crypto::KeyAnswer>(*result), out);
           },
           in.out);
}

// The answer goes out under the keys of the request; what follows uses the new ones.
void Endpoint::Impl::AnswerIntermediate(IkeSa& sa, const ReplyTo& to, crypto::KeMethod method,
                                        const crypto::KeyAnswer& made, Actions& out) {
  const Payloads payloads = {KePayload{method, made.public_value}};
  CoverIntermediate(sa, MakeHeader(sa, to.exchange, true, to.message_id), EncodePlain(payloads));
  Respond(to, payloads, out);
  MixAdditionalKe(sa, made.secret, out);
}

}  // namespace flexvpn::ike
