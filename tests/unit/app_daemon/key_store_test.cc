// SPDX-License-Identifier: Apache-2.0
// Private keys in a PKCS#11 token: SoftHSM, through whatever this OpenSSL has for it.
#include "app/daemon/key_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/daemon/pki_files.h"
#include "core/crypto/provider.h"
#include "support/test_pki.h"

namespace flexvpn::app {
namespace {

using crypto::KeyKind;
using crypto::SignatureHash;
using crypto::SignatureKind;
using crypto::test::CertSpec;
using crypto::test::kNow;
using crypto::test::TestCert;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPin[] = "471147";

void Write(const std::string& path, const std::string& text) {
  FILE* f = fopen(path.c_str(), "w");
  ASSERT_NE(f, nullptr);
  fwrite(text.data(), 1, text.size(), f);
  fclose(f);
  chmod(path.c_str(), 0600);
}
bool Run(const std::string& command) { return system((command + " >/dev/null 2>&1").c_str()) == 0; }

// One token for the whole process: the module reads its environment once.
class Token {
 public:
  static Token& Get() {
    static Token token;
    return token;
  }
  bool usable() const { return usable_; }
  const std::string& dir() const { return dir_; }
  std::string Uri(const char* object) const {
    return absl::StrCat("pkcs11:token=flexvpn%20test;object=", object, ";type=private");
  }
  const TestCert ca{{.cn = "CA", .ca = true}};
  const TestCert rsa{{.cn = "rsa", .san = "DNS:hub.example.net", .key = KeyKind::kRsa, .key_number = 21},
                     &ca};
  const TestCert ecdsa{{.cn = "ecdsa", .san = "DNS:hub.example.net", .key_number = 22}, &ca};

 private:
  Token() {
    char name[] = "/tmp/flexvpn-token.XXXXXX";
    if (mkdtemp(name) == nullptr) return;
    dir_ = name;
    std::filesystem::create_directory(dir_ + "/tokens");
    Write(dir_ + "/softhsm2.conf",
          absl::StrCat("directories.tokendir = ", dir_, "/tokens\nobjectstore.backend = file\n"));
    setenv("SOFTHSM2_CONF", (dir_ + "/softhsm2.conf").c_str(), 1);
    for (const char* module :
         {"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/softhsm/libsofthsm2.so",
          "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"})
      if (access(module, R_OK) == 0) setenv("PKCS11_MODULE_PATH", module, 1);
    usable_ = getenv("PKCS11_MODULE_PATH") != nullptr &&
              Run("softhsm2-util --init-token --free --label 'flexvpn test' --so-pin 123456 --pin " +
                  std::string(kPin)) &&
              Import(rsa, "rsa", "01") && Import(ecdsa, "ecdsa", "02");
  }
  ~Token() {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  bool Import(const TestCert& cert, const std::string& label, const std::string& id) {
    Write(dir_ + "/key.pem", cert.key_pem());
    const bool done =
        Run(absl::StrCat("softhsm2-util --import ", dir_, "/key.pem --token 'flexvpn test' --label ", label,
                         " --id ", id, " --pin ", kPin));
    unlink((dir_ + "/key.pem").c_str());
    return done;
  }
  std::string dir_;
  bool usable_ = false;
};

class KeyInAToken : public testing::Test {
 protected:
  void SetUp() override {
    if (!token_.usable()) GTEST_SKIP() << "no softhsm2 here";
    const auto probe = OpenSigningKey(token_.Uri("rsa"), AsView(kPin));
    if (absl::IsFailedPrecondition(probe.status())) GTEST_SKIP() << probe.status();
  }
  Token& token_ = Token::Get();
  std::unique_ptr<crypto::Provider> provider_ = crypto::NewOpensslProvider();

