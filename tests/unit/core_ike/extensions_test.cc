// SPDX-License-Identifier: Apache-2.0
// Extensions agreed in IKE_SA_INIT: childless initiation (RFC 6023) and post-quantum pre-shared keys (RFC 8784).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/ike/ppk.h"
#include "unit/core_ike/cert_world.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Ppk MakePpk(const char* id, const char* key, bool required = false) {
  return {ToBytes(id), ToSecret(AsView(key)), required};
}

Payloads InitPayloads(const World& w, size_t at) {
  const Bytes& bytes = w.wire.at(at).second.bytes;
  return *DecodePayloads(DecodeHeader(bytes)->next_payload, BytesView(bytes).subspan(kHeaderSize));
}

bool Says(const World& w, size_t at, NotifyType type) { return FindNotify(InitPayloads(w, at), type) != nullptr; }

// --- RFC 6023 ---
TEST(Childless, TheChildSaFollowsTheIkeSaInItsOwnExchange) {
  World w;
  w.a->policy.session.childless = Childless::kForce;
  w.a->policy.session.child.pfs = w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
  w.Connect();
  EXPECT_THAT(w.a->children, IsEmpty());
  w.Run(1s);
  ASSERT_THAT(w.wire, SizeIs(6));
  EXPECT_EQ(DecodeHeader(w.wire[4].second.bytes)->exchange, ExchangeType::kCreateChildSa);
  ASSERT_THAT(w.a->children, SizeIs(1));
  EXPECT_EQ(w.a->children[0].suite.ke, crypto::KeMethod::kEcp256) << "the first Child SA has PFS, too";
  EXPECT_TRUE(w.PairUsable());
}

TEST(Childless, IsSaidByEveryResponderAndUsedOnlyWhenWanted) {
  World w;
  w.Connect();
  EXPECT_TRUE(Says(w, 1, NotifyType::kChildlessIkev2Supported));
  EXPECT_THAT(w.wire, SizeIs(4));
  EXPECT_THAT(w.a->children, SizeIs(1));
}

// An answer to IKE_SA_INIT as of a peer without extensions.
void StripNotify(World& w, NotifyType type) {
  w.drop = [](const Node& from, const Bytes&) { return from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(100ms);
  Payloads p = InitPayloads(w, 1);
  std::erase_if(p, [&](const Payload& x) {
    const auto* n = std::get_if<NotifyPayload>(&x);
    return n != nullptr && n->type == type;
  });
  w.drop = nullptr;
  w.Inject(*w.a, {w.b->address, 500}, EncodeMessage(*DecodeHeader(w.wire[1].second.bytes), p));
  w.Run(100ms);
}

TEST(Childless, PreferFallsBackAndForceDoesNot) {
  for (const Childless mode : {Childless::kPrefer, Childless::kForce}) {
    World w;
    w.a->policy.session.childless = mode;
    StripNotify(w, NotifyType::kChildlessIkev2Supported);
    if (mode == Childless::kForce) {
      EXPECT_THAT(w.a->warnings, Contains(HasSubstr("childless")));
      EXPECT_EQ(w.a->downs.size(), 1u);
    } else {  // AUTH fails, as the message was bent; what counts is what is asked
      ASSERT_GE(w.wire.size(), 3u);
      Insider x(w, IkeSuite());
      EXPECT_NE(ike::Find<SaPayload>(x.Read(true, w.wire.at(2).second.bytes)), nullptr);
    }
  }
}

TEST(Childless, ARefusedChildSaEndsTheSession) {
  World w;
  w.a->policy.session.childless = Childless::kPrefer;
  w.b->policy.session.child.proposals[0].encr_key_bits = 256;
  w.Connect();
  w.Run(1s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->downs.back().reason, HasSubstr("NO_PROPOSAL_CHOSEN"));
}

// --- RFC 8784 ---
// Computed with Python's hmac module: HMAC-SHA-256("quantum key", SK' | 01).
TEST(Ppk, IsMixedIntoThreeKeysAsTheRfcSays) {
  crypto::ToyProvider crypto;
  IkeKeys keys;
  keys.sk_d = ToSecret(Bytes(32, 'd')), keys.sk_pi = ToSecret(Bytes(32, 'i')), keys.sk_pr = ToSecret(Bytes(32, 'r'));
  const PpkKeys mixed = MixPpk(crypto, crypto::Prf::kHmacSha256, MakePpk("id", "quantum key"), keys);
  EXPECT_EQ(ToHex(mixed.sk_d), "0dc5c37452d684083731a9df7752d575ac929eb6b748316dd1dd93ede047cdd3");
  EXPECT_EQ(ToHex(mixed.sk_pi), "1b34821a794fae31bad71886b71a3710145f16ccbf874bfb075377e244963986");
  EXPECT_EQ(ToHex(mixed.sk_pr), "d407b57d1744001fefbb7ee1881262fd87dbe65b50177efa130fd4e79828e447");
}

TEST(Ppk, IdentityHasATypeAndAtLeastOneOctet) {
  EXPECT_EQ(EncodePpkIdentity(MakePpk("a", "k")), (Bytes{2, 'a'}));
  EXPECT_EQ(DecodePpkIdentity(Bytes{2, 'a'}), Bytes{'a'});
  for (const Bytes& bad : {Bytes{}, Bytes{2}, Bytes{1, 'a'}, Bytes{3, 'a'}}) EXPECT_EQ(DecodePpkIdentity(bad), std::nullopt);
}

TEST(Ppk, IsUsedWhenBothHaveItAndCarriesOverRekeys) {
  World w;
  w.a->policy.session.ppk = w.b->policy.session.ppk = MakePpk("id", "quantum key");
  w.b->policy.offers_ppk = true;
  w.traffic_every = 4ms;
  const IkeSaId id = w.Connect();
  EXPECT_TRUE(w.a->ups.at(0).ppk && w.b->ups.at(0).ppk);
  EXPECT_TRUE(Says(w, 0, NotifyType::kUsePpk) && Says(w, 1, NotifyType::kUsePpk));
  w.Run(1s);
  w.a->lost = w.b->lost = 0;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(id, w.now, out); });
  w.Run(5s);
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.b->outbound.back().id, w.now, out); });
  w.Run(15s);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
}

