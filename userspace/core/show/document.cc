// SPDX-License-Identifier: Apache-2.0
#include "core/show/document.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/show/text.h"

namespace flexvpn::show {

// --- reading ------------------------------------------------------------------------------------------------
namespace {
// Objects keep their keys in order of insertion, so this is a walk: comparing sizes first makes it a short one.
const Json* Find(const Json& object, absl::string_view key) {
  if (!object.is_object()) return nullptr;
  for (const auto& [name, value] : object.get_ref<const Json::object_t&>())
    if (name == key) return value.is_null() ? nullptr : &value;
  return nullptr;
}
}  // namespace

absl::string_view StrView(const Json& object, absl::string_view key, absl::string_view missing) {
  const Json* v = Find(object, key);
  return v != nullptr && v->is_string() ? absl::string_view(v->get_ref<const std::string&>()) : missing;
}
std::string Str(const Json& object, const char* key, const char* missing) {
  return std::string(StrView(object, key, missing));
}
int64_t Int(const Json& object, const char* key) {
  const Json* v = Find(object, key);
  return v != nullptr && v->is_number_integer() ? v->get<int64_t>() : 0;
}
uint64_t Uint(const Json& object, const char* key) {
  const Json* v = Find(object, key);
  return v != nullptr && v->is_number_integer() ? v->get<uint64_t>() : 0;
}
bool Flag(const Json& object, const char* key) {
  const Json* v = Find(object, key);
  return v != nullptr && v->is_boolean() && v->get<bool>();
}
bool Has(const Json& object, const char* key) { return Find(object, key) != nullptr; }
const Json& List(const Json& object, const char* key) {
  static const Json* const kEmpty = new Json(Json::array());
  const Json* v = Find(object, key);
  return v != nullptr && v->is_array() ? *v : *kEmpty;
}
const Json& Member(const Json& object, const char* key) {
  static const Json* const kEmpty = new Json(Json::object());
  const Json* v = Find(object, key);
  return v != nullptr && v->is_object() ? *v : *kEmpty;
}
std::string Join(const Json& list, absl::string_view separator) {
  std::string out;
  for (const Json& v : list) {
    if (!v.is_string()) continue;
    if (!out.empty()) absl::StrAppend(&out, separator);
    absl::StrAppend(&out, v.get<std::string>());
  }
  return out;
}

Table::Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
void Table::Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string Table::Text() const {
  const size_t columns = rows_[0].size();
  std::vector<size_t> width(columns, 0);
  std::vector<bool> numeric(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns && c < rows_[r].size(); ++c) {
      const std::string& cell = rows_[r][c];
      width[c] = std::max(width[c], cell.size());
      if (r > 0 && (cell.empty() || cell.find_first_not_of("0123456789") != std::string::npos)) numeric[c] = false;
    }
  }
  std::string out;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns && c < row.size(); ++c) {
      const std::string pad(width[c] - row[c].size(), ' ');
      absl::StrAppend(&line, c == 0 ? "" : "  ", numeric[c] ? pad : "", row[c], numeric[c] ? "" : pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

// --- renderers -----------------------------------------------------------------------------------------------
namespace {

// Any JSON as an indented listing, for commands without a layout of their own.
void Listing(const Json& value, size_t indent, std::string* out) {
  const std::string blanks(indent, ' ');
  auto scalar = [](const Json& v) { return v.is_string() ? v.get<std::string>() : v.dump(-1, ' ', true, Json::error_handler_t::replace); };
  if (value.is_object()) {
    for (const auto& [key, v] : value.items()) {
      if (v.is_structured()) {
        absl::StrAppend(out, blanks, key, ":\n");
        Listing(v, indent + 2, out);
      } else {
        absl::StrAppend(out, blanks, key, ": ", scalar(v), "\n");
      }
    }
  } else if (value.is_array()) {
    for (const Json& v : value) {
      if (v.is_structured()) {
        Listing(v, indent, out);
        absl::StrAppend(out, "\n");
      } else {
        absl::StrAppend(out, blanks, scalar(v), "\n");
      }
    }
  } else {
    absl::StrAppend(out, blanks, scalar(value), "\n");
  }
}

// As IOS: the line, a caret below the word that does not fit, what is wrong; then what would fit.
std::string TextError(const Json& data) {
  std::string out;
  const int64_t column = Int(data, "column");
  const std::string input = Str(data, "input");
  if (column > 0 && static_cast<size_t>(column) <= input.size() + 1)
    absl::StrAppend(&out, input, "\n", std::string(static_cast<size_t>(column - 1), ' '), "^\n");
  absl::StrAppend(&out, "% ", Str(data, "error"), "\n");
  if (Has(data, "hint")) absl::StrAppend(&out, "  hint: ", Str(data, "hint"), "\n");
  return out;
}

// Which command has which layout.
struct Layout {
  absl::string_view command;
  std::string (*text)(const Json&);
};
constexpr Layout kLayouts[] = {
    {"crypto ikev2 proposal", TextProposals},
    {"crypto ikev2 policy", TextPolicies},
    {"crypto ikev2 profile", TextProfiles},
    {"crypto ikev2 authorization policy", TextAuthorizationPolicies},
    {"crypto ikev2 client flexvpn", TextFlexClients},
    {"crypto ikev2 stats", TextIkeStats},
    {"crypto ikev2 stats exchange", TextIkeExchanges},
    {"crypto ikev2 diagnose error", TextIkeErrors},
    {"crypto ikev2 performance", TextPerformance},
    {"crypto session", TextCryptoSessions},
    {"crypto session brief", TextCryptoSessionsBrief},
    {"crypto session detail", TextCryptoSessionsDetail},
    {"crypto ipsec sa", TextIpsecSas},
    {"crypto ipsec transform-set", TextTransformSets},
    {"crypto ipsec profile", TextIpsecProfiles},
    {"crypto pki certificates", TextCertificates},
    {"ip local pool", TextPools},
    {"ipv6 local pool", TextIpv6Pools},
    {"ip nhrp", TextNhrp},
    {"ip nhrp detail", TextNhrpDetail},
    {"ip nhrp brief", TextNhrpBrief},
    {"ip nhrp shortcut", TextNhrpShortcuts},
    {"ip nhrp nhs", TextNhs},
    {"ip nhrp nhs detail", TextNhsDetail},
    {"ip nhrp multicast", TextNhrpMulticast},
    {"ip nhrp traffic", TextNhrpTraffic},
    {"ip nhrp flags", TextNhrpFlags},
    {"ip route flexvpn", TextRoutes},
    {"interfaces", TextInterface},
    {"derived-config", TextDerivedConfig},
    {"dataplane", TextDataplane},
    {"dataplane peers", TextPeers},
    {"dataplane sas", TextKernelSas},
    {"dataplane drops", TextDrops},
    {"dataplane offload", TextOffload},
    {"dataplane devices", TextDevices},
    {"dataplane reconcile", TextReconcile},
    {"logging", TextLogging},
    {"tech-support", TextTechSupport},
    {"debugging", TextDebugging},
    {"version", TextVersion},
    {"running-config", [](const Json& d) { return Str(d, "config"); }},
    {"message", [](const Json& d) { return Str(d, "message") + "\n"; }},
};

std::string TextOf(const Document& d) {
  if (d.rows != nullptr) return d.rows->Text();
  if (Has(d.data, "error")) return TextError(d.data);
  for (const Layout& l : kLayouts)
    if (l.command == d.command) return l.text(d.data);
  std::string out;
  Listing(d.data, 0, &out);
  return out;
}

}  // namespace

void AddWarning(Document& d, const std::string& text) { d.data["warnings"].push_back(text); }

const Json& Data(Document& d) {
  if (d.rows != nullptr) d.rows->AddTo(d.data);
  d.rows.reset();
  return d.data;
}

std::string RenderJson(Document d) {
  return Data(d).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string RenderText(const Document& d) {
  std::string out;
  for (const Json& w : List(d.data, "warnings"))
    if (w.is_string()) absl::StrAppend(&out, "Warning: ", w.get<std::string>(), "\n");
  return out + TextOf(d);
}

}  // namespace flexvpn::show
