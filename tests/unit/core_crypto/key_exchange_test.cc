// SPDX-License-Identifier: Apache-2.0
// Key exchange: published vectors, agreement of both sides for every method, hostile public values.
#include "core/crypto/openssl/key_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace flexvpn::crypto {
namespace {

const KeyExchangeEngine& Engine() {
  static const KeyExchangeEngine engine;
  return engine;
}

constexpr KeMethod kAll[] = {
    KeMethod::kModp768,      KeMethod::kBrainpool224,
    KeMethod::kModp1024,     KeMethod::kModp1536,     KeMethod::kModp2048,   KeMethod::kModp3072,
    KeMethod::kModp4096,     KeMethod::kModp6144,     KeMethod::kModp8192,   KeMethod::kEcp256,
    KeMethod::kEcp384,       KeMethod::kEcp521,       KeMethod::kBrainpool256, KeMethod::kBrainpool384,
    KeMethod::kBrainpool512, KeMethod::kCurve25519,   KeMethod::kCurve448,
};

// RFC 5903 §8.1-8.3: i, gix|giy, r, grx|gry, girx.
const char k256PrivateI[] =
    "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433";
const char k256PublicI[] =
    "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59a"
    "b1f45b33accf5f58389e0577b8990bb3";
const char k256PrivateR[] =
    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53";
const char k256PublicR[] =
    "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6a"
    "ac23f046ada30f8353e74f33039872ab";
const char k256Shared[] =
    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de";
const char k384PrivateI[] =
    "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194";
const char k384PublicI[] =
    "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
    "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c";
const char k384PrivateR[] =
    "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc";
const char k384PublicR[] =
    "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
    "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c";
const char k384Shared[] =
    "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746";
const char k521PrivateI[] =
    "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777"
    "f5957b2639bab072462f68c27a57382d4a52";
const char k521PublicI[] =
    "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564"
    "941885942af5a7f4601723c4195d176ced3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4"
    "a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582";
const char k521PrivateR[] =
    "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2"
    "f869cca7458aa4a4effc311f5cb151685eb9";
const char k521PublicR[] =
    "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6"
    "c2912d4ef2d0433ced2b6171640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d985207"
    "7b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a";
const char k521Shared[] =
    "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06"
    "b3c715a3a8cc3151f2bee417996d19f3ddea";

// Group 2 with private values chosen so that g^ir and then a public value begin with a zero octet; computed with
// Python integers from the prime of RFC 7296 App. B.2.
const char kModpPrivateA[] =
    "fedcba0987654321fedcba0987654321fedcba09876500f0";
const char kModpPublicA[] =
    "0e12895b67ed136b43439e63c5b210956422cde80637bf3ea3457004e3665713f4aa68526c2e432574cc3aeb64dc46f0"
    "640bb6233dd428d90611c2b5f6c3d05e61f8e5dc560ad1414612b902274a4898b361304bf5f122fb28c3c11f1f45f159"
    "cf49eaff1cd135c4ff0ce20f6bcbfbfa18c28dd2ef5d97e651be601897cf62eb";
const char kModpPrivateB[] =
    "1234567890abcdef1234567890abcdef1234567890abcdef";
const char kModpPublicB[] =
    "cb5f5ae271dfeba9f69c380fb748d20fa3add462f0fa80d7f4ceb4026fa364f94d39704c1f80ab91d377c952dce7c766"
    "ff72c1cd2fbf715c83f1a5509a2a3f6653a56bfa6dae048a839eacbfd4ca49fec9edb38ac4fead181683fec9476ccb2b"
    "817bc8b08b0a5186d8088556dd35385ee43b4cf9fe175df20b220920d8370b71";
const char kModpShared[] =
    "00e464c47cd935bc57da3cceeb3cc85e35cf14bd88f7cf996e4a3ecf7134796fe207f1d976cab5730b385d45cca0dc0f"
    "03c83073b148b3f7e6fc80bb9eabc7c16ab0291934890a2f4893d647d8df6c6424fda0eaa0574acb9b9a380f4aef0fe5"
    "63f64f46f43e366fbf12b38ded235217bc2e9498c95d51b2b48cded4853d4551";
const char kModpPrivateShort[] =
    "fedcba0987654321fedcba0987654321fedcba09876500c3";
const char kModpPublicShort[] =
    "00c4be7b175870944ab106ab595b991b29b9344f3fc023532f10beb0d51a344529f4e87f17189c3770dbb1a00032685d"
    "557131ce47b3cd3de7f60373dc0dcacb0b4a7de7dcc7564d534dca7491281f16416b257cee4d41b5a5a98df0994d8163"
    "65b0d05726b12fbceaf8c13d126ac383eebe18f0009fe4b0ab36371021e28df3";
const char kModpSharedShort[] =
    "fd02da8c9780bab1afaf4e6cfcfdff4ef5638041d9f072170de099104d70f31eca5a7b7a1f3a6b610c1d31aa2d7fad68"
    "433200e346d53f9c2e139219b939c052e14c41f30d7156ab09639fb4bf9577e1d62ebf1da8d926e8d0fbc4fba2c8bf89"
    "8ebd416fe4157a846c45a45d9eadb7ac002941b59386c0b2cafb17278be82e8a";

struct Vector {
  const char* name;
  KeMethod method;
  const char *private_i, *public_i, *private_r, *public_r, *shared;
};
const Vector kVectors[] = {
    {"ecp256", KeMethod::kEcp256, k256PrivateI, k256PublicI, k256PrivateR, k256PublicR, k256Shared},
    {"ecp384", KeMethod::kEcp384, k384PrivateI, k384PublicI, k384PrivateR, k384PublicR, k384Shared},
    {"ecp521", KeMethod::kEcp521, k521PrivateI, k521PublicI, k521PrivateR, k521PublicR, k521Shared},
    {"modp1024, secret padded", KeMethod::kModp1024, kModpPrivateA, kModpPublicA, kModpPrivateB, kModpPublicB,
     kModpShared},
    {"modp1024, public value padded", KeMethod::kModp1024, kModpPrivateShort, kModpPublicShort, kModpPrivateB,
     kModpPublicB, kModpSharedShort},
    // RFC 6932 appendix A (the IKE registry of brainpool groups has the same numbers), with RFC 7027 for 256 bits on.
    {"brainpool224", KeMethod::kBrainpool224,
     "7c4b7a2c8a4bad1fbb7d79cc0955db7c6a4660ca64cc4778159b495e",
     "b104a67a6f6e85e14ec1825e1539e8ecdbbf584922367dd88c6bdcf246d782e7fdb5f60cd8404301ac5949c58edb26bc68ba07695b750a"
     "94",
     "63976d4aae6cd0f6dd18defef55d96569d0507c03e74d6486ffa28fb",
     "2a97089a9296147b71b21a4b574e1278245b536f14d8c2b9d07a874e9b900d7c77a709a797276b8ca1ba61bb95b546fc29f862e44d59d2"
     "5b",
     "312dfd98783f9fb77b9704945a73beb6dccbe3b65d0f967dcab574eb"},
    {"brainpool256", KeMethod::kBrainpool256,
     "81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d",
     "44106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be58ab4846f11caccb73ce49cbdd120f5a900a69fd32c2722"
     "23f789ef10eb089bdc",
     "55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3",
     "8d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b990c57520812be512641e47034832106bc7d3e8dd0e4c7"
     "f1136d7006547cec6a",
     "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b"},
    {"brainpool384", KeMethod::kBrainpool384,
     "1e20f5e048a5886f1f157c74e91bde2b98c8b52d58e5003d57053fc4b0bd65d6f15eb5d1ee1610df870795143627d042",
     "68b665dd91c195800650cdd363c625f4e742e8134667b767b1b476793588f885ab698c852d4a6e77a252d6380fcaf06855bc91a39c9ec0"
     "1dee36017b7d673a931236d2f1f5c83942d049e3fa20607493e0d038ff2fd30c2ab67d15c85f7faa59",
     "032640bc6003c59260f7250c3db58ce647f98e1260acce4acda3dd869f74e01f8ba5e0324309db6a9831497abac96670",
     "4d44326f269a597a5b58bba565da5556ed7fd9a8a9eb76c25f46db69d19dc8ce6ad18e404b15738b2086df37e71d1eb462d692136de56c"
     "be93bf5fa3188ef58bc8a3a0ec6c1e151a21038a42e9185329b5b275903d192f8d4e1f32fe9cc78c48",
     "0bd9d3a7ea0b3d519d09d8e48d0785fb744a6b355e6304bc51c229fbbce239bbadf6403715c35d4fb2a5444f575d4f42"},
    {"brainpool512", KeMethod::kBrainpool512,
     "16302ff0dbbb5a8d733dab7141c1b45acbc8715939677f6a56850a38bd87bd59b09e80279609ff333eb9d4c061231fb26f92eeb04982a5"
     "f1d1764cad57665422",
     "0a420517e406aac0acdce90fcd71487718d3b953efd7fbec5f7f27e28c6149999397e91e029e06457db2d3e640668b392c2a7e737a7f0b"
     "f04436d11640fd09fd72e6882e8db28aad36237cd25d580db23783961c8dc52dfa2ec138ad472a0fcef3887cf62b623b2a87de5c588301"
     "ea3e5fc269b373b60724f5e82a6ad147fde7",
     "230e18e1bcc88a362fa54e4ea3902009292f7f8033624fd471b5d8ace49d12cfabbc19963dab8e2f1eba00bffb29e4d72d13f2224562f4"
     "05cb80503666b25429",
     "9d45f66de5d67e2e6db6e93a59ce0bb48106097ff78a081de781cdb31fce8ccbaaea8dd4320c4119f1e9cd437a2eab3731fa9668ab268d"
     "871deda55a5473199f2fdc313095bcdd5fb3a91636f07a959c8e86b5636a1e930e8396049cb481961d365cc11453a06c719835475b12cb"
     "52fc3c383bce35e27ef194512b71876285fa",
     "a7927098655f1f9976fa50a9d566865dc530331846381c87256baf3226244b76d36403c024d7bbf0aa0803eaff405d3d24f11a9b5c0bef"
     "679fe1454b21c4cd1f"},
    // RFC 7748 §6.1 and §6.2.
    {"x25519", KeMethod::kCurve25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"x448", KeMethod::kCurve448,
     "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
     "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
     "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
     "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
     "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"},
};

TEST(KeyExchange, MatchesPublishedVectorsOnBothSides) {
  for (const Vector& v : kVectors) {
    SCOPED_TRACE(v.name);
    const auto i = Engine().Import(v.method, FromHex(v.private_i), FromHex(v.public_i));
    const auto r = Engine().Import(v.method, FromHex(v.private_r), FromHex(v.public_r));
    ASSERT_TRUE(i.ok() && r.ok()) << i.status() << r.status();
    const auto at_i = Engine().Derive(*i, FromHex(v.public_r)), at_r = Engine().Derive(*r, FromHex(v.public_i));
    ASSERT_TRUE(at_i.ok() && at_r.ok()) << at_i.status() << at_r.status();
    EXPECT_EQ(ToHex(*at_i), v.shared);
    EXPECT_EQ(ToHex(*at_r), v.shared);
  }
}

TEST(KeyExchange, BothSidesAgreeForEveryMethod) {
  for (KeMethod m : kAll) {
    SCOPED_TRACE(KeName(m));
    ASSERT_TRUE(Engine().Supports(m));
    const auto a = Engine().Generate(m), b = Engine().Generate(m);
    ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
    EXPECT_EQ(a->public_value.size(), KePublicSize(m));
    EXPECT_NE(a->public_value, b->public_value);
    const auto at_a = Engine().Derive(*a, b->public_value), at_b = Engine().Derive(*b, a->public_value);
    ASSERT_TRUE(at_a.ok() && at_b.ok()) << at_a.status() << at_b.status();
    EXPECT_EQ(*at_a, *at_b);
    const bool ecp = KePublicSize(m) % 2 == 0 && KeName(m).find("MODP") == std::string::npos &&
                     KeName(m).find("CURVE") == std::string::npos;
    EXPECT_EQ(at_a->size(), ecp ? KePublicSize(m) / 2 : KePublicSize(m));
  }
}

TEST(KeyExchange, RefusesEveryWrongLength) {
  for (KeMethod m : {KeMethod::kModp1024, KeMethod::kEcp256, KeMethod::kCurve25519}) {
    const auto own = Engine().Generate(m);
    ASSERT_TRUE(own.ok());
    Bytes value = Engine().Generate(m)->public_value;
    for (size_t n = 0; n < value.size(); ++n)
      EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, BytesView(value).first(n)).status())) << n;
    value.insert(value.begin(), 0);
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, value).status()));
  }
}

