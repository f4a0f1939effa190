// SPDX-License-Identifier: Apache-2.0
#include "core/show/json.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace flexvpn::show {

std::string Printable(const std::string& s) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (std::all_of(s.begin(), s.end(), plain)) return s;
  std::string out;
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f) out += c;
    else absl::StrAppendFormat(&out, "\\x%02x", u);
  }
  return out;
}

Json TextOrNull(const std::string& s) { return s.empty() ? Json(nullptr) : Json(Printable(s)); }
Json AddressOrNull(const net::IpAddress& a) { return a.empty() ? Json(nullptr) : Json(a.ToString()); }
Json Texts(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& s : list) out.push_back(Printable(s));
  return out;
}
std::string ModeName(bool transport) { return transport ? "transport" : "tunnel"; }

Document Make(const char* command, const char* key, Json rows) {
  Document d{command, Json::object()};
  d.data[key] = std::move(rows);
  return d;
}

}  // namespace flexvpn::show
