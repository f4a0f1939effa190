// SPDX-License-Identifier: Apache-2.0
// Inside core/show: reading of JSON that cannot fail, and the text layouts by command family.
#ifndef FLEXVPN_CORE_SHOW_TEXT_H_
#define FLEXVPN_CORE_SHOW_TEXT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/show/rows.h"

namespace flexvpn::show {

// The value of `key`, or a neutral one if it is missing, null or of another type.
std::string Str(const Json& object, const char* key, const char* missing = "");
int64_t Int(const Json& object, const char* key);
uint64_t Uint(const Json& object, const char* key);
bool Flag(const Json& object, const char* key);
bool Has(const Json& object, const char* key);  // there and not null
const Json& List(const Json& object, const char* key);
std::string Join(const Json& list, absl::string_view separator);  // of strings

// Columns as wide as their widest cell, two blanks between; numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head);
  void Row(std::vector<std::string> cells);
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string TextIkeSas(const Json& data, bool detailed);
std::string TextIkeSessions(const Json& data, bool detailed);
std::string TextIpsecSas(const Json& data);
std::string TextCertificates(const Json& data);
std::string TextNhrp(const Json& data);
std::string TextNhrpShortcuts(const Json& data);
std::string TextRoutes(const Json& data);
std::string TextPeers(const Json& data);
std::string TextKernelSas(const Json& data);
std::string TextDrops(const Json& data);
std::string TextOffload(const Json& data);
std::string TextDevices(const Json& data);
std::string TextDataplane(const Json& data);
std::string TextVersion(const Json& data);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_TEXT_H_