TEST(KeyExchange, RefusesModpValuesOutsideTheRange) {
  const auto own = Engine().Generate(KeMethod::kModp1024);
  const Bytes prime = FromHex(
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
      "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
      "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff");
  const auto derive = [&](const Bytes& value) { return Engine().Derive(*own, value).status(); };
  Bytes small(128), top = prime;
  EXPECT_TRUE(absl::IsInvalidArgument(derive(small))) << "0";
  small.back() = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(derive(small))) << "1";
  small.back() = 2;
  EXPECT_TRUE(derive(small).ok()) << "2";
  EXPECT_TRUE(absl::IsInvalidArgument(derive(top))) << "p";
  top.back() -= 1;
  EXPECT_TRUE(absl::IsInvalidArgument(derive(top))) << "p-1";
  top.back() -= 1;
  EXPECT_TRUE(derive(top).ok()) << "p-2";
  EXPECT_TRUE(absl::IsInvalidArgument(derive(Bytes(128, 0xff))));
}

TEST(KeyExchange, HasTheRangeCheckForEveryModpGroup) {
  for (KeMethod m : {KeMethod::kModp768, KeMethod::kModp1536, KeMethod::kModp2048, KeMethod::kModp3072}) {
    SCOPED_TRACE(KeName(m));
    const auto own = Engine().Generate(m);
    Bytes one(KePublicSize(m));
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, one).status())) << "0";
    one.back() = 1;
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, one).status())) << "1";
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, Bytes(one.size(), 0xff)).status())) << "above p";
  }
}

