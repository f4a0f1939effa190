// SPDX-License-Identifier: Apache-2.0
// The rows of every show command, as structs: the node fills them, the Make… functions give them their JSON form
// (docs/show-json.md), and the text layouts print that JSON.  So nobody outside this module writes a JSON key.
//
// Units: seconds, octets, packets.  Algorithms are IANA IKEv2 transform ids, SPIs are numbers in host order.
// Strings that come from a peer (identities, vendor) may hold any octets: the renderers make them printable.
#ifndef FLEXVPN_CORE_SHOW_ROWS_H_
#define FLEXVPN_CORE_SHOW_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/net/ip.h"
#include "core/show/document.h"

namespace flexvpn::show {

// --- show crypto ikev2 sa [detailed], show crypto ikev2 session [detailed] -----------------------------------
struct IkeSaRow {
  uint32_t tunnel_id = 0;       // small number, stable for the life of the SA
  uint32_t session_id = 0;
  std::string interface;        // "Tunnel0", "Virtual-Access2"; empty = none yet
  std::string profile;          // IKEv2 profile; empty = none chosen yet
  net::Endpoint local, remote;  // outer, as used now
  std::string fvrf, ivrf;       // empty prints "none"
  std::string status = "READY"; // READY, IN-NEG, REKEY, DELETE
  std::string status_description = "Negotiation done";
  bool initiator = false;
  uint64_t local_spi = 0, remote_spi = 0;
  uint16_t encr = 0, key_bits = 0, prf = 0, integ = 0, group = 0;
  std::vector<std::string> additional;  // key exchanges beside `group` (RFC 9370), by name
  bool ppk = false;                     // a post-quantum pre-shared key is in the keys (RFC 8784)
  std::string auth_local = "PSK", auth_remote = "PSK";  // "PSK", "RSA", "EAP", "NULL" …
  std::string local_id, remote_id;
  std::string remote_certificate;         // "cn=spoke1,o=Example, serial 1A, issued by cn=CA"; empty = none
  seconds lifetime{86400};
  seconds active{0};
  // Message ids and windows as IOS prints them.
  uint32_t local_next_msg_id = 0, remote_next_msg_id = 0;
  uint32_t local_queued = 0, remote_queued = 0;
  uint32_t local_window = 1, remote_window = 1;
  seconds dpd_interval{0}, dpd_retry{0};  // 0 = DPD off
  bool nat_local = false, nat_remote = false;  // NAT detected before us / before the peer
  bool fragmentation = false;             // RFC 7383 agreed
  bool mobike = false;                    // RFC 4555 agreed
  bool dynamic_route = false;             // the peer takes routes that change: CISCO-DYNAMIC-ROUTE, or it is one of ours
  std::optional<net::IpAddress> pushed_address;    // client: what we were given
  std::optional<net::IpAddress> assigned_address;  // server: what we gave
  std::optional<net::IpAddress> pushed_ipv6_address, assigned_ipv6_address;
  std::vector<net::Prefix> remote_subnets;         // IKEv2 routes received
  std::vector<std::string> configuration;          // attributes of the configuration payload received, readable
  std::string peer_type;                  // from vendor ids: "IOS-XE", "flexvpn", "strongSwan"; empty = unknown
  // The configuration has changed since: what waits for the next rekey of the IKE SA or of a Child SA, and for the next session.
  bool ike_outdated = false, child_outdated = false, handout_outdated = false, routes_outdated = false;
  uint64_t packets_in = 0, packets_out = 0;        // IKE messages
  uint32_t children = 0;
};
struct ChildSelectorRow {
  net::IpAddress first, last;
  uint16_t first_port = 0, last_port = 65535;
  uint8_t protocol = 0;  // 0 = any
};
struct SessionChildRow {
  std::vector<ChildSelectorRow> local, remote;
  uint32_t spi_in = 0, spi_out = 0;
  uint16_t encr = 0, key_bits = 0, integ = 0;
  bool transport = false;
};
struct IkeSessionRow {
  IkeSaRow sa;
  std::string status = "UP-ACTIVE";  // UP-ACTIVE, UP-IDLE, UP-NO-IKE, DOWN-NEGOTIATING, DOWN
  std::vector<SessionChildRow> children;
};

// --- show crypto pki certificates --------------------------------------------------------------------------------
struct CertificateRow {
  std::string trustpoint;
  std::string role;        // "own", "intermediate", "ca"
  std::string status;      // "available", "expired", "not yet valid"
  std::string subject, issuer, serial;
  std::vector<std::string> names;  // subjectAltName
  int64_t not_before = 0, not_after = 0;  // seconds since 1970, UTC
  std::string key, signature_algorithm;
  std::string fingerprint_sha256;  // hexadecimal
};

// --- show crypto ipsec sa --------------------------------------------------------------------------------------
// One Child SA (a pair of ESP SAs).
struct IpsecSaRow {
  std::string interface;
  std::string ike_profile, ipsec_profile;
  std::string vrf;                          // empty prints "(none)"
  net::IpAddress local, remote;             // crypto endpoints
  uint16_t remote_port = 500;               // IKE port of the peer; 4500 with NAT-T
  net::Prefix local_ident, remote_ident;
  uint8_t protocol = 0;                     // 47 = GRE
  uint16_t local_port = 0, remote_ident_port = 0;
  uint32_t spi_in = 0, spi_out = 0;
  uint16_t encr = 0, key_bits = 0, integ = 0;
  bool transport = false, esn = false, udp_encap = false, tcp_encap = false, initiator = false;
  std::optional<uint16_t> pfs_group;
  uint32_t replay_window = 0;               // 0 = off
  seconds remaining{0};                     // until the hard lifetime
  std::optional<uint64_t> remaining_kilobytes;  // nullopt: volume rekey off
  uint64_t packets_out = 0, bytes_out = 0, packets_in = 0, bytes_in = 0;
  uint64_t send_errors = 0, receive_errors = 0;
  uint32_t plaintext_mtu = 0, path_mtu = 1500, ip_mtu = 1500;
  std::string underlay_interface;           // Linux name, or IOS name when mapped
  std::string offload_wanted = "off";       // off, auto, crypto, packet
  std::string offload_state = "software";   // software, crypto, packet
  std::string offload_reason;               // why it is not what was wanted
};

// --- show ip nhrp, show ip nhrp shortcut -----------------------------------------------------------------------
struct NhrpRow {
  net::Prefix prefix;
  net::IpAddress next_hop;
  std::string interface;
  seconds created_ago{0};
  std::optional<seconds> expires_in;        // nullopt: never
  std::string type = "dynamic";             // dynamic, static, incomplete, negative
  std::vector<std::string> flags;           // router, implicit, rib, nho, local, unique, used, no-socket …
  net::IpAddress nbma, claimed_nbma;        // claimed: empty when equal
  std::vector<net::IpAddress> requesters;
  uint32_t network_id = 0;
};

// --- show ip route flexvpn ---------------------------------------------------------------------------------------
struct RouteRow {
  char code = 'S';           // S IKEv2 route, H NHRP, C connected, L local, P pool
  bool next_hop_override = false;  // '%'
  net::Prefix prefix;
  net::IpAddress next_hop;   // empty: directly connected
  std::string interface;     // IOS name
  std::string device;        // Linux name
  uint32_t distance = 0, metric = 0;
  uint32_t linux_metric = 0;
  uint32_t tag = 0;
  seconds age{0};
  bool shortcut = false;     // prints [Shortcut]
  bool installed = true;     // in the kernel (read back)
};

// --- show dataplane … --------------------------------------------------------------------------------------------
struct PeerRow {
  uint32_t peer_id = 0;
  std::string interface, device;
  net::IpAddress local, remote;
  std::vector<net::IpAddress> overlay;      // next hops that lead to this peer
  std::optional<uint32_t> gre_key;
  uint32_t network_id = 0;
  bool redirect = false;
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
  uint64_t redirects = 0;                   // spoke-to-spoke events raised
};
struct KernelSaRow {
  bool inbound = false;
  uint32_t spi = 0;
  net::IpAddress source, destination;
  uint32_t peer_id = 0;
  uint16_t encr = 0, key_bits = 0, integ = 0;
  bool transport = false, esn = false;
  uint32_t replay_window = 0;
  uint16_t encap_source_port = 0, encap_destination_port = 0;  // 0 = none
  std::string offload = "software";         // software, crypto, packet
  uint64_t packets = 0, bytes = 0;
  uint64_t integrity_failures = 0, replay_failures = 0;
  bool in_kernel = true;                    // false: wanted but not found there
};
struct DropRow {
  std::string component;  // ike, nhrp, peer_select, spoke_classify, ike_guard, xfrm …
  std::string reason;     // stable identifier
  uint64_t count = 0;
  std::string meaning;    // one line, may be empty
};
struct OffloadRow {
  std::string profile, interface;  // IPsec profile, IOS interface
  std::string device;              // Linux device asked
  std::string wanted, state;       // off/auto/crypto/packet, software/crypto/packet
  std::string reason;
  uint32_t sas = 0;
};
struct DeviceRow {
  std::string name;       // Linux name
  std::string kind;       // gre, ip6gre, dummy, xfrm
  std::string underlay;   // ipv4, ipv6, ""
  int32_t ifindex = 0;    // 0 = not there
  uint32_t mtu = 0;
  bool up = false;
  std::vector<std::string> interfaces;  // IOS interfaces it carries
  std::vector<std::string> addresses;   // "10.0.0.1/32"
  std::vector<std::string> programs;    // "tc ingress spoke_classify"
};

// --- show version ---------------------------------------------------------------------------------------------
struct FeatureRow {
  std::string name;
  bool available = true;
  std::string note;  // what it is for, or what does not work without it
};
struct VersionInfo {
  std::string version;         // "0.1.0"
  std::string instance;        // "default"
  std::string hostname;
  std::string kernel;          // uname -r
  std::string compiler, openssl;
  std::string config_file;
  seconds uptime{0};
  std::vector<FeatureRow> features;
};

// The documents.  `detailed` chooses the text layout only: JSON always has everything.
Document MakeIkeSas(std::vector<IkeSaRow> rows, bool detailed);
Document MakeIkeSessions(std::vector<IkeSessionRow> rows, bool detailed);
Document MakeIpsecSas(const std::vector<IpsecSaRow>& rows);
Document MakeNhrp(const std::vector<NhrpRow>& rows);
Document MakeNhrpShortcuts(const std::vector<NhrpRow>& rows);  // rows with flag rib or nho; the others are left out
Document MakeRoutes(const std::vector<RouteRow>& rows);
Document MakePeers(const std::vector<PeerRow>& rows);
Document MakeKernelSas(const std::vector<KernelSaRow>& rows);
Document MakeDrops(const std::vector<DropRow>& rows);
Document MakeOffload(const std::vector<OffloadRow>& rows);
Document MakeDevices(const std::vector<DeviceRow>& rows);
// `show dataplane`: all of the five tables above.
Document MakeDataplane(const std::vector<DeviceRow>& devices, const std::vector<PeerRow>& peers,
                       const std::vector<KernelSaRow>& sas, const std::vector<OffloadRow>& offload,
                       const std::vector<DropRow>& drops);
Document MakeVersion(const VersionInfo& info);
Document MakeCertificates(const std::vector<CertificateRow>& rows);
Document MakeRunningConfig(const std::string& text);
// A command that failed or is unknown: {"error": "..."}; text "% message".
Document MakeError(const std::string& message);
// A command line that is not understood.  JSON: "error", and where they are known "input", "column" (from 1), "hint".
struct InputError {
  std::string message;
  std::string input;  // the line, one octet a column
  int column = 0;     // of the caret; 0 = none
  std::string hint;
};
Document MakeInputError(const InputError& e);
// A command without a listing ("clear …"): {"ok": true, "message": "..."}.
Document MakeMessage(const std::string& message);

// Names as IOS prints them; an id without a name prints as its number.
std::string EncrName(uint16_t encr);                   // "AES-CBC", "AES-GCM"
std::string PrfName(uint16_t prf);                     // "SHA1", "SHA256"
std::string IntegName(uint16_t integ);                 // "SHA96", "SHA256"; "None" for 0
std::string EspTransformName(uint16_t encr, uint16_t key_bits, uint16_t integ);  // "esp-256-aes esp-sha256-hmac"
std::string DhGroupName(uint16_t group);               // "DH_GROUP_256_ECP/Group 19"
// IOS times: 00:01:52 below a day, 1d02h, 2w3d, 1y2w.
std::string FormatAge(seconds s);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_ROWS_H_
