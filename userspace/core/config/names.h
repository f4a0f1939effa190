// SPDX-License-Identifier: Apache-2.0
// Words of the IOS language and the IANA numbers they stand for, in both directions; interface names.
#ifndef FLEXVPN_CORE_CONFIG_NAMES_H_
#define FLEXVPN_CORE_CONFIG_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/config/model.h"

namespace flexvpn::config {

// How far a word may be used.  `kWeak` works with a warning, `kRefused` is known and an error; both with `why`.
enum class Standing : uint8_t { kGood, kWeak, kRefused };
struct EncryptionName {
  const char* word;
  EncrChoice choice;
  Standing standing = Standing::kGood;
  const char* why = nullptr;
};
struct NumberName {
  const char* word;
  uint16_t number;
  Standing standing = Standing::kGood;
  const char* why = nullptr;
};
// Words of IOS first, then those of our own.
const std::vector<EncryptionName>& IkeEncryptionNames();  // aes-cbc-256 …
const std::vector<NumberName>& IntegrityNames();          // IANA AUTH ids
const std::vector<NumberName>& PrfNames();                // IANA PRF ids
const std::vector<NumberName>& GroupNames();              // IANA group numbers

// The Linux device that an interface of the configuration stands for (`platform interface`); other names are devices themselves.
const std::string& LinuxDevice(const Model& model, const std::string& interface);

std::string IkeEncryptionWord(const EncrChoice& c);
std::string IntegrityWord(uint16_t id);
std::string PrfWord(uint16_t id);

// A word of `crypto ipsec transform-set`.
struct TransformName {
  enum Kind : uint8_t { kCipher, kIntegrity, kEsn, kOther } kind;
  const char* word;
  EncrChoice choice;       // kCipher; kIntegrity: .encr is the IANA AUTH id
  bool sized = false;      // 128, 192 or 256 may follow
  Standing standing = Standing::kGood;
  const char* why = nullptr;
};
const std::vector<TransformName>& TransformNames();
// "esp-aes 256", "esp-sha256-hmac"; empty if there is none.
std::string EspEncryptionWords(const EncrChoice& c);
std::string EspIntegrityWord(uint16_t id);

// A suite of algorithms that an RFC names: Suite B (RFC 6379) and CNSA (RFC 9206).
struct SuiteName {
  const char* word;
  EncrChoice ike;
  uint16_t integrity;  // of IKE; 0 with AEAD
  uint16_t prf, group;
  EncrChoice esp;
};
const std::vector<SuiteName>& SuiteNames();

inline constexpr uint16_t kEncr3Des = 3, kEncrNull = 11, kEncrAesCbc = 12, kEncrAesCtr = 13, kEncrAesCcm8 = 14,
                          kEncrAesCcm12 = 15, kEncrAesCcm16 = 16, kEncrAesGcm8 = 18, kEncrAesGcm12 = 19,
                          kEncrAesGcm16 = 20, kEncrGmac = 21, kEncrChacha20 = 28;
inline bool IsAead(uint16_t encr) { return (encr >= 14 && encr <= 16) || (encr >= 18 && encr <= 21) || encr == 28; }

// A list of words that a pattern names ("<ALGORITHM:encryption...>"): encryption, integrity, prf, group, suite,
// transform, pfs, exchange, method.  nullptr if there is none of that name.  Lives until the process ends.
const std::vector<std::string>* WordList(absl::string_view name);

// An interface name in one or two words ("Tunnel0", "tun 0", "gi0/0", "eth0"), canonical.
struct InterfaceName {
  InterfaceKind kind = InterfaceKind::kLinux;
  uint32_t number = 0;
  std::string name;
  size_t words = 1;  // words used
};
// `next` is the word after it, or empty.  nullopt if it cannot be an interface name.
std::optional<InterfaceName> ParseInterfaceName(absl::string_view word, absl::string_view next);
// True for Loopback, Tunnel, Virtual-Template and IOS hardware names: names that must be configured.
bool IsIosName(absl::string_view canonical);

// Levenshtein distance, case-insensitive; words longer than 40 octets count as 40.
int EditDistance(absl::string_view a, absl::string_view b);
// The word of `known` nearest to `word` if near enough to be a slip, else "".
std::string Nearest(absl::string_view word, const std::vector<std::string>& known);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_NAMES_H_