TEST(KeyExchange, LeavesOutGroupsWithSmallSubgroups) {
  for (KeMethod m : {KeMethod::kModp1024s160, KeMethod::kModp2048s224, KeMethod::kModp2048s256}) {
    EXPECT_FALSE(Engine().Supports(m)) << KeName(m);
    EXPECT_TRUE(absl::IsUnimplemented(Engine().Generate(m).status())) << KeName(m);
  }
}

TEST(KeyExchange, RefusesPointsOffTheCurve) {
  for (KeMethod m : {KeMethod::kEcp256, KeMethod::kEcp384, KeMethod::kEcp521, KeMethod::kBrainpool224,
                     KeMethod::kBrainpool256, KeMethod::kBrainpool384, KeMethod::kBrainpool512}) {
    SCOPED_TRACE(KeName(m));
    const auto own = Engine().Generate(m);
    Bytes value = Engine().Generate(m)->public_value;
    value.back() ^= 1;
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, value).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, Bytes(value.size())).status())) << "infinity as (0, 0)";
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, Bytes(value.size(), 0xff)).status()));
  }
}

TEST(KeyExchange, RefusesLowOrderPointsOfCurve25519And448) {
  const auto own = Engine().Generate(KeMethod::kCurve25519);
  Bytes one(32);
  one[0] = 1;
  for (const Bytes& point : {Bytes(32), one,
                             FromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")})
    EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*own, point).status())) << ToHex(point);
  EXPECT_TRUE(absl::IsInvalidArgument(Engine().Derive(*Engine().Generate(KeMethod::kCurve448), Bytes(56)).status()));
}

