// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/key_exchange.h"

#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include <algorithm>

#include "base/status_macros.h"

namespace flexvpn::crypto {
namespace {

using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;

struct OpensslKey : PrivateKey {
  OpensslKey(KeMethod m, Pkey p) : method(m), pkey(std::move(p)) {}
  KeMethod method;
  Pkey pkey;
};

Pkey FromParams(const char* algorithm, OSSL_PARAM* params) {
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* pkey = nullptr;
  if (ctx == nullptr || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
      EVP_PKEY_fromdata(ctx.get(), &pkey, EVP_PKEY_KEY_PARAMETERS, params) != 1)
    return nullptr;
  return Pkey(pkey);
}

Pkey NamedGroup(const char* algorithm, const char* name) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(name), 0),
      OSSL_PARAM_construct_end()};
  return FromParams(algorithm, params);
}

// Groups 1 and 2 (RFC 7296 App. B) have no name in OpenSSL 3, but their primes are there.  The generator is 2.
Pkey OakleyGroup(BIGNUM* prime) {
  const BigNumber p(prime), g(BN_new());
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (p == nullptr || g == nullptr || builder == nullptr || BN_set_word(g.get(), 2) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_P, p.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_G, g.get()) != 1)
    return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  return params == nullptr ? nullptr : FromParams("DH", params.get());
}

Bytes PrimeMinus1(const EVP_PKEY* parameters, size_t size) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(parameters, OSSL_PKEY_PARAM_FFC_P, &raw) != 1) return {};
  const BigNumber p(raw);
  Bytes out(size);
  if (BN_bn2binpad(p.get(), out.data(), static_cast<int>(size)) < 0) return {};
  --out.back();  // a prime is odd: no borrow
  return out;
}

bool AllZero(BytesView v) {
  uint8_t any = 0;
  for (uint8_t b : v) any = static_cast<uint8_t>(any | b);
  return any == 0;
}

// 1 < y < p-1, big endian, same sizes (RFC 6989 §2.1).
bool InModpRange(BytesView y, BytesView prime_minus_1) {
  const bool above_1 = !AllZero(y.first(y.size() - 1)) || y.back() > 1;
  return above_1 && std::lexicographical_compare(y.begin(), y.end(), prime_minus_1.begin(), prime_minus_1.end());
}

absl::Status BadPublic(const char* why) {
  return absl::InvalidArgumentError(std::string("peer's public value: ") + why);
}

}  // namespace

KeyExchangeEngine::KeyExchangeEngine() {
  AddModp(KeMethod::kModp768, OakleyGroup(BN_get_rfc2409_prime_768(nullptr)));
  AddModp(KeMethod::kModp1024, OakleyGroup(BN_get_rfc2409_prime_1024(nullptr)));
  AddModp(KeMethod::kModp1536, NamedGroup("DH", "modp_1536"));
  AddModp(KeMethod::kModp2048, NamedGroup("DH", "modp_2048"));
  AddModp(KeMethod::kModp3072, NamedGroup("DH", "modp_3072"));
  AddModp(KeMethod::kModp4096, NamedGroup("DH", "modp_4096"));
  AddModp(KeMethod::kModp6144, NamedGroup("DH", "modp_6144"));
  AddModp(KeMethod::kModp8192, NamedGroup("DH", "modp_8192"));
  AddEcp(KeMethod::kEcp256, "prime256v1");
  AddEcp(KeMethod::kEcp384, "secp384r1");
  AddEcp(KeMethod::kEcp521, "secp521r1");
  AddEcp(KeMethod::kBrainpool224, "brainpoolP224r1");
  AddEcp(KeMethod::kBrainpool256, "brainpoolP256r1");
  AddEcp(KeMethod::kBrainpool384, "brainpoolP384r1");
  AddEcp(KeMethod::kBrainpool512, "brainpoolP512r1");
  AddMontgomery(KeMethod::kCurve25519, "X25519");
  AddMontgomery(KeMethod::kCurve448, "X448");
  ERR_clear_error();
}

void KeyExchangeEngine::Add(Group group, bool ok) {
  if (ok) groups_.push_back(std::move(group));
}

