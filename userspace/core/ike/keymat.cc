// SPDX-License-Identifier: Apache-2.0
#include "core/ike/keymat.h"

#include <algorithm>

namespace flexvpn::ike {
namespace {

// Cuts one key after the other from key material.
class KeyCutter {
 public:
  explicit KeyCutter(const SecretBytes& material) : rest_(material) {}
  SecretBytes Take(size_t n) {
    n = std::min(n, rest_.size());
    SecretBytes key = ToSecret(rest_.first(n));
    rest_ = rest_.subspan(n);
    return key;
  }

 private:
  BytesView rest_;
};

size_t EncrMaterial(const Suite& s) {
  return crypto::EncrKeySize(s.encr, s.encr_key_bits) + crypto::SaltSize(s.encr);
}
size_t IntegMaterial(const Suite& s) { return crypto::IsAead(s.encr) ? 0 : crypto::IntegKeySize(s.integ); }

}  // namespace

IkeKeys DeriveIkeKeys(const crypto::Provider& c, const Suite& suite, BytesView shared, BytesView nonce_i,
                      BytesView nonce_r, IkeSpi spi_i, IkeSpi spi_r, BytesView old_sk_d, crypto::Prf old_prf,
                      BytesView additional) {
  if (old_sk_d.empty()) {
    const SecretBytes skeyseed = Skeyseed(c, suite.prf, shared, nonce_i, nonce_r);
    return ExpandIkeKeys(c, suite, skeyseed, nonce_i, nonce_r, spi_i, spi_r);
  }
  const BytesView parts[] = {shared, nonce_i, nonce_r, additional};
  const SecretBytes skeyseed = c.ComputePrf(old_prf, old_sk_d, parts);
  return ExpandIkeKeys(c, suite, skeyseed, nonce_i, nonce_r, spi_i, spi_r);
}

SecretBytes Skeyseed(const crypto::Provider& c, crypto::Prf prf, BytesView shared, BytesView nonce_i,
                     BytesView nonce_r) {
  ByteWriter key;
  const size_t most = crypto::PrfNonceKeySize(prf);
  for (BytesView nonce : {nonce_i, nonce_r}) key.Append(most == 0 ? nonce : nonce.first(std::min(most, nonce.size())));
  const BytesView parts[] = {shared};
  return c.ComputePrf(prf, key.view(), parts);
}

IkeKeys ExpandIkeKeys(const crypto::Provider& c, const Suite& suite, BytesView skeyseed, BytesView nonce_i,
                      BytesView nonce_r, IkeSpi spi_i, IkeSpi spi_r) {
  ByteWriter seed;
  seed.Append(nonce_i);
  seed.Append(nonce_r);
  seed.U64(spi_i.value());
  seed.U64(spi_r.value());

  const size_t prf_size = crypto::PrfKeySize(suite.prf), encr = EncrMaterial(suite), integ = IntegMaterial(suite);
  const SecretBytes material =
      c.PrfPlus(suite.prf, skeyseed, seed.view(), 3 * prf_size + 2 * integ + 2 * encr);
  KeyCutter cut(material);
  const crypto::Integ integ_id = crypto::IsAead(suite.encr) ? crypto::Integ::kNone : suite.integ;
  IkeKeys keys;
  keys.initiator.encr = keys.responder.encr = suite.encr;
  keys.initiator.integ = keys.responder.integ = integ_id;
  keys.sk_d = cut.Take(prf_size);
  keys.initiator.integ_key = cut.Take(integ);
  keys.responder.integ_key = cut.Take(integ);
  keys.initiator.encr_key = cut.Take(encr);
  keys.responder.encr_key = cut.Take(encr);
  keys.sk_pi = cut.Take(prf_size);
  keys.sk_pr = cut.Take(prf_size);
  return keys;
}

ChildKeys DeriveChildKeys(const crypto::Provider& c, crypto::Prf prf, BytesView sk_d, const Suite& child,
                          BytesView shared, BytesView nonce_i, BytesView nonce_r, BytesView additional) {
  SecretBytes seed = ToSecret(shared);
  seed.insert(seed.end(), nonce_i.begin(), nonce_i.end());
  seed.insert(seed.end(), nonce_r.begin(), nonce_r.end());
  seed.insert(seed.end(), additional.begin(), additional.end());
  const size_t encr = EncrMaterial(child), integ = IntegMaterial(child);
  const SecretBytes material = c.PrfPlus(prf, sk_d, seed, 2 * (encr + integ));
  KeyCutter cut(material);
  ChildKeys keys;
  keys.encr_i = cut.Take(encr);
  keys.integ_i = cut.Take(integ);
  keys.encr_r = cut.Take(encr);
  keys.integ_r = cut.Take(integ);
  return keys;
}

SecretBytes SharedKeyAuth(const crypto::Provider& c, crypto::Prf prf, BytesView secret, BytesView first_message,
                          BytesView peer_nonce, BytesView sk_p, BytesView id_body, BytesView int_auth) {
  const BytesView pad[] = {AsView("Key Pad for IKEv2")};
  const SecretBytes key = c.ComputePrf(prf, secret, pad);
  const BytesView id[] = {id_body};
  const SecretBytes maced_id = c.ComputePrf(prf, sk_p, id);
  const BytesView signed_octets[] = {first_message, peer_nonce, maced_id, int_auth};
  return c.ComputePrf(prf, key, signed_octets);
}

}  // namespace flexvpn::ike
