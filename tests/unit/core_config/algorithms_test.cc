// SPDX-License-Identifier: Apache-2.0
// Every word for an algorithm: what it means, where it warns, where it is refused.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"
#include "core/config/model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Severity = Diagnostic::Severity;

// Diagnostics of a severity as "line: message | hint".
std::vector<std::string> Said(const std::string& text, Severity severity) {
  std::vector<std::string> out;
  for (const Diagnostic& d : Parse(text).diagnostics)
    if (d.severity == severity) out.push_back(absl::StrCat(d.where.line, ": ", d.message, " | ", d.hint));
  return out;
}

const char kPolicy[] = "crypto ikev2 policy P\n proposal P\n";

IkeProposal Proposal(const std::string& lines) {
  return Parse(absl::StrCat("crypto ikev2 proposal P\n", lines, kPolicy)).model.proposals.at("P");
}
TransformSet Transform(const std::string& words) {
  return Parse(absl::StrCat("crypto ipsec transform-set T ", words, "\n")).model.transform_sets.at("T");
}
std::vector<std::string> SetErrors(const std::string& words) {
  return Said(absl::StrCat("crypto ipsec transform-set T ", words, "\n"), Severity::kError);
}

TEST(Algorithms, EveryIkeWordStandsForItsIanaNumber) {
  const struct {
    const char* word;
    EncrChoice choice;
  } kWords[] = {{"aes-cbc-192", {12, 192}},     {"aes-gcm-192", {20, 192}},
                {"chacha20-poly1305", {28, 0}}, {"aes-gcm12-128", {19, 128}},
                {"aes-gcm8-256", {18, 256}},    {"aes-ccm-128", {16, 128}},
                {"aes-ccm12-192", {15, 192}},   {"aes-ccm8-128", {14, 128}},
                {"aes-ctr-256", {13, 256}},     {"3des", {3, 0}}};
  for (const auto& w : kWords)
    EXPECT_THAT(Proposal(absl::StrCat(" encryption ", w.word, "\n")).encryption, ElementsAre(w.choice))
        << w.word;
  EXPECT_THAT(Proposal(" integrity aes-cmac sha512\n").integrity, ElementsAre(8, 14));
  EXPECT_THAT(Proposal(" prf aes-cmac sha384\n").prf, ElementsAre(8, 6));
  EXPECT_THAT(Proposal(" group curve25519 curve448 17 18 27 28 29 30 31\n").groups,
              ElementsAre(31, 32, 17, 18, 27, 28, 29, 30));
}

TEST(Algorithms, EveryTransformWordStandsForItsIanaNumber) {
  const struct {
    const char* words;
    EncrChoice choice;
    uint16_t integrity;
  } kWords[] = {{"esp-aes esp-sha256-hmac", {12, 128}, 12},
                {"esp-192-aes esp-aes-cmac", {12, 192}, 8},
                {"esp-aes 256 esp-aes-xcbc", {12, 256}, 5},
                {"esp-ctr 192 esp-sha512-hmac", {13, 192}, 14},
                {"esp-gcm 192", {20, 192}, 0},
                {"esp-gcm12", {19, 128}, 0},
                {"esp-gcm8 256", {18, 256}, 0},
                {"esp-ccm 256", {16, 256}, 0},
                {"esp-ccm12 192", {15, 192}, 0},
                {"esp-ccm8", {14, 128}, 0},
                {"esp-gmac 256", {21, 256}, 0},
                {"esp-chacha20-poly1305", {28, 0}, 0},
                {"esp-null esp-sha256-hmac", {11, 0}, 12},
                {"esp-sha256-hmac", {11, 0}, 12},  // integrity alone is NULL encryption
                {"esp-3des esp-sha-hmac", {3, 0}, 2}};
  for (const auto& w : kWords) {
    const TransformSet t = Transform(w.words);
    EXPECT_EQ(t.encryption, w.choice) << w.words;
    EXPECT_EQ(t.integrity, w.integrity) << w.words;
    EXPECT_FALSE(t.esn);
    EXPECT_THAT(SetErrors(w.words), IsEmpty()) << w.words;
    EXPECT_TRUE(Transform(absl::StrCat(w.words, " esn")).esn) << w.words;
  }
}

TEST(Algorithms, EveryWordIsUsableAsItIsListed) {
  for (const EncryptionName& n : IkeEncryptionNames()) {
    const bool refused = n.standing == Standing::kRefused;
    EXPECT_EQ(Proposal(absl::StrCat(" encryption ", n.word, "\n")).encryption.empty(), refused) << n.word;
    EXPECT_EQ(n.standing == Standing::kGood, n.why == nullptr) << n.word;
    if (!refused) {
      EXPECT_EQ(IkeEncryptionWord(n.choice), n.word);
    }
  }
  for (const TransformName& n : TransformNames()) {
    EXPECT_EQ(n.standing == Standing::kGood, n.why == nullptr) << n.word;
    if (n.kind == TransformName::kIntegrity) {
      EXPECT_EQ(EspIntegrityWord(n.choice.encr), n.word);
    }
  }
}