TEST(KeyExchange, NeedsAPrivateKeyOfTheSameMethod) {
  KeyPair own = *Engine().Generate(KeMethod::kCurve25519);
  const Bytes peer = Engine().Generate(KeMethod::kEcp256)->public_value;
  own.method = KeMethod::kEcp256;
  EXPECT_FALSE(Engine().Derive(own, peer).ok());
  own.private_key = nullptr;
  EXPECT_FALSE(Engine().Derive(own, peer).ok());
  EXPECT_TRUE(absl::IsUnimplemented(Engine().Generate(static_cast<KeMethod>(99)).status()));
}

TEST(KeyExchange, JobsRunOnSeveralThreadsAtOnce) {
  const std::unique_ptr<Provider> provider = NewOpensslProvider();
  static constexpr KeMethod kMethods[] = {KeMethod::kModp1024, KeMethod::kEcp256, KeMethod::kCurve25519};
  bool agreed[4] = {};
  std::vector<std::thread> threads;
  for (bool& all : agreed)
    threads.emplace_back([&provider, &all] {
      int good = 0;
      for (int round = 0; round < 30; ++round) {
        const KeMethod m = kMethods[round % 3];
        JobResult a = provider->Run(GenerateKey{m}), b = provider->Run(GenerateKey{m});
        if (!a.ok() || !b.ok()) continue;
        const KeyPair &pa = std::get<KeyPair>(*a), &pb = std::get<KeyPair>(*b);
        JobResult sa = provider->Run(DeriveSecret{pa, pb.public_value});
        JobResult sb = provider->Run(DeriveSecret{pb, pa.public_value});
        good += sa.ok() && sb.ok() && std::get<SecretBytes>(*sa) == std::get<SecretBytes>(*sb) ? 1 : 0;
      }
      all = good == 30;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(std::all_of(std::begin(agreed), std::end(agreed), [](bool b) { return b; }));
}

}  // namespace
}  // namespace flexvpn::crypto
