// SPDX-License-Identifier: Apache-2.0
#include "core/ike/cp.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace flexvpn::ike {
namespace {

enum class Form : uint8_t { kOctets, kIp4, kIp6, kIp4Mask, kIp6Prefix, kText, kIp4Subnets };

struct Row {
  CfgAttr type;
  const char* name;
  Form form;
};
constexpr Row kRows[] = {
    {CfgAttr::kIp4Address, "INTERNAL_IP4_ADDRESS", Form::kIp4},
    {CfgAttr::kIp4Netmask, "INTERNAL_IP4_NETMASK", Form::kIp4},
    {CfgAttr::kIp4Dns, "INTERNAL_IP4_DNS", Form::kIp4},
    {CfgAttr::kIp4Nbns, "INTERNAL_IP4_NBNS", Form::kIp4},
    {CfgAttr::kIp4Dhcp, "INTERNAL_IP4_DHCP", Form::kIp4},
    {CfgAttr::kApplicationVersion, "APPLICATION_VERSION", Form::kText},
    {CfgAttr::kIp6Address, "INTERNAL_IP6_ADDRESS", Form::kIp6Prefix},
    {CfgAttr::kIp6Dns, "INTERNAL_IP6_DNS", Form::kIp6},
    {CfgAttr::kIp6Dhcp, "INTERNAL_IP6_DHCP", Form::kIp6},
    {CfgAttr::kIp4Subnet, "INTERNAL_IP4_SUBNET", Form::kIp4Mask},
    {CfgAttr::kSupportedAttributes, "SUPPORTED_ATTRIBUTES", Form::kOctets},
    {CfgAttr::kIp6Subnet, "INTERNAL_IP6_SUBNET", Form::kIp6Prefix},
    {CfgAttr::kDnsDomain, "INTERNAL_DNS_DOMAIN", Form::kText},
    {CfgAttr::kDnssecTa, "INTERNAL_DNSSEC_TA", Form::kOctets},
    {CfgAttr::kUnityBanner, "UNITY_BANNER", Form::kText},
    {CfgAttr::kUnitySavePassword, "UNITY_SAVE_PASSWD", Form::kOctets},
    {CfgAttr::kUnityDefDomain, "UNITY_DEF_DOMAIN", Form::kText},
    {CfgAttr::kUnitySplitDns, "UNITY_SPLITDNS_NAME", Form::kText},
    {CfgAttr::kUnitySplitInclude, "UNITY_SPLIT_INCLUDE", Form::kIp4Subnets},
    {CfgAttr::kUnityNatTPort, "UNITY_NATT_PORT", Form::kOctets},
    {CfgAttr::kUnityLocalLan, "UNITY_LOCAL_LAN", Form::kIp4Subnets},
    {CfgAttr::kUnityPfs, "UNITY_PFS", Form::kOctets},
    {CfgAttr::kUnityFirewall, "UNITY_FW_TYPE", Form::kOctets},
    {CfgAttr::kUnityBackupServers, "UNITY_BACKUP_SERVERS", Form::kOctets},
    {CfgAttr::kUnityDdnsHostname, "UNITY_DDNS_HOSTNAME", Form::kText},
};
constexpr size_t kMaxShown = 256;
constexpr size_t kUnitySubnetSize = 14;  // address, mask, protocol and ports that are always zero

const Row* RowOf(CfgAttr type) {
  const auto it = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.type == type; });
  return it == std::end(kRows) ? nullptr : it;
}

std::string Ip4Net(BytesView v) {
  const auto prefix = net::Prefix::FromMask(net::IpAddress::FromBytes(v.first(4)), net::IpAddress::FromBytes(v.subspan(4, 4)));
  return prefix ? prefix->ToString() : "";
}

// Empty if the value does not have that form.
std::string Readable(Form form, BytesView v) {
  switch (form) {
    case Form::kIp4:
      return v.size() == 4 ? net::IpAddress::FromBytes(v).ToString() : "";
    case Form::kIp6:
      return v.size() == 16 ? net::IpAddress::FromBytes(v).ToString() : "";
    case Form::kIp4Mask:
      return v.size() == 8 ? Ip4Net(v) : "";
    case Form::kIp6Prefix:
      return v.size() == 17 && v[16] <= 128 ? absl::StrCat(net::IpAddress::FromBytes(v.first(16)).ToString(), "/", v[16])
                                            : "";
    case Form::kText:
      return std::all_of(v.begin(), v.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7f; }) ? flexvpn::ToString(v) : "";
    case Form::kIp4Subnets: {
      std::string out;
      if (v.size() % kUnitySubnetSize != 0) return "";
      for (; !v.empty(); v = v.subspan(kUnitySubnetSize)) absl::StrAppend(&out, out.empty() ? "" : " ", Ip4Net(v));
      return out;
    }
    case Form::kOctets:
      break;
  }
  return "";
}

}  // namespace

std::string CfgAttrName(CfgAttr type) {
  const Row* row = RowOf(type);
  return row != nullptr ? row->name : absl::StrCat("ATTRIBUTE_", static_cast<uint16_t>(type));
}

std::string ToString(const ConfigAttribute& attribute) {
  const std::string name = CfgAttrName(attribute.type);
  if (attribute.value.empty()) return name;
  const BytesView value = BytesView(attribute.value).first(std::min(attribute.value.size(), kMaxShown));
  const Row* row = RowOf(attribute.type);
  const std::string text = row != nullptr ? Readable(row->form, value) : "";
  return absl::StrCat(name, " ", !text.empty() ? text : absl::StrCat("0x", ToHex(value)));
}

}  // namespace flexvpn::ike