TEST(Algorithms, WeakOnesWorkWithAWarningThatSaysWhy) {
  const std::string text =
      absl::StrCat("crypto ikev2 proposal P\n encryption 3des\n integrity md5\n group 2\n", kPolicy,
                   "crypto ipsec transform-set T esp-null esp-md5-hmac\n");
  EXPECT_THAT(Said(text, Severity::kError), IsEmpty());
  EXPECT_THAT(
      Said(text, Severity::kWarning),
      ElementsAre(
          "2: encryption 3des is weak: its blocks of 64 bits repeat after a few GB (RFC 8221) | use "
          "aes-gcm-256",
          "3: integrity algorithm md5 is weak: MD5 has been broken since 2004 (RFC 6151) | use sha256",
          "4: group 2 is weak: that group can be broken (RFC 8247) | use 19",
          "7: esp-null is weak: it does not encrypt | use esp-gcm 256",
          "7: esp-md5-hmac is weak: MD5 has been broken since 2004 (RFC 6151) | use esp-gcm 256"));
}

TEST(Algorithms, DefaultsHoldNothingWeak) {
  const Model m = DefaultModel();
  const IkeProposal& p = m.proposals.at("default");
  for (const EncryptionName& n : IkeEncryptionNames()) {
    const bool used = std::count(p.encryption.begin(), p.encryption.end(), n.choice) != 0;
    EXPECT_TRUE(!used || n.standing == Standing::kGood) << n.word;
  }
  auto none_weak = [](const std::vector<NumberName>& names, const std::vector<uint16_t>& used) {
    for (const NumberName& n : names)
      EXPECT_TRUE(n.standing == Standing::kGood || std::count(used.begin(), used.end(), n.number) == 0)
          << n.word;
  };
  none_weak(IntegrityNames(), p.integrity);
  none_weak(PrfNames(), p.prf);
  none_weak(GroupNames(), p.groups);
  for (const TransformName& n : TransformNames())
    EXPECT_TRUE(n.standing == Standing::kGood || m.transform_sets.at("default").encryption != n.choice)
        << n.word;
}

TEST(Algorithms, RefusedOnesSayWhyAndWhatInstead) {
  const std::string text = absl::StrCat(
      "crypto ikev2 proposal P\n encryption des aes-cbc-256\n integrity sha256\n "
      "group 22 23 24 19\n",
      kPolicy, "crypto ipsec profile I\n set pfs group24\n");
  const std::string why =
      " is accepted, but never offered: its prime is of unknown making and its small subgroups leak keys (RFC 8247) | use ";
  EXPECT_THAT(Said(text, Severity::kError), IsEmpty());
  EXPECT_THAT(
      Said(text, Severity::kWarning),
      testing::IsSupersetOf(std::vector<std::string>
          {"2: encryption des is accepted, but never offered: its keys are found in hours | use aes-gcm-256",
           "4: group 22" + why + "19", "4: group 23" + why + "19", "4: group 24" + why + "19"}));
  EXPECT_EQ(Parse(text).model.ipsec_profiles.at("I").pfs_group, 19);
  for (const char* words : {"esp-des esp-sha-hmac", "ah-sha256-hmac esp-gcm"}) {
    const ParseResult r = Parse(absl::StrCat("crypto ipsec transform-set T ", words, "\n"));
    EXPECT_TRUE(r.ok());
    EXPECT_FALSE(r.model.transform_sets.at("T").usable()) << words;
  }
  EXPECT_TRUE(Parse("crypto ipsec transform-set T esp-gcm comp-lzs\n").model.transform_sets.at("T").usable());
}

