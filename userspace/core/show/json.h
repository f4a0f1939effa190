// SPDX-License-Identifier: Apache-2.0
// Inside core/show: how values become JSON.
#ifndef FLEXVPN_CORE_SHOW_JSON_H_
#define FLEXVPN_CORE_SHOW_JSON_H_

#include <string>
#include <vector>

#include "core/net/ip.h"
#include "core/show/rows.h"

namespace flexvpn::show {

// Octets of a peer made printable ASCII: what is not becomes \xNN.
std::string Printable(const std::string& s);
// null instead of an empty value.
Json TextOrNull(const std::string& s);
Json AddressOrNull(const net::IpAddress& a);
Json Texts(const std::vector<std::string>& list);
template <class T>
Json Addresses(const std::vector<T>& list) {
  Json out = Json::array();
  for (const T& a : list) out.push_back(a.ToString());
  return out;
}
// Every kind of row has its ToJson(row) in this namespace.
template <class Row>
Json Array(const std::vector<Row>& rows) {
  Json::array_t out;
  out.reserve(rows.size());
  for (const Row& r : rows) out.push_back(ToJson(r));
  return out;
}
std::string ModeName(bool transport);

Json ToJson(const IkeSaRow& row);

// A document with one key.
Document Make(const char* command, const char* key, Json rows);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_JSON_H_
