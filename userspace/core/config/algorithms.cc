// SPDX-License-Identifier: Apache-2.0
// Words for algorithms <-> transform ids of the IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters".
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "core/config/names.h"

namespace flexvpn::config {
namespace {

constexpr Standing kWeak = Standing::kWeak, kRefused = Standing::kRefused;
constexpr char kMd5[] = "MD5 has been broken since 2004 (RFC 6151)";
constexpr char k3DesBlocks[] = "its blocks of 64 bits repeat after a few GB (RFC 8221)";
constexpr char kShortTag[] = "a tag of 8 octets is for links that cannot carry more (RFC 8221)";
constexpr char kNoAh[] = "AH is not supported by this version";
constexpr char kSmallGroup[] = "that group can be broken (RFC 8247)";
constexpr char kSubgroups[] = "its prime is of unknown making and its small subgroups leak keys (RFC 8247)";

// One mode of AES with its three key sizes.
void AddSizes(std::vector<EncryptionName>* out, const char* const (&words)[3], uint16_t id,
              Standing standing = Standing::kGood, const char* why = nullptr) {
  for (size_t i = 0; i < 3; ++i) out->push_back({words[i], {id, static_cast<uint16_t>(128 + 64 * i)}, standing, why});
}

std::string WordOf(const std::vector<NumberName>& names, uint16_t id) {
  const auto it = std::find_if(names.begin(), names.end(), [id](const NumberName& n) { return n.number == id; });
  return it == names.end() ? absl::StrCat(id) : it->word;
}

}  // namespace

const std::vector<EncryptionName>& IkeEncryptionNames() {
  static const std::vector<EncryptionName> kNames = [] {
    std::vector<EncryptionName> n;
    AddSizes(&n, {"aes-cbc-128", "aes-cbc-192", "aes-cbc-256"}, kEncrAesCbc);
    AddSizes(&n, {"aes-gcm-128", "aes-gcm-192", "aes-gcm-256"}, kEncrAesGcm16);
    n.push_back({"3des", {kEncr3Des, 0}, kWeak, k3DesBlocks});
    n.push_back({"des", {2, 0}, kRefused, "its keys are found in hours"});
    n.push_back({"chacha20-poly1305", {kEncrChacha20, 0}});
    AddSizes(&n, {"aes-gcm12-128", "aes-gcm12-192", "aes-gcm12-256"}, kEncrAesGcm12);
    AddSizes(&n, {"aes-gcm8-128", "aes-gcm8-192", "aes-gcm8-256"}, kEncrAesGcm8, kWeak, kShortTag);
    AddSizes(&n, {"aes-ccm-128", "aes-ccm-192", "aes-ccm-256"}, kEncrAesCcm16);
    AddSizes(&n, {"aes-ccm12-128", "aes-ccm12-192", "aes-ccm12-256"}, kEncrAesCcm12);
    AddSizes(&n, {"aes-ccm8-128", "aes-ccm8-192", "aes-ccm8-256"}, kEncrAesCcm8, kWeak, kShortTag);
    AddSizes(&n, {"aes-ctr-128", "aes-ctr-192", "aes-ctr-256"}, kEncrAesCtr);
    return n;
  }();
  return kNames;
}

const std::vector<NumberName>& IntegrityNames() {
  static const std::vector<NumberName> kNames = {
      {"sha1", 2},        {"sha256", 12},   {"sha384", 13},
      {"sha512", 14},     {"md5", 1, kWeak, kMd5},
      {"aes-cmac", 8},    {"aes-xcbc", 5}};
  return kNames;
}

const std::vector<NumberName>& PrfNames() {
  static const std::vector<NumberName> kNames = {
      {"sha1", 2},        {"sha256", 5},   {"sha384", 6},
      {"sha512", 7},      {"md5", 1, kWeak, kMd5},
      {"aes-cmac", 8},    {"aes-xcbc", 4}};
  return kNames;
}

const std::vector<NumberName>& GroupNames() {
  static const std::vector<NumberName> kNames = {
      {"1", 1, kWeak, kSmallGroup},     {"2", 2, kWeak, kSmallGroup},     {"5", 5, kWeak, kSmallGroup},
      {"14", 14},                       {"15", 15},                       {"16", 16},
      {"19", 19},                       {"20", 20},                       {"21", 21},
      {"24", 24, kRefused, kSubgroups}, {"17", 17},                       {"18", 18},
      {"22", 22, kRefused, kSubgroups}, {"23", 23, kRefused, kSubgroups}, {"27", 27, kWeak, "a curve of 224 bits"},
      {"28", 28},                       {"29", 29},                       {"30", 30},
      {"31", 31},                       {"32", 32},                       {"curve25519", 31},
      {"curve448", 32}};
  return kNames;
}

const std::vector<TransformName>& TransformNames() {
  using T = TransformName;
  static const std::vector<T> kNames = {
      {T::kCipher, "esp-aes", {kEncrAesCbc, 128}, true},
      {T::kCipher, "esp-192-aes", {kEncrAesCbc, 192}},
      {T::kCipher, "esp-256-aes", {kEncrAesCbc, 256}},
      {T::kCipher, "esp-gcm", {kEncrAesGcm16, 128}, true},
      {T::kCipher, "esp-gmac", {kEncrGmac, 128}, true, kWeak, "it does not encrypt"},
      {T::kCipher, "esp-3des", {kEncr3Des, 0}, false, kWeak, k3DesBlocks},
      {T::kCipher, "esp-null", {kEncrNull, 0}, false, kWeak, "it does not encrypt"},
      {T::kIntegrity, "esp-md5-hmac", {1, 0}, false, kWeak, kMd5},
      {T::kIntegrity, "esp-sha-hmac", {2, 0}},
      {T::kIntegrity, "esp-sha256-hmac", {12, 0}},
      {T::kIntegrity, "esp-sha384-hmac", {13, 0}},
      {T::kIntegrity, "esp-sha512-hmac", {14, 0}},
      {T::kEsn, "esn", {}},
      {T::kOther, "esp-des", {}, false, kRefused, "its keys are found in hours"},
      {T::kOther, "esp-seal", {}, false, kRefused, "only the hardware of IOS routers has it"},
      {T::kOther, "ah-md5-hmac", {}, false, kRefused, kNoAh},
      {T::kOther, "ah-sha-hmac", {}, false, kRefused, kNoAh},
      {T::kOther, "ah-sha256-hmac", {}, false, kRefused, kNoAh},
      {T::kOther, "ah-sha384-hmac", {}, false, kRefused, kNoAh},
      {T::kOther, "ah-sha512-hmac", {}, false, kRefused, kNoAh},
      {T::kOther, "comp-lzs", {}, false, kRefused, "compression is not supported by this version"},
      {T::kCipher, "esp-chacha20-poly1305", {kEncrChacha20, 0}},
      {T::kCipher, "esp-gcm12", {kEncrAesGcm12, 128}, true},
      {T::kCipher, "esp-gcm8", {kEncrAesGcm8, 128}, true, kWeak, kShortTag},
      {T::kCipher, "esp-ccm", {kEncrAesCcm16, 128}, true},
      {T::kCipher, "esp-ccm12", {kEncrAesCcm12, 128}, true},
      {T::kCipher, "esp-ccm8", {kEncrAesCcm8, 128}, true, kWeak, kShortTag},
      {T::kCipher, "esp-ctr", {kEncrAesCtr, 128}, true},
      {T::kIntegrity, "esp-aes-cmac", {8, 0}},
      {T::kIntegrity, "esp-aes-xcbc", {5, 0}},
  };
  return kNames;
}

const std::vector<SuiteName>& SuiteNames() {
  static const std::vector<SuiteName> kNames = {
      {"suite-b-gcm-128", {kEncrAesCbc, 128}, 12, 5, 19, {kEncrAesGcm16, 128}},
      {"suite-b-gcm-256", {kEncrAesCbc, 256}, 13, 6, 20, {kEncrAesGcm16, 256}},
      {"suite-b-gmac-128", {kEncrAesCbc, 128}, 12, 5, 19, {kEncrGmac, 128}},
      {"suite-b-gmac-256", {kEncrAesCbc, 256}, 13, 6, 20, {kEncrGmac, 256}},
      {"cnsa-gcm-256-ecdh-384", {kEncrAesGcm16, 256}, 0, 6, 20, {kEncrAesGcm16, 256}},
      {"cnsa-gcm-256-dh-3072", {kEncrAesGcm16, 256}, 0, 6, 15, {kEncrAesGcm16, 256}},
      {"cnsa-gcm-256-dh-4096", {kEncrAesGcm16, 256}, 0, 6, 16, {kEncrAesGcm16, 256}},
  };
  return kNames;
}

std::string IkeEncryptionWord(const EncrChoice& c) {
  for (const EncryptionName& n : IkeEncryptionNames())
    if (n.choice == c) return n.word;
  return absl::StrCat("encr-", c.encr, "-", c.key_bits);
}
std::string IntegrityWord(uint16_t id) { return WordOf(IntegrityNames(), id); }
std::string PrfWord(uint16_t id) { return WordOf(PrfNames(), id); }

std::string EspEncryptionWords(const EncrChoice& c) {
  for (const TransformName& n : TransformNames()) {
    if (n.kind != TransformName::kCipher || n.choice.encr != c.encr) continue;
    if (!n.sized) return n.word;
    // IOS writes "esp-aes" for 128 bits, but "esp-gcm 128".
    return c.encr == kEncrAesCbc && c.key_bits == 128 ? n.word : absl::StrCat(n.word, " ", c.key_bits);
  }
  return "";
}
std::string EspIntegrityWord(uint16_t id) {
  for (const TransformName& n : TransformNames())
    if (n.kind == TransformName::kIntegrity && n.choice.encr == id) return n.word;
  return "";
}

namespace {

template <class Name>
std::vector<std::string> WordsOf(const std::vector<Name>& names, absl::string_view prefix = "") {
  std::vector<std::string> out;
  for (const Name& n : names) out.push_back(absl::StrCat(prefix, n.word));
  return out;
}

}  // namespace

const std::vector<std::string>* WordList(absl::string_view name) {
  static const auto* const kLists = new std::map<std::string, std::vector<std::string>, std::less<>>{
      {"encryption", WordsOf(IkeEncryptionNames())},
      {"integrity", WordsOf(IntegrityNames())},
      {"prf", WordsOf(PrfNames())},
      {"group", WordsOf(GroupNames())},
      {"suite", WordsOf(SuiteNames())},
      {"transform", WordsOf(TransformNames())},
      {"pfs", WordsOf(GroupNames(), "group")},
      {"exchange",
       [] {
         std::vector<std::string> out = {"none", "mlkem512", "mlkem768", "mlkem1024"};
         for (const NumberName& n : GroupNames()) out.emplace_back(n.word);
         return out;
       }()},
      {"method", {"crl", "none", "ocsp"}},
  };
  const auto it = kLists->find(name);
  return it == kLists->end() ? nullptr : &it->second;
}

}  // namespace flexvpn::config