  // A peer believes what was signed.
  std::string Verdict(const TestCert& cert, std::shared_ptr<const crypto::SigningKey> key,
                      crypto::SignatureScheme scheme, bool with_algorithm) {
    crypto::VerifyPeer job;
    job.trust = {crypto::test::Trust({&token_.ca})};
    job.chain = {cert.der()};
    job.at = kNow;
    job.identity = {crypto::ClaimedIdentity::Kind::kDns, ToBytes("hub.example.net")};
    job.data = ToBytes("signed octets");
    if (!with_algorithm) job.scheme = scheme;
    const crypto::JobResult made =
        provider_->Run(crypto::Sign{std::move(key), scheme, with_algorithm, job.data});
    if (!made.ok()) return std::string(made.status().message());
    job.signature = std::get<crypto::Signature>(*made);
    const crypto::JobResult result = provider_->Run(job);
    return result.ok() ? "good" : std::string(result.status().message());
  }
};

TEST_F(KeyInAToken, SignsAsKeysFromFilesDo) {
  const auto rsa = OpenSigningKey(token_.Uri("rsa"), AsView(kPin)),
             ecdsa = OpenSigningKey(token_.Uri("ecdsa"), AsView(kPin));
  ASSERT_TRUE(rsa.ok()) << rsa.status();
  ASSERT_TRUE(ecdsa.ok()) << ecdsa.status();
  EXPECT_EQ((*rsa)->kind(), KeyKind::kRsa);
  EXPECT_EQ((*ecdsa)->kind(), KeyKind::kEcdsa256);
  EXPECT_TRUE(crypto::CheckKeyPair(token_.rsa.info(), **rsa).ok());
  EXPECT_TRUE(crypto::CheckKeyPair(token_.ecdsa.info(), **ecdsa).ok());
  EXPECT_FALSE(crypto::CheckKeyPair(token_.ecdsa.info(), **rsa).ok());
  for (SignatureHash hash : {SignatureHash::kSha256, SignatureHash::kSha384, SignatureHash::kSha512}) {
    EXPECT_EQ(Verdict(token_.rsa, *rsa, {SignatureKind::kRsaPkcs1, hash}, true), "good");
    EXPECT_EQ(Verdict(token_.ecdsa, *ecdsa, {SignatureKind::kEcdsa, hash}, true), "good");
  }
  EXPECT_EQ(Verdict(token_.rsa, *rsa, {SignatureKind::kRsaPkcs1, SignatureHash::kSha1}, false), "good");
  EXPECT_EQ(Verdict(token_.ecdsa, *ecdsa, {SignatureKind::kEcdsaRaw, SignatureHash::kSha256}, false), "good");
}

TEST_F(KeyInAToken, HasTheAlgorithmIdentifierOfTheSameKeyInAFile) {
  for (const auto& [cert, object, kind] : {std::tuple(&token_.rsa, "rsa", SignatureKind::kRsaPkcs1),
                                           std::tuple(&token_.ecdsa, "ecdsa", SignatureKind::kEcdsa)}) {
    const auto key = OpenSigningKey(token_.Uri(object), AsView(kPin));
    ASSERT_TRUE(key.ok());
    auto algorithm = [this, kind = kind](std::shared_ptr<const crypto::SigningKey> k) {
      const auto made =
          provider_->Run(crypto::Sign{std::move(k), {kind, SignatureHash::kSha384}, true, ToBytes("x")});
      return made.ok() ? ToHex(std::get<crypto::Signature>(*made).algorithm)
                       : std::string(made.status().message());
    };
    EXPECT_EQ(algorithm(*key), algorithm(cert->key()));
  }
}

TEST_F(KeyInAToken, MayBeUsedByAllWorkersAtOnce) {
  const auto key = OpenSigningKey(token_.Uri("ecdsa"), AsView(kPin));
  ASSERT_TRUE(key.ok());
  std::vector<std::string> verdicts(4);
  std::vector<std::thread> threads;
  for (std::string& v : verdicts)
    threads.emplace_back([&, out = &v] {
      for (int i = 0; i < 20; ++i) {
        *out = Verdict(token_.ecdsa, *key, {SignatureKind::kEcdsa, SignatureHash::kSha256}, true);
        if (*out != "good") return;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_THAT(verdicts, testing::Each(testing::StrEq("good")));
}

TEST_F(KeyInAToken, WhatIsNotThereIsSaidWithoutThePin) {
  for (const auto& [uri, pin] :
       {std::pair(token_.Uri("nothing"), kPin), std::pair(std::string("pkcs11:token=none;object=x"), kPin),
        std::pair(std::string("pkcs11:%zz"), kPin)}) {
    const auto key = OpenSigningKey(uri, AsView(pin));
    ASSERT_FALSE(key.ok()) << uri;
    EXPECT_THAT(std::string(key.status().message()), HasSubstr("no private key there")) << uri;
    EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr(kPin)));
  }
}

TEST_F(KeyInAToken, IsTheKeyOfATrustpoint) {
  Write(token_.dir() + "/hub.pem", token_.rsa.pem());
  Write(token_.dir() + "/ca.pem", token_.ca.pem());
  auto load = [&](const std::string& object, const std::string& pin, std::vector<std::string>* messages) {
    const auto parsed = config::Parse(absl::StrCat(
        "crypto pki trustpoint TP\n certificate-file ", token_.dir(), "/hub.pem\n ca-file ", token_.dir(),
        "/ca.pem\n private-key uri ", token_.Uri(object.c_str()), " password ", pin, "\n"));
    EXPECT_TRUE(parsed.ok());
    std::vector<config::Diagnostic> diagnostics;
    node::Pki pki = LoadPki(parsed.model, kNow, &diagnostics);
    for (const auto& d : diagnostics)
      if (d.severity == config::Diagnostic::Severity::kError) messages->push_back(d.message);
    return pki.at("TP").credential;
  };
  std::vector<std::string> messages;
  const auto good = load("rsa", kPin, &messages);
  ASSERT_NE(good, nullptr) << testing::PrintToString(messages);
  EXPECT_THAT(messages, IsEmpty());
  EXPECT_EQ(good->key->kind(), KeyKind::kRsa);
  EXPECT_EQ(load("ecdsa", kPin, &messages), nullptr);
  EXPECT_THAT(messages, ElementsAre(HasSubstr("does not belong to the certificate")));
}

// A process logs in to a token once, so each case needs its own.
TEST(KeyInATokenDeathTest, NeedsThePin) {
  if (!Token::Get().usable()) GTEST_SKIP() << "no softhsm2 here";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto open = [](const char* pin) {
    const auto key = OpenSigningKey(Token::Get().Uri("rsa"), AsView(pin));
    fprintf(stderr, "%s\n", key.ok() ? "good" : std::string(key.status().message()).c_str());
    exit(absl::IsFailedPrecondition(key.status()) ? 3 : 0);
  };
  EXPECT_EXIT(open(kPin), testing::ExitedWithCode(0), "good");
  EXPECT_EXIT(open("000000"), testing::ExitedWithCode(0), "no private key there, or the PIN is wrong");
  EXPECT_EXIT(open(""), testing::ExitedWithCode(0), "it needs a PIN and none is configured");
}

TEST(KeyByUri, OfASchemeNobodyKnowsIsAnError) {
  EXPECT_FALSE(OpenSigningKey("nobody:knows", {}).ok());
  EXPECT_FALSE(OpenSigningKey("", {}).ok());
}

}  // namespace
}  // namespace flexvpn::app