void KeyExchangeEngine::AddModp(KeMethod m, Pkey parameters) {
  const size_t size = KePublicSize(m);
  if (parameters == nullptr) return;
  Bytes prime_minus_1 = PrimeMinus1(parameters.get(), size);
  const bool ok = !prime_minus_1.empty();
  Add({m, Kind::kModp, nullptr, std::move(parameters), std::move(prime_minus_1), size}, ok);
}

void KeyExchangeEngine::AddEcp(KeMethod m, const char* name) {
  Pkey parameters = NamedGroup("EC", name);
  const bool ok = parameters != nullptr;
  Add({m, Kind::kEcp, nullptr, std::move(parameters), {}, KePublicSize(m) / 2}, ok);
}

void KeyExchangeEngine::AddMontgomery(KeMethod m, const char* name) {
  const PkeyCtx probe(EVP_PKEY_CTX_new_from_name(nullptr, name, nullptr));
  Add({m, Kind::kMontgomery, name, nullptr, {}, KePublicSize(m)}, probe != nullptr);
}

const KeyExchangeEngine::Group* KeyExchangeEngine::Find(KeMethod m) const {
  const auto it = std::find_if(groups_.begin(), groups_.end(), [m](const Group& g) { return g.method == m; });
  return it == groups_.end() ? nullptr : &*it;
}

PkeyCtx KeyExchangeEngine::Generator(const Group& group) {
  PkeyCtx ctx(group.kind == Kind::kMontgomery
                  ? EVP_PKEY_CTX_new_from_name(nullptr, group.montgomery, nullptr)
                  : EVP_PKEY_CTX_new_from_pkey(nullptr, group.parameters.get(), nullptr));
  if (ctx == nullptr || EVP_PKEY_keygen_init(ctx.get()) != 1) return nullptr;
  return ctx;
}

absl::StatusOr<KeyPair> KeyExchangeEngine::Generate(KeMethod m) const {
  const Group* group = Find(m);
  if (group == nullptr) return absl::UnimplementedError("key exchange method not supported");
  PkeyCtx ctx = group->generator.Take();
  if (ctx == nullptr) ctx = Generator(*group);
  EVP_PKEY* raw = nullptr;
  if (ctx == nullptr || EVP_PKEY_keygen(ctx.get(), &raw) != 1)
    return OpensslError(absl::StatusCode::kInternal, "key generation");
  group->generator.Give(std::move(ctx));
  Pkey pkey(raw);
  uint8_t* encoded = nullptr;
  const size_t size = EVP_PKEY_get1_encoded_public_key(pkey.get(), &encoded);
  BytesView view(encoded, size);
  if (group->kind == Kind::kEcp && !view.empty()) view = view.subspan(1);  // without the 04 of SEC 1
  Bytes value;
  if (view.size() <= KePublicSize(m)) value.assign(KePublicSize(m) - view.size(), 0);  // MODP: RFC 7296 §3.4
  value.insert(value.end(), view.begin(), view.end());
  OPENSSL_free(encoded);
  if (size == 0 || value.size() != KePublicSize(m))
    return OpensslError(absl::StatusCode::kInternal, "public value");
  return KeyPair{m, std::move(value), std::make_shared<OpensslKey>(m, std::move(pkey))};
}

absl::StatusOr<KeyPair> KeyExchangeEngine::Import(KeMethod m, BytesView private_value,
                                                  BytesView public_value) const {
  const Group* group = Find(m);
  if (group == nullptr) return absl::UnimplementedError("key exchange method not supported");
  Pkey pkey;
  if (group->kind == Kind::kMontgomery) {
    pkey.reset(EVP_PKEY_new_raw_private_key_ex(nullptr, group->montgomery, nullptr, private_value.data(),
                                               private_value.size()));
  } else {
    ASSIGN_OR_RETURN(const Pkey peer, PeerKey(*group, public_value));
    OSSL_PARAM* raw = nullptr;
    const BigNumber d(BN_bin2bn(private_value.data(), static_cast<int>(private_value.size()), nullptr));
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (d == nullptr || builder == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get()) != 1 ||
        EVP_PKEY_todata(peer.get(), EVP_PKEY_PUBLIC_KEY, &raw) != 1)
      return OpensslError(absl::StatusCode::kInternal, "import");
    const Params domain(raw), secret(OSSL_PARAM_BLD_to_param(builder.get()));
    const Params all(OSSL_PARAM_merge(domain.get(), secret.get()));
    const PkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, peer.get(), nullptr));
    EVP_PKEY* out = nullptr;
    if (all == nullptr || ctx == nullptr || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
        EVP_PKEY_fromdata(ctx.get(), &out, EVP_PKEY_KEYPAIR, all.get()) != 1)
      return OpensslError(absl::StatusCode::kInternal, "import");
    pkey.reset(out);
  }
  if (pkey == nullptr) return OpensslError(absl::StatusCode::kInvalidArgument, "import");
  return KeyPair{m, Bytes(public_value.begin(), public_value.end()), std::make_shared<OpensslKey>(m, std::move(pkey))};
}

