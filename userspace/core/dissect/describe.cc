// SPDX-License-Identifier: Apache-2.0
#include "core/dissect/describe.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/overloaded.h"

namespace flexvpn::dissect {
namespace {

using namespace ike;  // NOLINT: every payload by its name

std::string Hex(BytesView bytes) { return ToHex(bytes); }

// Text of a peer, with whatever would disturb a terminal escaped.
std::string Printable(BytesView bytes) { return absl::CHexEscape(ToString(bytes)); }

std::string ProtocolName(ProtocolId p) {
  switch (p) {
    case ProtocolId::kNone:
      return "none";
    case ProtocolId::kIke:
      return "IKE";
    case ProtocolId::kAh:
      return "AH";
    case ProtocolId::kEsp:
      return "ESP";
  }
  return absl::StrCat(static_cast<unsigned>(p));
}

Json One(const char* name) {
  Json j;
  j["payload"] = name;
  return j;
}

Json Of(const SaPayload& sa) {
  Json j = One("SA");
  j["proposals"] = Json::array();
  for (const Proposal& p : sa.proposals) {
    Json proposal;
    proposal["number"] = p.number;
    proposal["protocol"] = ProtocolName(p.protocol);
    if (!p.spi.empty()) proposal["spi"] = Hex(p.spi);
    proposal["transforms"] = Json::array();
    for (const Transform& t : p.transforms) {
      std::string name = TransformName(t);
      if (!t.other_attributes.empty()) absl::StrAppend(&name, " attributes ", Hex(t.other_attributes));
      proposal["transforms"].push_back(std::move(name));
    }
    j["proposals"].push_back(std::move(proposal));
  }
  return j;
}

Json Of(const KePayload& ke) {
  Json j = One("KE");
  j["method"] = TransformName({TransformType::kKe, static_cast<uint16_t>(ke.method), std::nullopt});
  j["data"] = Hex(ke.public_value);
  return j;
}

Json Of(const IdPayload& id) {
  Json j = One(id.initiator ? "IDi" : "IDr");
  switch (id.type) {
    case IdType::kIpv4:
    case IdType::kIpv6:
      j["type"] = id.type == IdType::kIpv4 ? "ID_IPV4_ADDR" : "ID_IPV6_ADDR";
      j["value"] = net::IpAddress::FromBytes(id.data).ToString();
      return j;
    case IdType::kFqdn:
      j["type"] = "ID_FQDN";
      break;
    case IdType::kEmail:
      j["type"] = "ID_RFC822_ADDR";
      break;
    case IdType::kKeyId:
      j["type"] = "ID_KEY_ID";
      break;
    case IdType::kNull:
      j["type"] = "ID_NULL";
      return j;
    case IdType::kDerAsn1Dn:
      j["type"] = "ID_DER_ASN1_DN";
      break;
    case IdType::kDerAsn1Gn:
      j["type"] = "ID_DER_ASN1_GN";
      break;
    default:
      j["type"] = absl::StrCat("ID_", static_cast<unsigned>(id.type));
  }
  const bool text = id.type == IdType::kFqdn || id.type == IdType::kEmail || id.type == IdType::kKeyId;
  j["value"] = text ? Printable(id.data) : Hex(id.data);
  return j;
}

Json Certificate(const char* name, uint8_t encoding, BytesView data) {
  Json j = One(name);
  j["encoding"] = encoding == 4    ? "X.509 signature"
                  : encoding == 12 ? "hash and URL of X.509"
                  : encoding == 13 ? "hash and URL of a bundle"
                                   : absl::StrCat(encoding);
  j["data"] = Hex(data);
  return j;
}

Json Of(const AuthPayload& auth) {
  Json j = One("AUTH");
  const char* name = nullptr;
  switch (auth.method) {
    case AuthMethod::kRsa:
      name = "RSA";
      break;
    case AuthMethod::kSharedKey:
      name = "shared key";
      break;
    case AuthMethod::kEcdsa256:
      name = "ECDSA P-256";
      break;
    case AuthMethod::kEcdsa384:
      name = "ECDSA P-384";
      break;
    case AuthMethod::kEcdsa521:
      name = "ECDSA P-521";
      break;
    case AuthMethod::kNull:
      name = "NULL";
      break;
    case AuthMethod::kSignature:
      name = "digital signature";
      break;
  }
  j["method"] = name != nullptr ? name : absl::StrCat(static_cast<unsigned>(auth.method));
  j["data"] = Hex(auth.data);
  return j;
}

Json Of(const NotifyPayload& n) {
  Json j = One("N");
  j["type"] = NotifyName(n.type);
  if (n.protocol != ProtocolId::kNone) j["protocol"] = ProtocolName(n.protocol);
  if (!n.spi.empty()) j["spi"] = Hex(n.spi);
  if (!n.data.empty()) j["data"] = Hex(n.data);
  return j;
}

Json Of(const DeletePayload& d) {
  Json j = One("D");
  j["protocol"] = ProtocolName(d.protocol);
  for (EspSpi spi : d.spis) j["spis"].push_back(absl::StrCat(absl::Hex(spi.value(), absl::kZeroPad8)));
  return j;
}

Json Of(const TsPayload& ts) {
  Json j = One(ts.initiator ? "TSi" : "TSr");
  j["selectors"] = Json::array();
  for (const TrafficSelector& s : ts.selectors) j["selectors"].push_back(s.ToString());
  return j;
}

const char* ConfigName(CfgAttr type) {
  switch (type) {
    case CfgAttr::kIp4Address:
      return "INTERNAL_IP4_ADDRESS";
    case CfgAttr::kIp4Netmask:
      return "INTERNAL_IP4_NETMASK";
    case CfgAttr::kIp4Dns:
      return "INTERNAL_IP4_DNS";
    case CfgAttr::kApplicationVersion:
      return "APPLICATION_VERSION";
    case CfgAttr::kIp6Address:
      return "INTERNAL_IP6_ADDRESS";
    case CfgAttr::kIp6Dns:
      return "INTERNAL_IP6_DNS";
    case CfgAttr::kIp4Subnet:
      return "INTERNAL_IP4_SUBNET";
    case CfgAttr::kSupportedAttributes:
      return "SUPPORTED_ATTRIBUTES";
    case CfgAttr::kIp6Subnet:
      return "INTERNAL_IP6_SUBNET";
    case CfgAttr::kDnsDomain:
      return "INTERNAL_DNS_DOMAIN";
    case CfgAttr::kUnityBanner:
      return "UNITY_BANNER";
    case CfgAttr::kUnityDefDomain:
      return "UNITY_DEF_DOMAIN";
    default:
      return nullptr;
  }
}

Json Of(const ConfigPayload& cp) {
  Json j = One("CP");
  constexpr const char* kTypes[] = {"", "CFG_REQUEST", "CFG_REPLY", "CFG_SET", "CFG_ACK"};
  const auto type = static_cast<size_t>(cp.type);
  j["type"] = type >= 1 && type <= 4 ? std::string(kTypes[type]) : absl::StrCat(type);
  j["attributes"] = Json::array();
  for (const ConfigAttribute& a : cp.attributes) {
    const char* name = ConfigName(a.type);
    std::string text = name != nullptr ? name : absl::StrCat("ATTRIBUTE_", static_cast<unsigned>(a.type));
    const bool address =
        a.type == CfgAttr::kIp4Address || a.type == CfgAttr::kIp4Netmask || a.type == CfgAttr::kIp4Dns;
    if (address && a.value.size() == 4)
      absl::StrAppend(&text, " ", net::IpAddress::FromBytes(a.value).ToString());
    else if (!a.value.empty())
      absl::StrAppend(&text, " ", Hex(a.value));
    j["attributes"].push_back(std::move(text));
  }
  return j;
}

Json Of(const VendorIdPayload& v) {
  Json j = One("V");
  j["data"] = Hex(v.data);
  j["text"] = Printable(v.data);
  return j;
}

Json Of(const UnknownPayload& p) {
  Json j = One(PayloadName(p.type).c_str());
  j["critical"] = p.critical;
  j["data"] = Hex(p.body);
  return j;
}

Json Octets(const char* name, BytesView data) {
  Json j = One(name);
  j["data"] = Hex(data);
  return j;
}

}  // namespace

Json Describe(const Payload& payload) {
  return std::visit(Overloaded{
                        [](const CertPayload& p) { return Certificate("CERT", p.encoding, p.data); },
                        [](const CertReqPayload& p) { return Certificate("CERTREQ", p.encoding, p.data); },
                        [](const NoncePayload& p) { return Octets("Nonce", p.nonce); },
                        [](const EapPayload& p) { return Octets("EAP", p.message); },
                        [](const auto& p) { return Of(p); },
                    },
                    payload);
}

}  // namespace flexvpn::dissect
