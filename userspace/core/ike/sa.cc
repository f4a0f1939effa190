// SPDX-License-Identifier: Apache-2.0
#include "core/ike/sa.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace flexvpn::ike {
namespace {

std::string Printable(BytesView data) {
  const bool text = !data.empty() && std::all_of(data.begin(), data.end(), [](uint8_t c) { return c > 0x20 && c < 0x7f; });
  return text ? flexvpn::ToString(data) : absl::StrCat("0x", ToHex(data));
}

bool Less(BytesView a, BytesView b) { return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace

bool OursLoses(BytesView our_nonce_i, BytesView our_nonce_r, const PeerRekey& theirs) {
  const BytesView ours = Less(our_nonce_i, our_nonce_r) ? our_nonce_i : our_nonce_r;
  const BytesView other = Less(theirs.nonce_i, theirs.nonce_r) ? BytesView(theirs.nonce_i) : theirs.nonce_r;
  return Less(ours, other);
}

std::shared_ptr<const SessionPolicy> NoPolicy() {
  static const auto none = std::make_shared<const SessionPolicy>();
  return none;
}

std::string Identity::ToString() const {
  switch (type) {
    case IdType::kIpv4:
    case IdType::kIpv6:
      return net::IpAddress::FromBytes(data).ToString();
    case IdType::kDerAsn1Dn:
      return crypto::DistinguishedNameText(data);
    case IdType::kDerAsn1Gn:
      return absl::StrCat("dn:", ToHex(data));
    case IdType::kNull:
      return "null";
    default:
      return Printable(data);
  }
}

std::string PeerName(const SessionInfo& info) {
  if (info.remote_id.data.empty()) return info.remote.ToString();
  return absl::StrCat(info.remote_id.ToString(), " (", info.remote.ToString(), ")");
}

}  // namespace flexvpn::ike