Pkey KeyExchangeEngine::BlankPeer(const Group& group, BytesView any_public) {
  if (group.kind == Kind::kMontgomery)
    return Pkey(EVP_PKEY_new_raw_public_key_ex(nullptr, group.montgomery, nullptr, any_public.data(), any_public.size()));
  Pkey pkey(EVP_PKEY_new());
  if (pkey == nullptr || EVP_PKEY_copy_parameters(pkey.get(), group.parameters.get()) != 1) return nullptr;
  return pkey;
}

absl::StatusOr<Pkey> KeyExchangeEngine::PeerKey(const Group& group, BytesView peer_public) {
  if (peer_public.size() != KePublicSize(group.method)) return BadPublic("wrong length");
  if (group.kind == Kind::kModp && !InModpRange(peer_public, group.prime_minus_1)) return BadPublic("not in 2..p-2");
  Bytes encoded;
  if (group.kind == Kind::kEcp) encoded.push_back(4);  // uncompressed point
  encoded.insert(encoded.end(), peer_public.begin(), peer_public.end());
  Pkey pkey = group.peer.Take();
  if (pkey == nullptr) pkey = BlankPeer(group, peer_public);
  // For ECP this decodes the point, which fails for coordinates that are out of range or not on the curve.
  if (pkey == nullptr || EVP_PKEY_set1_encoded_public_key(pkey.get(), encoded.data(), encoded.size()) != 1)
    return OpensslError(absl::StatusCode::kInvalidArgument, "peer's public value");
  return pkey;
}

absl::StatusOr<SecretBytes> KeyExchangeEngine::Derive(const KeyPair& own, BytesView peer_public) const {
  const Group* group = Find(own.method);
  const auto* key = dynamic_cast<const OpensslKey*>(own.private_key.get());
  if (group == nullptr || key == nullptr || key->method != own.method)
    return absl::FailedPreconditionError("no private key of this method");
  ASSIGN_OR_RETURN(Pkey peer, PeerKey(*group, peer_public));
  PkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
  // The last argument 0 leaves out OpenSSL's full validation.  It would raise the value to the group's order: as
  // dear as the exchange itself for ECP and eight times as dear for MODP 2048.  Our private keys are never used
  // twice, so RFC 6989 §2.1-2.3 asks only for what PeerKey has checked: the range (all our MODP primes are safe
  // primes) and the curve equation (all our curves have cofactor 1).
  if (ctx == nullptr || EVP_PKEY_derive_init(ctx.get()) != 1 ||
      (group->kind == Kind::kModp && EVP_PKEY_CTX_set_dh_pad(ctx.get(), 1) != 1) ||
      EVP_PKEY_derive_set_peer_ex(ctx.get(), peer.get(), 0) != 1)
    return OpensslError(absl::StatusCode::kInternal, "key exchange");
  SecretBytes secret(group->secret_size);
  size_t size = secret.size();
  if (EVP_PKEY_derive(ctx.get(), secret.data(), &size) != 1)
    return OpensslError(absl::StatusCode::kInvalidArgument, "peer's public value");
  ctx.reset();  // refers to the peer's key
  group->peer.Give(std::move(peer));
  if (size != secret.size()) return absl::InternalError("key exchange: size of the shared secret");
  if (AllZero(secret)) return BadPublic("shared secret is zero");  // low order point (RFC 8031 §4, RFC 7748 §6)
  return secret;
}

}  // namespace flexvpn::crypto
