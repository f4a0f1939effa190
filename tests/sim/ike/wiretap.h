// SPDX-License-Identifier: Apache-2.0
// Reads IKE messages on the wire without keys: the provider remembers what it was asked to protect.
#ifndef FLEXVPN_TESTS_SIM_IKE_WIRETAP_H_
#define FLEXVPN_TESTS_SIM_IKE_WIRETAP_H_

#include <map>
#include <string>

#include "core/ike/codec/message.h"
#include "support/toy_crypto.h"

namespace flexvpn::ike::sim {

class Wiretap : public crypto::ToyProvider {
 public:
  Wiretap(uint64_t seed, bool record) : ToyProvider(seed), record_(record) {}

  absl::StatusOr<Bytes> Encrypt(crypto::Encr e, BytesView key, BytesView iv,
                                   BytesView plain) const override {
    return Remember(ToyProvider::Encrypt(e, key, iv, plain), plain);
  }
  absl::StatusOr<Bytes> Seal(crypto::Encr e, BytesView key, BytesView nonce, BytesView aad,
                             BytesView plain) const override {
    return Remember(ToyProvider::Seal(e, key, nonce, aad, plain), plain);
  }

  // The payloads of a message; empty if unknown or unreadable.
  Payloads Read(BytesView datagram) const;
  // "CREATE_CHILD_SA request 3 {N(REKEY_SA) SA Nonce TSi TSr}"
  std::string Describe(BytesView datagram) const;

 private:
  static constexpr size_t kStart = 16;  // octets of ciphertext that identify it

  absl::StatusOr<Bytes> Remember(absl::StatusOr<Bytes> sealed, BytesView plain) const {
    if (record_ && sealed.ok() && sealed->size() >= kStart)
      plain_[Bytes(sealed->begin(), sealed->begin() + kStart)] = Bytes(plain.begin(), plain.end());
    return sealed;
  }

  bool record_;
  mutable std::map<Bytes, Bytes> plain_;
};

// "N(REKEY_SA)", "D(ESP)", "CP(SET)"
std::string PayloadName(const Payload& payload);

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_WIRETAP_H_
