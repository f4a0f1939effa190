// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/master_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/daemon/files.h"
#include "core/crypto/openssl_rng.h"
#include "scratch.h"

namespace flexvpn::app {
namespace {

using ::testing::HasSubstr;

const std::string kSecret(32, 's');

TEST(MasterKey, OpensWhatItSealedAndNothingElse) {
  const MasterKey key(AsView(kSecret)), other(AsView(std::string(32, 't')));
  for (const std::string& text : {std::string("winter"), std::string(), std::string("\0 \xff", 3), std::string(128, 'x')}) {
    const std::string word = key.Seal(AsView(text), "pre-shared-key");
    EXPECT_FALSE(absl::StrContains(word, "winter"));
    EXPECT_EQ(word.find_first_of(" \t!+/="), std::string::npos) << word;  // one word of the language
    EXPECT_EQ(*key.Open(word, "pre-shared-key"), ToSecret(AsView(text)));
    EXPECT_EQ(key.Seal(AsView(text), "pre-shared-key"), word);
    EXPECT_NE(key.Seal(AsView(text), "ppk"), word);
    EXPECT_TRUE(absl::IsUnauthenticated(key.Open(word, "ppk").status()));
    EXPECT_TRUE(absl::IsUnauthenticated(other.Open(word, "pre-shared-key").status()));
    for (size_t i = 0; i + 1 < word.size(); ++i) {  // the last character has bits that are no part of it
      std::string altered = word;
      altered[i] = altered[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(key.Open(altered, "pre-shared-key").ok()) << i;
      EXPECT_FALSE(key.Open(word.substr(0, i), "pre-shared-key").ok()) << i;
    }
  }
  EXPECT_TRUE(absl::IsInvalidArgument(key.Open("JSGQbgWHcRbN", "pre-shared-key").status()));  // of IOS
  EXPECT_FALSE(key.Open("", "pre-shared-key").ok());
}

TEST(MasterKey, IsReadFromAFileOfOnesOwn) {
  Scratch dir;
  const std::string path = dir.path() + "/state/master-key";
  EXPECT_EQ(*MasterKey::Load(path), nullptr);
  crypto::OpensslRng rng;
  auto made = MasterKey::Create(path, rng);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(*(*MasterKey::Load(path))->Open((*made)->Seal(AsView("k"), "ppk"), "ppk"), ToSecret(AsView("k")));
  EXPECT_TRUE(absl::IsAlreadyExists(MasterKey::Create(path, rng).status()));
  chmod(path.c_str(), 0640);
  EXPECT_THAT(std::string(MasterKey::Load(path).status().message()), HasSubstr("mode 0640"));
  ASSERT_TRUE(WriteFileAtomically(path, AsView("too short")).ok());
  EXPECT_THAT(std::string(MasterKey::Load(path).status().message()), HasSubstr("shorter than 16 octets"));
}

TEST(MasterKey, MayBeACredentialOfSystemd) {
  Scratch dir;
  ASSERT_TRUE(WriteFileAtomically(dir.path() + "/flexvpn-master-key", AsView(kSecret)).ok());
  setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1);
  const auto key = MasterKey::Load("/nonexistent/master-key");
  unsetenv("CREDENTIALS_DIRECTORY");
  ASSERT_TRUE(key.ok() && *key != nullptr);
  EXPECT_EQ((*key)->Seal(AsView("k"), "ppk"), MasterKey(AsView(kSecret)).Seal(AsView("k"), "ppk"));
}

constexpr char kConfig[] = R"(password encryption aes
crypto pki trustpoint TP
 key-file /k password 0 secret-of-file
 certificate-file /c
crypto ikev2 keyring K
 peer A
  address 192.0.2.1
  pre-shared-key local secret-local
  pre-shared-key remote hex 00ff20
  ppk manual id I key secret-ppk required
crypto ikev2 profile P
 match identity remote any
 authentication local pre-share key secret-profile
 authentication remote pre-share key secret-profile
)";

TEST(KeysOfType6, ReadAsTheyWereWritten) {
  const MasterKey key(AsView(kSecret));
  const config::ParseResult clear = config::Parse(kConfig, &key);
  ASSERT_TRUE(clear.ok());
  for (const config::Diagnostic& d : clear.diagnostics) EXPECT_FALSE(absl::StrContains(d.message, "encrypt")) << d.message;
  const std::string text = config::Render(clear.model, false, true, &key);
  for (const char* secret : {"secret-of-file", "secret-local", "00ff20", "secret-ppk", "secret-profile"})
    EXPECT_FALSE(absl::StrContains(text, secret)) << secret;
  for (const char* line : {"pre-shared-key local 6 ", "pre-shared-key remote 6 ", "ppk manual id I key 6 ", "local pre-share key 6 ",
                           "password 6 "})
    EXPECT_THAT(text, HasSubstr(line));
  const config::ParseResult again = config::Parse(text, &key);
  EXPECT_TRUE(again.ok()) << (again.diagnostics.empty() ? "" : again.diagnostics[0].message);
  EXPECT_EQ(again.model, clear.model);
  // Not encrypted: without the line, and without a master key.
  EXPECT_THAT(config::Render(clear.model, false, true, nullptr), HasSubstr("pre-shared-key local 0 secret-local"));
  config::Model plain = clear.model;
  plain.kept.clear();
  EXPECT_THAT(config::Render(plain, false, true, &key), HasSubstr("pre-shared-key local 0 secret-local"));
  EXPECT_THAT(config::Render(clear.model, false, false, &key), HasSubstr("pre-shared-key local <removed>"));
}

TEST(KeysOfType6, OfAnotherMasterKeyOrPlaceAreErrorsThere) {
  const MasterKey key(AsView(kSecret)), other(AsView(std::string(32, 't')));
  const std::string psk = key.Seal(AsView("winter"), "pre-shared-key");
  const auto told = [&](const std::string& line, const MasterKey& with) {
    const std::string text = absl::StrCat("crypto ikev2 keyring K\n peer A\n  address 192.0.2.1\n  ", line, "\n");
    const config::ParseResult r = config::Parse(text, &with);
    std::string out;
    for (const config::Diagnostic& d : r.diagnostics)
      if (d.severity == config::Diagnostic::Severity::kError) absl::StrAppend(&out, config::FormatDiagnostic(d, "f", text));
    return out;
  };
  EXPECT_EQ(told(absl::StrCat("pre-shared-key 6 ", psk), key), "");
  EXPECT_THAT(told(absl::StrCat("pre-shared-key 6 ", psk), other), HasSubstr("f:4:20: error: this encrypted key was altered"));
  EXPECT_THAT(told(absl::StrCat("ppk manual id I key 6 ", psk), key), HasSubstr("f:4:25: error: this encrypted key was altered"));
  EXPECT_THAT(told("pre-shared-key 6 JSGQbgWHcRbN", key), HasSubstr("f:4:20: error: no key of type 6 that this router has written"));
}

}  // namespace
}  // namespace flexvpn::app