TEST(Ppk, TheChildSaKeysDependOnIt) {
  std::vector<SecretBytes> keys;
  for (const char* ppk : {"", "quantum key", "another key"}) {
    World w;
    if (*ppk != '\0') w.a->policy.session.ppk = w.b->policy.session.ppk = MakePpk("id", ppk);
    w.b->policy.offers_ppk = true;
    w.Connect();
    ASSERT_THAT(w.a->children, SizeIs(1));
    keys.push_back(w.a->children[0].encr_in);
    EXPECT_EQ(w.a->children[0].encr_in, w.b->children[0].encr_out);
  }
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_NE(keys[1], keys[2]);
}

struct PpkCase {
  const char* name;
  std::optional<Ppk> a, b;
  bool offers;  // B says USE_PPK
  bool up, used;
};

enum class Proof : uint8_t { kSharedKey, kCertificate };

class PpkMatrix : public ::testing::TestWithParam<std::tuple<Proof, PpkCase>> {};

TEST_P(PpkMatrix, EndsAsTheRfcSays) {
  const auto& [proof, c] = GetParam();
  const std::shared_ptr<World> world =
      proof == Proof::kCertificate ? std::make_shared<CertWorld>() : std::make_shared<World>();
  World& w = *world;
  w.a->policy.session.ppk = c.a;
  w.b->policy.session.ppk = c.b;
  w.b->policy.offers_ppk = c.offers;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_EQ(w.a->live(), c.up ? 1u : 0u);
  EXPECT_EQ(w.b->live(), c.up ? 1u : 0u);
  if (!c.up) {
    EXPECT_FALSE(w.a->warnings.empty());
    return;
  }
  EXPECT_EQ(w.a->ups.at(0).ppk, c.used);
  EXPECT_EQ(w.b->ups.at(0).ppk, c.used);
  EXPECT_TRUE(w.PairUsable());
}

INSTANTIATE_TEST_SUITE_P(
    Ppk, PpkMatrix,
    ::testing::Combine(::testing::Values(Proof::kSharedKey, Proof::kCertificate), ::testing::Values(
        PpkCase{"BothRequire", MakePpk("id", "k", true), MakePpk("id", "k", true), true, true, true},
        PpkCase{"OnlyTheInitiatorHasIt", MakePpk("id", "k"), std::nullopt, false, true, false},
        PpkCase{"OnlyTheInitiatorHasItForThisPeer", MakePpk("id", "k"), std::nullopt, true, true, false},
        PpkCase{"TheInitiatorRequiresItOfAPeerWithout", MakePpk("id", "k", true), std::nullopt, false, false, false},
        PpkCase{"TheInitiatorRequiresItOfAPeerThatHasItForOthers", MakePpk("id", "k", true), std::nullopt, true, false, false},
        PpkCase{"OnlyTheResponderHasIt", std::nullopt, MakePpk("id", "k"), true, true, false},
        PpkCase{"TheResponderRequiresIt", std::nullopt, MakePpk("id", "k", true), true, false, false},
        PpkCase{"DifferentIdsAndBothOptional", MakePpk("id", "k"), MakePpk("other", "k"), true, true, false},
        PpkCase{"DifferentIdsAndTheResponderRequires", MakePpk("id", "k"), MakePpk("other", "k", true), true, false, false},
        PpkCase{"DifferentKeysUnderOneId", MakePpk("id", "k"), MakePpk("id", "K"), true, false, false})),
    [](const ::testing::TestParamInfo<PpkMatrix::ParamType>& c) {
      return std::string(std::get<0>(c.param) == Proof::kSharedKey ? "Psk" : "Certificate") + std::get<1>(c.param).name;
    });

TEST(Ppk, ARefusalSaysWhatIsMissing) {
  World w;
  w.b->policy.session.ppk = MakePpk("site-7", "k", true);
  w.b->policy.offers_ppk = true;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_THAT(w.b->warnings, Contains(HasSubstr("post-quantum pre-shared key site-7 is required, it uses none")));
}

}  // namespace
}  // namespace flexvpn::ike::test
