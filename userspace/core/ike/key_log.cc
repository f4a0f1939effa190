// SPDX-License-Identifier: Apache-2.0
#include "core/ike/key_log.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace flexvpn::ike {
namespace {

using crypto::Encr;
using crypto::Integ;

constexpr char kOurs[] = "#flexvpn:";

// Names of Wireshark (packet-isakmp.c); `%` stands for the key size in bits.
struct EncrName {
  Encr id;
  const char* name;
  bool wireshark = true;
};
constexpr EncrName kEncrNames[] = {
    {Encr::k3des, "3DES [RFC2451]"},
    {Encr::kAesCbc, "AES-CBC-% [RFC3602]"},
    {Encr::kAesCtr, "AES-CTR-% [RFC5930]"},
    {Encr::kAesCcm8, "AES-CCM-% with 8 octet ICV [RFC5282]"},
    {Encr::kAesCcm12, "AES-CCM-% with 12 octet ICV [RFC5282]"},
    {Encr::kAesCcm16, "AES-CCM-% with 16 octet ICV [RFC5282]"},
    {Encr::kAesGcm8, "AES-GCM-% with 8 octet ICV [RFC5282]"},
    {Encr::kAesGcm12, "AES-GCM-% with 12 octet ICV [RFC5282]"},
    {Encr::kAesGcm16, "AES-GCM-% with 16 octet ICV [RFC5282]"},
    {Encr::kChacha20Poly1305, "ChaCha20-Poly1305 [RFC7634]", false},
};
struct IntegName {
  Integ id;
  const char* name;
};
constexpr IntegName kIntegNames[] = {
    {Integ::kNone, "NONE [RFC4306]"},
    {Integ::kHmacMd5_96, "HMAC_MD5_96 [RFC2403]"},
    {Integ::kHmacSha1_96, "HMAC_SHA1_96 [RFC2404]"},
    {Integ::kHmacSha256_128, "HMAC_SHA2_256_128 [RFC4868]"},
    {Integ::kHmacSha384_192, "HMAC_SHA2_384_192 [RFC4868]"},
    {Integ::kHmacSha512_256, "HMAC_SHA2_512_256 [RFC4868]"},
    // Wireshark has neither of these two, but can pass over 96 bits.  Nothing else of ours is written so.
    {Integ::kAesCmac96, "ANY 96-bits of Authentication [No Checking]"},
    {Integ::kAesXcbc96, "ANY 96-bits of Authentication [No Checking]"},
};

size_t KeySize(const ProtectKeys& k) {
  return k.encr_key.size() - std::min(k.encr_key.size(), crypto::SaltSize(k.encr));
}

void Append(SecretBytes* out, absl::string_view text) { out->insert(out->end(), text.begin(), text.end()); }

// Without a copy of the key in memory that is not wiped.
void AppendHex(SecretBytes* out, BytesView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (uint8_t b : bytes) {
    out->push_back(static_cast<uint8_t>(kDigits[b >> 4]));
    out->push_back(static_cast<uint8_t>(kDigits[b & 15]));
  }
}

std::optional<SecretBytes> FromHexText(absl::string_view text) {
  if (text.size() % 2 != 0 || !std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      }))
    return std::nullopt;
  auto digit = [](char c) {
    return c <= '9' ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
  };
  SecretBytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2)
    out.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  return out;
}

struct Cipher {
  Encr id{};
  uint16_t key_bits = 0;
};

// `name` has the key size where `pattern` has %, if it fits at all.
std::optional<Cipher> FindCipher(absl::string_view name) {
  for (const EncrName& n : kEncrNames) {
    const std::pair<absl::string_view, absl::string_view> around =
        absl::StrSplit(n.name, absl::MaxSplits('%', 1));
    if (!absl::StrContains(n.name, '%')) {
      if (name == n.name) return Cipher{n.id, crypto::EncrKeyBits(n.id, 0)};
      continue;
    }
    for (const uint16_t bits : std::initializer_list<uint16_t>{128, 192, 256})
      if (name == absl::StrCat(around.first, bits, around.second)) return Cipher{n.id, bits};
  }
  return std::nullopt;
}

