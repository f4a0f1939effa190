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
absl::string_view StrView(const Json& object, absl::string_view key, absl::string_view missing = "");  // of `object`
int64_t Int(const Json& object, const char* key);
uint64_t Uint(const Json& object, const char* key);
bool Flag(const Json& object, const char* key);
bool Has(const Json& object, const char* key);  // there and not null
const Json& List(const Json& object, const char* key);
const Json& Member(const Json& object, const char* key);          // an object; an empty one if it is none
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

// "10:46:42 UTC Jan 1 2026" of seconds since 1970.
std::string FormatDate(int64_t unix_time);
// "Nov 26 14:35:02 UTC" of the keys "time" and "age_seconds"; "00:01:52 ago" where the time is not known.
std::string FormatTime(const Json& row);

// The layouts; document.cc says which command has which.
std::string TextIkeSas(const std::vector<IkeSaRow>& rows, bool detailed);
std::string TextIkeSessions(const std::vector<IkeSessionRow>& rows, bool detailed);
std::string TextIpsecSas(const Json& data);
std::string TextCertificates(const Json& data);
std::string TextNhrp(const Json& data);
std::string TextNhrpDetail(const Json& data);
std::string TextNhrpBrief(const Json& data);
std::string TextNhrpShortcuts(const Json& data);
std::string TextNhs(const Json& data);
std::string TextNhsDetail(const Json& data);
std::string TextNhrpMulticast(const Json& data);
std::string TextRoutes(const Json& data);
std::string TextPeers(const Json& data);
std::string TextKernelSas(const Json& data);
std::string TextDrops(const Json& data);
std::string TextOffload(const Json& data);
std::string TextDevices(const Json& data);
std::string TextDataplane(const Json& data);
std::string TextVersion(const Json& data);
// text_config.cc
std::string TextFlexClients(const Json& data);
std::string TextProposals(const Json& data);
std::string TextPolicies(const Json& data);
std::string TextProfiles(const Json& data);
std::string TextAuthorizationPolicies(const Json& data);
std::string TextTransformSets(const Json& data);
std::string TextIpsecProfiles(const Json& data);
std::string TextPools(const Json& data);
std::string TextIpv6Pools(const Json& data);
// text_session.cc
std::string TextCryptoSessions(const Json& data);
std::string TextCryptoSessionsBrief(const Json& data);
std::string TextCryptoSessionsDetail(const Json& data);
// text_stats.cc
std::string TextIkeStats(const Json& data);
std::string TextIkeExchanges(const Json& data);
std::string TextIkeErrors(const Json& data);
std::string TextPerformance(const Json& data);
std::string TextNhrpTraffic(const Json& data);
std::string TextNhrpFlags(const Json& data);
// text_system.cc
std::string TextInterface(const Json& data);
std::string TextDerivedConfig(const Json& data);
std::string TextReconcile(const Json& data);
std::string TextLogging(const Json& data);
std::string TextTechSupport(const Json& data);
std::string TextDebugging(const Json& data);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_TEXT_H_
