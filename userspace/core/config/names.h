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

struct EncryptionName {
  const char* word;
  EncrChoice choice;
  bool weak;
};
struct NumberName {
  const char* word;
  uint16_t number;
  bool weak;
};
const std::vector<EncryptionName>& IkeEncryptionNames();  // aes-cbc-256 …
const std::vector<NumberName>& IntegrityNames();          // IANA AUTH ids
const std::vector<NumberName>& PrfNames();                // IANA PRF ids
const std::vector<NumberName>& GroupNames();              // IANA group numbers

std::string IkeEncryptionWord(const EncrChoice& c);
std::string IntegrityWord(uint16_t id);
std::string PrfWord(uint16_t id);
// "esp-aes 256", "esp-sha256-hmac"; empty if there is none.
std::string EspEncryptionWords(const EncrChoice& c);
std::string EspIntegrityWord(uint16_t id);

inline constexpr uint16_t kEncrNull = 11, kEncrAesCbc = 12, kEncrAesGcm16 = 20, kEncr3Des = 3, kEncrGmac = 21;
inline bool IsAead(uint16_t encr) { return (encr >= 14 && encr <= 16) || (encr >= 18 && encr <= 21) || encr == 28; }

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