std::optional<Integ> FindIntegrity(absl::string_view name) {
  for (const IntegName& n : kIntegNames)
    if (name == n.name) return n.id;
  return std::nullopt;
}

absl::string_view Unquote(absl::string_view field) {
  if (absl::ConsumePrefix(&field, "\"")) absl::ConsumeSuffix(&field, "\"");
  return field;
}

std::optional<IkeSpi> Spi(absl::string_view hex) {
  const auto bytes = FromHexText(hex);
  if (!bytes || bytes->size() != 8) return std::nullopt;
  return IkeSpi(ByteReader(*bytes).U64());
}

absl::Status Bad(const char* what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<KeyLogEntry> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> f = absl::StrSplit(line, ',');
  if (f.size() != 8) return Bad("not eight fields");
  const auto spi_i = Spi(f[0]), spi_r = Spi(f[1]);
  if (!spi_i || !spi_r) return Bad("an SPI is not 16 hexadecimal digits");
  const auto cipher = FindCipher(Unquote(f[4]));
  if (!cipher) return Bad("unknown encryption algorithm");
  const auto integ = FindIntegrity(Unquote(f[7]));
  if (!integ || crypto::IsAead(cipher->id) != (*integ == Integ::kNone))
    return Bad("unknown integrity algorithm");
  const auto ei = FromHexText(f[2]), er = FromHexText(f[3]), ai = FromHexText(f[5]), ar = FromHexText(f[6]);
  if (!ei || !er || !ai || !ar) return Bad("a key is not hexadecimal");
  const size_t encr_size = crypto::EncrKeySize(cipher->id, cipher->key_bits) + crypto::SaltSize(cipher->id);
  const size_t integ_size = crypto::IntegKeySize(*integ);
  if (ei->size() != encr_size || er->size() != encr_size || ai->size() != integ_size ||
      ar->size() != integ_size)
    return Bad("a key has the wrong size");
  return KeyLogEntry{*spi_i, *spi_r, {cipher->id, *integ, *ei, *ai}, {cipher->id, *integ, *er, *ar}};
}

}  // namespace

SecretBytes FormatKeyLog(const KeyLogEntry& e) {
  const ProtectKeys& k = e.initiator;
  const auto encr = std::find_if(std::begin(kEncrNames), std::end(kEncrNames),
                                 [&](const EncrName& n) { return n.id == k.encr; });
  const auto integ = std::find_if(std::begin(kIntegNames), std::end(kIntegNames),
                                  [&](const IntegName& n) { return n.id == k.integ; });
  if (encr == std::end(kEncrNames) || integ == std::end(kIntegNames)) return {};
  SecretBytes out;
  out.reserve(512);
  if (!encr->wireshark) Append(&out, kOurs);
  const std::string name = encr->name;
  const size_t mark = name.find('%');
  Append(&out, absl::StrCat(absl::Hex(e.spi_i.value(), absl::kZeroPad16), ",",
                            absl::Hex(e.spi_r.value(), absl::kZeroPad16), ","));
  AppendHex(&out, e.initiator.encr_key);
  Append(&out, ",");
  AppendHex(&out, e.responder.encr_key);
  Append(&out, absl::StrCat(",\"",
                            mark == std::string::npos
                                ? name
                                : absl::StrCat(name.substr(0, mark), 8 * KeySize(k), name.substr(mark + 1)),
                            "\","));
  AppendHex(&out, e.initiator.integ_key);
  Append(&out, ",");
  AppendHex(&out, e.responder.integ_key);
  Append(&out, absl::StrCat(",\"", integ->name, "\"\n"));
  return out;
}

absl::StatusOr<std::vector<KeyLogEntry>> ParseKeyLog(absl::string_view text) {
  std::vector<KeyLogEntry> out;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    const bool ours = absl::ConsumePrefix(&line, kOurs);
    if (line.empty() || (!ours && line[0] == '#')) continue;
    auto entry = ParseLine(line);
    if (!entry.ok())
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", entry.status().message()));
    out.push_back(*std::move(entry));
  }
  return out;
}

}  // namespace flexvpn::ike
