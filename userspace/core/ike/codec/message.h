// SPDX-License-Identifier: Apache-2.0
// IKEv2 messages and payloads as values (RFC 7296 §3).  Owns its bytes: nothing points into a datagram.
#ifndef FLEXVPN_CORE_IKE_CODEC_MESSAGE_H_
#define FLEXVPN_CORE_IKE_CODEC_MESSAGE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/strong_id.h"
#include "core/crypto/transforms.h"
#include "core/net/ip.h"

namespace flexvpn::ike {

using IkeSpi = StrongId<struct IkeSpiTag, uint64_t>;  // 0 = not assigned yet (§3.1)
using EspSpi = StrongId<struct EspSpiTag, uint32_t>;  // host order; codecs swap, nobody else

enum class ExchangeType : uint8_t {
  kIkeSaInit = 34, kIkeAuth = 35, kCreateChildSa = 36, kInformational = 37, kIkeSessionResume = 38,
  kIkeIntermediate = 43, kIkeFollowupKe = 44,
};
enum class PayloadType : uint8_t {
  kNone = 0, kSa = 33, kKe = 34, kIdi = 35, kIdr = 36, kCert = 37, kCertReq = 38, kAuth = 39, kNonce = 40,
  kNotify = 41, kDelete = 42, kVendorId = 43, kTsi = 44, kTsr = 45, kEncrypted = 46, kConfig = 47, kEap = 48,
  kEncryptedFragment = 53,
};
enum class ProtocolId : uint8_t { kNone = 0, kIke = 1, kAh = 2, kEsp = 3 };

// IANA "IKEv2 Notify Message Types"; errors are below 16384.
enum class NotifyType : uint16_t {
  kUnsupportedCriticalPayload = 1, kInvalidIkeSpi = 4, kInvalidMajorVersion = 5, kInvalidSyntax = 7,
  kInvalidMessageId = 9, kInvalidSpi = 11, kNoProposalChosen = 14, kInvalidKePayload = 17,
  kAuthenticationFailed = 24, kSinglePairRequired = 34, kNoAdditionalSas = 35, kInternalAddressFailure = 36,
  kFailedCpRequired = 37, kTsUnacceptable = 38, kInvalidSelectors = 39, kUnacceptableAddresses = 40,
  kUnexpectedNatDetected = 41, kTemporaryFailure = 43,
  kChildSaNotFound = 44, kStateNotFound = 47,
  kInitialContact = 16384, kSetWindowSize = 16385, kAdditionalTsPossible = 16386, kIpcompSupported = 16387,
  kNatDetectionSourceIp = 16388, kNatDetectionDestinationIp = 16389, kCookie = 16390, kUseTransportMode = 16391,
  kHttpCertLookupSupported = 16392, kRekeySa = 16393, kEspTfcPaddingNotSupported = 16394,
  kNonFirstFragmentsAlso = 16395, kMobikeSupported = 16396, kAdditionalIp4Address = 16397,
  kAdditionalIp6Address = 16398, kNoAdditionalAddresses = 16399, kUpdateSaAddresses = 16400, kCookie2 = 16401,
  kNoNatsAllowed = 16402, kAuthLifetime = 16403, kRedirectSupported = 16406,
  kRedirect = 16407, kRedirectedFrom = 16408, kTicketLtOpaque = 16409, kTicketRequest = 16410, kTicketAck = 16411,
  kTicketNack = 16412, kTicketOpaque = 16413, kChildlessIkev2Supported = 16418, kQcdToken = 16419,
  kUsePpk = 16435, kPpkIdentity = 16436, kNoPpkAuth = 16437, kIntermediateExchangeSupported = 16438,
  kAdditionalKeyExchange = 16441,
  kIkev2FragmentationSupported = 16430, kSignatureHashAlgorithms = 16431,
};

inline constexpr uint8_t kFlagInitiator = 0x08, kFlagVersion = 0x10, kFlagResponse = 0x20;
inline constexpr size_t kHeaderSize = 28;

struct Header {  // §3.1
  IkeSpi initiator_spi, responder_spi;
  uint8_t next_payload = 0;
  uint8_t version = 0x20;
  ExchangeType exchange{};
  uint8_t flags = 0;
  uint32_t message_id = 0;
  uint32_t length = 0;  // of the whole message, from the wire; ignored by Encode
  bool is_response() const { return (flags & kFlagResponse) != 0; }
  bool from_initiator() const { return (flags & kFlagInitiator) != 0; }  // of the IKE SA, not of the exchange
  friend bool operator==(const Header&, const Header&) = default;
};
// What is wrong with the first 28 octets of a datagram.
enum class HeaderFault : uint8_t {
  kNone,
  kTruncated,
  kLength,   // not the datagram's
  kVersion,  // major version other than 2: may be answered with INVALID_MAJOR_VERSION
  kNoSpi,    // the initiator's SPI is zero
};
// The first thing done with a datagram of a stranger: allocates nothing, whatever it finds.  Flags that RFC 7296 does
// not define are dropped (ignored on receipt).  With kVersion and kNoSpi the fields are there as they came.
HeaderFault ReadHeader(BytesView datagram, Header& header);
// The same with a Status.  Errors: kUnimplemented for kVersion, else kInvalidArgument.
absl::StatusOr<Header> DecodeHeader(BytesView datagram);

enum class TransformType : uint8_t { kEncr = 1, kPrf = 2, kInteg = 3, kKe = 4, kEsn = 5 };
struct Transform {  // §3.3.2
  TransformType type{};  // open: 6..12 are RFC 9370 additional key exchanges
  uint16_t id = 0;
  std::optional<uint16_t> key_bits;  // attribute 14
  Bytes other_attributes{};  // any other attribute as on the wire; not empty: the transform is unacceptable (§3.3.6)
  friend bool operator==(const Transform&, const Transform&) = default;
};
struct Proposal {  // §3.3.1
  uint8_t number = 0;
  ProtocolId protocol{};
  Bytes spi;  // 0, 4 or 8 octets
  std::vector<Transform> transforms;
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
struct SaPayload { std::vector<Proposal> proposals; friend bool operator==(const SaPayload&, const SaPayload&) = default; };
struct KePayload {  // §3.4
  crypto::KeMethod method{};
  Bytes public_value;
  friend bool operator==(const KePayload&, const KePayload&) = default;
};
enum class IdType : uint8_t {  // §3.5
  kIpv4 = 1, kFqdn = 2, kEmail = 3, kIpv6 = 5, kDerAsn1Dn = 9, kDerAsn1Gn = 10, kKeyId = 11, kNull = 13,
};
struct IdPayload {
  bool initiator = false;  // IDi or IDr
  IdType type{};
  Bytes data;
  friend bool operator==(const IdPayload&, const IdPayload&) = default;
};
struct CertPayload { uint8_t encoding = 0; Bytes data; friend bool operator==(const CertPayload&, const CertPayload&) = default; };
struct CertReqPayload { uint8_t encoding = 0; Bytes data; friend bool operator==(const CertReqPayload&, const CertReqPayload&) = default; };
enum class AuthMethod : uint8_t { kRsa = 1, kSharedKey = 2, kEcdsa256 = 9, kEcdsa384 = 10, kEcdsa521 = 11, kNull = 13, kSignature = 14 };
struct AuthPayload { AuthMethod method{}; Bytes data; friend bool operator==(const AuthPayload&, const AuthPayload&) = default; };
struct NoncePayload { Bytes nonce; friend bool operator==(const NoncePayload&, const NoncePayload&) = default; };  // 16..256
struct NotifyPayload {  // §3.10
  ProtocolId protocol{};
  Bytes spi;
  NotifyType type{};
  Bytes data;
  friend bool operator==(const NotifyPayload&, const NotifyPayload&) = default;
};
struct DeletePayload {  // §3.11; IKE: no SPIs.  SPIs are those of the sender's inbound SAs
  ProtocolId protocol{};
  std::vector<EspSpi> spis;
  friend bool operator==(const DeletePayload&, const DeletePayload&) = default;
};
struct VendorIdPayload { Bytes data; friend bool operator==(const VendorIdPayload&, const VendorIdPayload&) = default; };
struct TrafficSelector {  // §3.13.1
  uint8_t protocol = 0;    // 0 = any
  uint16_t start_port = 0, end_port = 65535;
  net::IpAddress start, end;  // same family
  std::string ToString() const;
  friend bool operator==(const TrafficSelector&, const TrafficSelector&) = default;
};
struct TsPayload {
  bool initiator = false;  // TSi or TSr
  std::vector<TrafficSelector> selectors;  // may be empty after decoding: types we do not know are left out
  friend bool operator==(const TsPayload&, const TsPayload&) = default;
};
enum class CfgType : uint8_t { kRequest = 1, kReply = 2, kSet = 3, kAck = 4 };
enum class CfgAttr : uint16_t {  // §3.15.1, RFC 8598, Cisco Unity
  kIp4Address = 1, kIp4Netmask = 2, kIp4Dns = 3, kIp4Nbns = 4, kIp4Dhcp = 6, kApplicationVersion = 7, kIp6Address = 8,
  kIp6Dns = 10, kIp6Dhcp = 12, kIp4Subnet = 13, kSupportedAttributes = 14, kIp6Subnet = 15, kDnsDomain = 25,
  kDnssecTa = 26,
  kUnityBanner = 28672, kUnitySavePassword = 28673, kUnityDefDomain = 28674, kUnitySplitDns = 28675,
  kUnitySplitInclude = 28676, kUnityNatTPort = 28677, kUnityLocalLan = 28678, kUnityPfs = 28679,
  kUnityFirewall = 28680, kUnityBackupServers = 28681, kUnityDdnsHostname = 28682,
};
struct ConfigAttribute { CfgAttr type{}; Bytes value; friend bool operator==(const ConfigAttribute&, const ConfigAttribute&) = default; };
struct ConfigPayload {
  CfgType type{};
  std::vector<ConfigAttribute> attributes;
  friend bool operator==(const ConfigPayload&, const ConfigPayload&) = default;
};
struct EapPayload { Bytes message; friend bool operator==(const EapPayload&, const EapPayload&) = default; };
struct UnknownPayload {
  uint8_t type = 0;
  bool critical = false;
  Bytes body;
  friend bool operator==(const UnknownPayload&, const UnknownPayload&) = default;
};

using Payload = std::variant<SaPayload, KePayload, IdPayload, CertPayload, CertReqPayload, AuthPayload, NoncePayload,
                             NotifyPayload, DeletePayload, VendorIdPayload, TsPayload, ConfigPayload, EapPayload,
                             UnknownPayload>;
using Payloads = std::vector<Payload>;

// The chain beginning with `first` over exactly `body`.  At most 64 payloads.  Errors: kInvalidArgument with the
// payload's name (answered with INVALID_SYNTAX).  SK and SKF do not belong here.
absl::StatusOr<Payloads> DecodePayloads(uint8_t first, BytesView body);
// Appends the chain; returns the type of the first payload (0 if empty).
uint8_t EncodePayloads(const Payloads& payloads, ByteWriter& out);

// A whole unprotected message (IKE_SA_INIT and errors before keys exist).
Bytes EncodeMessage(Header header, const Payloads& payloads);

// Payload access: first of its kind or nullptr.
template <class T>
const T* Find(const Payloads& payloads) {
  for (const Payload& p : payloads)
    if (const T* t = std::get_if<T>(&p)) return t;
  return nullptr;
}
const NotifyPayload* FindNotify(const Payloads& payloads, NotifyType type);
const IdPayload* FindId(const Payloads& payloads, bool initiator);
const TsPayload* FindTs(const Payloads& payloads, bool initiator);
// First error notify (type < 16384), or nullptr.
const NotifyPayload* FindError(const Payloads& payloads);
// First payload of a type we do not know with the critical bit set (§2.5), or nullptr.
const UnknownPayload* FindUnknownCritical(const Payloads& payloads);

std::string ExchangeName(ExchangeType t);  // "IKE_SA_INIT"
std::string NotifyName(NotifyType t);      // "NO_PROPOSAL_CHOSEN", "NOTIFY_40960"

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CODEC_MESSAGE_H_
