// SPDX-License-Identifier: Apache-2.0
#include "core/config/names.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace flexvpn::config {

namespace {

struct IosType {
  const char* name;
  InterfaceKind kind;
  size_t min_prefix;  // shortest abbreviation
};
constexpr IosType kTypes[] = {
    {"Tunnel", InterfaceKind::kTunnel, 2},
    {"Loopback", InterfaceKind::kLoopback, 2},
    {"Virtual-Template", InterfaceKind::kVirtualTemplate, 8},  // Virtual-Access begins alike
    {"Virtual-Access", InterfaceKind::kLinux, 9},  // of show commands; nobody can configure one
    {"GigabitEthernet", InterfaceKind::kLinux, 2},
    {"TenGigabitEthernet", InterfaceKind::kLinux, 2},
    {"TwentyFiveGigE", InterfaceKind::kLinux, 3},
    {"FortyGigabitEthernet", InterfaceKind::kLinux, 2},
    {"HundredGigE", InterfaceKind::kLinux, 2},
    {"FastEthernet", InterfaceKind::kLinux, 2},
    {"Ethernet", InterfaceKind::kLinux, 1},
    {"Serial", InterfaceKind::kLinux, 2},
    {"Port-channel", InterfaceKind::kLinux, 2},
};

bool NameChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; }

const IosType* FindType(absl::string_view alpha) {
  if (absl::EqualsIgnoreCase(alpha, "vt")) return &kTypes[2];
  for (const IosType& t : kTypes)
    if (alpha.size() >= t.min_prefix && absl::StartsWithIgnoreCase(t.name, alpha)) return &t;
  return nullptr;
}

bool IsNumberPart(absl::string_view s) {  // 0, 0/0/1, 0/0.100
  if (s.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(s[0]))) return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '/' || c == '.' || c == ':';
  });
}

// The interface of an IOS type, or nullopt if `number` does not fit it.
std::optional<InterfaceName> Build(const IosType& type, absl::string_view number, size_t words) {
  InterfaceName out;
  out.kind = type.kind;
  out.words = words;
  if (type.kind != InterfaceKind::kLinux) {
    if (number.size() > 10 || !absl::SimpleAtoi(number, &out.number) || out.number > 2147483647u) return std::nullopt;
    out.name = absl::StrCat(type.name, out.number);
  } else {
    out.name = absl::StrCat(type.name, number);
  }
  return out;
}

}  // namespace

std::optional<InterfaceName> ParseInterfaceName(absl::string_view word, absl::string_view next) {
  if (word.empty() || word.size() > 64) return std::nullopt;
  const size_t digits = word.find_first_of("0123456789");
  const absl::string_view alpha = word.substr(0, digits);
  const absl::string_view number = digits == absl::string_view::npos ? absl::string_view() : word.substr(digits);
  const IosType* type = FindType(alpha);
  const bool ethernet = type != nullptr && absl::string_view(type->name) == "Ethernet";
  const bool slashed = number.find('/') != absl::string_view::npos;
  if (type != nullptr && number.empty() && IsNumberPart(next) &&
      (!ethernet || next.find('/') != absl::string_view::npos || word == "Ethernet"))
    return Build(*type, next, 2);
  // eth0 is Linux's name, e0/0 is IOS's; the same for Serial.
  const bool linux_like = (ethernet || (type != nullptr && absl::string_view(type->name) == "Serial")) && !slashed &&
                          alpha != type->name;
  if (type != nullptr && IsNumberPart(number) && !linux_like) return Build(*type, number, 1);
  InterfaceName out;  // a Linux name: at most 15 octets, no blank, no slash (IOS names of other hardware longer)
  if (!std::all_of(word.begin(), word.end(), [](char c) { return NameChar(c) || c == '.' || c == '@' || c == '/' || c == ':'; }))
    return std::nullopt;
  if (!absl::ascii_isalnum(static_cast<unsigned char>(word[0])) && word[0] != '_') return std::nullopt;
  out.name = std::string(word);
  return out;
}

bool IsIosName(absl::string_view canonical) {
  const size_t digits = canonical.find_first_of("0123456789");
  const absl::string_view alpha = canonical.substr(0, digits);
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](const IosType& t) { return alpha == t.name; });
}

int EditDistance(absl::string_view a, absl::string_view b) {
  a = a.substr(0, 40);
  b = b.substr(0, 40);
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int old = row[j];
      const bool same = absl::ascii_tolower(static_cast<unsigned char>(a[i - 1])) ==
                        absl::ascii_tolower(static_cast<unsigned char>(b[j - 1]));
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1)});
      diagonal = old;
    }
  }
  return row[b.size()];
}

std::string Nearest(absl::string_view word, const std::vector<std::string>& known) {
  std::string best;
  int best_distance = std::numeric_limits<int>::max();
  for (const std::string& k : known) {
    const int limit = std::max(1, static_cast<int>(std::min(k.size(), word.size())) / 3);
    const int d = EditDistance(word, k);
    if (d <= limit && d < best_distance) best = k, best_distance = d;
  }
  return best;
}

const std::string& LinuxDevice(const Model& model, const std::string& interface) {
  const auto it = model.platform_interfaces.find(interface);
  return it == model.platform_interfaces.end() ? interface : it->second;
}

}  // namespace flexvpn::config