TEST(Algorithms, CombinationsThatCannotBeAreRefused) {
  EXPECT_THAT(SetErrors("esp-chacha20-poly1305 esp-sha256-hmac"),
              ElementsAre("1: esp-chacha20-poly1305 carries its own integrity | leave out esp-sha256-hmac"));
  EXPECT_THAT(SetErrors("esp-gmac 256 esp-aes-cmac"),
              ElementsAre("1: esp-gmac 256 carries its own integrity | leave out esp-aes-cmac"));
  EXPECT_THAT(SetErrors("esp-ctr 256"),
              ElementsAre("1: crypto ipsec transform-set 'T' has esp-ctr 256 without integrity | "
                          "add esp-sha256-hmac or use esp-gcm 256"));
  EXPECT_THAT(SetErrors("esp-null"), ElementsAre(HasSubstr("has esp-null without integrity")));
  EXPECT_THAT(SetErrors("esp-gcm 512"), ElementsAre(HasSubstr("512: AES keys have 128, 192 or 256 bits")));
  EXPECT_THAT(SetErrors("esp-gcm 0"), ElementsAre(HasSubstr("0: AES keys have 128, 192 or 256 bits")));
  EXPECT_THAT(SetErrors("esp-gcm esp-aes"), ElementsAre(HasSubstr("a second encryption transform")));
  const std::string ctr =
      absl::StrCat("crypto ikev2 proposal P\n encryption aes-ctr-128\n group 19\n prf sha256\n", kPolicy);
  EXPECT_THAT(Said(ctr, Severity::kError), ElementsAre("1: crypto ikev2 proposal 'P' has no integrity "
                                                       "algorithm for aes-ctr-128 | add 'integrity sha512'"));
  const std::string ccm =
      absl::StrCat("crypto ikev2 proposal P\n encryption aes-ccm-128\n group 19\n", kPolicy);
  EXPECT_THAT(Said(ccm, Severity::kError),
              ElementsAre("1: crypto ikev2 proposal 'P' has no PRF for aes-ccm-128 | add 'prf sha512'"));
  const std::string idle = absl::StrCat(
      "crypto ikev2 proposal P\n encryption chacha20-poly1305\n integrity sha256\n prf sha256\n group 31\n",
      kPolicy);
  EXPECT_THAT(Said(idle, Severity::kError), IsEmpty());
  EXPECT_THAT(
      Said(idle, Severity::kWarning),
      ElementsAre(
          "1: crypto ikev2 proposal 'P' has an integrity algorithm that is never used: chacha20-poly1305 "
          "carries its own | leave out 'integrity'"));
}

TEST(Algorithms, ExtendedSequenceNumbersNeedAReplayWindow) {
  const std::string text =
      "crypto ipsec transform-set T esp-gcm 256 esn\ncrypto ipsec profile I\n set transform-set T\n"
      " set security-association replay disable\n";
  EXPECT_THAT(Said(text, Severity::kError),
              ElementsAre(HasSubstr("has no replay window, which extended sequence numbers need")));
}

TEST(Algorithms, SuitesOfTheRfcsFillAllLists) {
  const IkeProposal b = Proposal(" suite suite-b-gcm-256\n");
  EXPECT_THAT(b.encryption, ElementsAre(EncrChoice{12, 256}));
  EXPECT_THAT(b.integrity, ElementsAre(13));
  EXPECT_THAT(b.prf, ElementsAre(6));
  EXPECT_THAT(b.groups, ElementsAre(20));
  const IkeProposal c = Proposal(" group 2\n integrity sha1\n suite cnsa-gcm-256-dh-3072\n");
  EXPECT_THAT(c.encryption, ElementsAre(EncrChoice{20, 256}));
  EXPECT_THAT(c.integrity, IsEmpty());
  EXPECT_THAT(c.groups, ElementsAre(15));
  EXPECT_EQ(Transform("suite-b-gcm-128").encryption, (EncrChoice{20, 128}));
  EXPECT_EQ(Transform("suite-b-gmac-256 esn").encryption, (EncrChoice{21, 256}));
  EXPECT_TRUE(Transform("suite-b-gmac-256 esn").esn);
  EXPECT_THAT(Said(absl::StrCat("crypto ikev2 proposal P\n suite suite-b\n", kPolicy), Severity::kError),
              testing::Contains(HasSubstr("ambiguous suite 'suite-b': expected suite-b-gcm-128")));
  for (const SuiteName& s : SuiteNames()) {
    const std::string text = absl::StrCat("crypto ikev2 proposal P\n suite ", s.word, "\n", kPolicy,
                                          "crypto ipsec transform-set T ", s.word, "\n");
    const ParseResult r = Parse(text);
    EXPECT_TRUE(r.ok()) << s.word;
    EXPECT_EQ(Parse(Render(r.model, true, true)).model, r.model) << s.word;
  }
}

TEST(KeyLogLine, IsWarnedOfAndNeedsAWholePath) {
  const std::string line = "debug crypto ikev2 keylog /var/lib/flexvpn/keys\n";
  EXPECT_EQ(Parse(line).model.ike.key_log, "/var/lib/flexvpn/keys");
  EXPECT_THAT(Said(line, Severity::kWarning),
              ElementsAre(HasSubstr("can read everything the IKE SAs protect")));
  EXPECT_EQ(Parse(line + "no debug crypto ikev2 keylog\n").model.ike.key_log, "");
  EXPECT_THAT(Said("debug crypto ikev2 keylog keys.txt\n", Severity::kError),
              ElementsAre(HasSubstr("whole path")));
  EXPECT_EQ(DefaultModel().ike.key_log, "");
}

}  // namespace
}  // namespace flexvpn::config
