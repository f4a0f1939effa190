// SPDX-License-Identifier: Apache-2.0
// The typed configuration: what the IOS text means, with smart defaults filled in.  A value; equal models mean
// equal behaviour.  Names refer to other objects and are checked by Validate().
#ifndef FLEXVPN_CORE_CONFIG_MODEL_H_
#define FLEXVPN_CORE_CONFIG_MODEL_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "core/net/ip.h"

namespace flexvpn::config {

// Where a statement stands in the text; line and column count from 1, 0 = built in (smart default).
struct Location {
  int line = 0;
  int column = 0;
  friend bool operator==(const Location&, const Location&) { return true; }  // never part of the meaning
};

// A value completed from other objects when the text ends.  Whether it was written or completed is no part of the
// meaning; it is completed anew whenever the configuration changes, and shown only by `show running-config all`.
struct Implied {
  bool value = false;
  explicit operator bool() const { return value; }
  friend bool operator==(const Implied&, const Implied&) { return true; }
};

// --- kept lines -------------------------------------------------------------------------------------------
// A valid line of the language that nothing in this version acts on: kept word by word and shown again.
struct StatementWord {
  std::string name;    // of the argument; "" = a keyword
  std::string text;    // keywords in full, numbers and addresses canonical; empty for a secret
  SecretBytes secret;
  friend bool operator==(const StatementWord&, const StatementWord&) = default;
};
struct Statement {
  std::vector<StatementWord> words;
  bool block = false;           // opens a sub-mode
  std::vector<Statement> body;  // of the sub-mode, in order
  std::string shuts;            // why the object it stands in is not used; "" = it is used without this line

  bool Has(absl::string_view keyword) const;
  const StatementWord* Find(absl::string_view argument) const;  // the first of that name, or nullptr
  std::string Text(absl::string_view argument) const;           // "" if missing
  uint64_t Number(absl::string_view argument, uint64_t missing = 0) const;
  std::string ToString(bool secrets) const;  // the line; secrets as `<removed>` unless `secrets`
  // Whether the line begins with these words ("vrf definition").
  bool StartsWith(absl::string_view words) const;
  friend bool operator==(const Statement& a, const Statement& b);
};

// --- identities -----------------------------------------------------------------------------------------
enum class IdentityKind : uint8_t { kAny, kAddress, kFqdn, kFqdnDomain, kEmail, kEmailDomain, kKeyId, kDn, kNull };
// `match identity remote …`, `identity local …`, keyring `identity …`.
struct Identity {
  IdentityKind kind = IdentityKind::kAny;
  net::Prefix prefix;  // kAddress: host prefix for `identity local`
  std::string text;    // the others; without a leading '@'
  Location where;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// --- crypto ikev2 ------------------------------------------------------------------------------------------
// IANA transform ids (encr 20 with key_bits 256 = aes-gcm-256, 12 = aes-cbc, 3 = 3des …).
struct EncrChoice {
  uint16_t encr = 0;
  uint16_t key_bits = 0;
  friend bool operator==(const EncrChoice&, const EncrChoice&) = default;
};
// Additional key exchanges 1 to 7 (RFC 9370): acceptable methods each, in order of preference; 0 = also without.
using AdditionalKe = std::array<std::vector<uint16_t>, 7>;
struct IkeProposal {  // crypto ikev2 proposal
  std::string name;
  std::vector<EncrChoice> encryption;
  std::vector<uint16_t> integrity;  // IANA AUTH ids: 2 sha1, 12 sha256, 13 sha384, 14 sha512, 1 md5
  std::vector<uint16_t> prf;        // IANA PRF ids: 2, 5, 6, 7, 1; empty = as integrity
  std::vector<uint16_t> groups;     // IANA group numbers
  Location where;
  AdditionalKe additional{};
  std::vector<std::string> refused;  // words we know and do not do: "encryption des", "group 24"
  friend bool operator==(const IkeProposal&, const IkeProposal&) = default;
};
struct IkePolicy {  // crypto ikev2 policy
  std::string name;
  std::vector<net::IpAddress> match_local;
  std::string match_fvrf;  // outer VRF: "" = global, "any", or its name
  std::vector<std::string> proposals;
  Location where;
  std::vector<Statement> kept;
  friend bool operator==(const IkePolicy&, const IkePolicy&) = default;
};
struct PpkKey {  // ppk manual id ID key KEY [required] (RFC 8784)
  std::string id;
  SecretBytes key;
  bool required = false;
  friend bool operator==(const PpkKey&, const PpkKey&) = default;
};
struct KeyringPeer {
  std::string name;
  std::vector<net::Prefix> addresses;   // `address A [M]`; 0.0.0.0/0 matches all
  std::optional<Identity> identity;     // fqdn/email (also domain), key-id, address
  std::string description;
  SecretBytes local_key, remote_key;    // the same unless local|remote was written
  std::optional<PpkKey> ppk;
  Location where;
  std::vector<Statement> kept;
  friend bool operator==(const KeyringPeer&, const KeyringPeer&) = default;
};
struct Keyring {
  std::string name;
  std::vector<KeyringPeer> peers;
  Location where;
  friend bool operator==(const Keyring&, const Keyring&) = default;
};
struct StaticRoute {  // route set remote ipv4 …
  net::Prefix prefix;
  friend bool operator==(const StaticRoute&, const StaticRoute&) = default;
};
struct AuthorizationPolicy {  // crypto ikev2 authorization policy
  std::string name;
  std::string pool;                 // ip local pool
  std::optional<net::IpAddress> netmask;
  std::string ipv6_pool;            // ipv6 local pool
  std::optional<int> ipv6_length;   // prefix length told with the address; none: that of the pool
  std::vector<net::IpAddress> dns, ipv6_dns, wins;  // two of each at most
  std::string def_domain;
  std::vector<std::string> split_dns;        // domains that the name servers are for; empty: all
  std::string banner;
  bool route_set_interface = false;
  std::string route_set_interface_name;      // empty = the tunnel's own address
  std::vector<std::string> route_set_access_lists;
  std::vector<StaticRoute> route_set_remote;
  bool route_accept_any = false;
  uint32_t route_tag = 1;
  uint8_t route_distance = 2;
  std::optional<seconds> session_lifetime;
  Location where;
  std::vector<Statement> kept;
  friend bool operator==(const AuthorizationPolicy&, const AuthorizationPolicy&) = default;
};
struct Dpd {
  seconds interval{10};
  seconds retry{2};
  bool on_demand = true;
  friend bool operator==(const Dpd&, const Dpd&) = default;
};
enum class ChildlessMode : uint8_t { kNever, kPrefer, kForce };
struct TrustpointUse {  // pki trustpoint NAME [sign|verify]
  std::string name;
  bool sign = true, verify = true;
  friend bool operator==(const TrustpointUse&, const TrustpointUse&) = default;
};
struct AuthorizationUse {
  std::string list, policy;
  bool override_user = false;  // over the attributes of the user, of which there are none yet
  bool local = false;          // the policy's name is followed by `local`
  friend bool operator==(const AuthorizationUse&, const AuthorizationUse&) = default;
};
// IKE and ESP in TCP (RFC 9329): not, when UDP brings no answer, or from the beginning.
enum class TcpEncapsulation : uint8_t { kNever, kFallback, kAlways };
struct IkeProfile {  // crypto ikev2 profile
  std::string name;
  std::string description;
  std::vector<Identity> match_remote;
  std::vector<std::string> match_certificate;  // names of certificate maps
  std::vector<net::IpAddress> match_local_addresses;
  std::vector<std::string> match_local_interfaces;  // their addresses, as they are when a peer calls; names as in `tunnel source`
  std::string match_fvrf;                   // as in IkePolicy
  std::optional<Identity> identity_local;   // none = the local address; with a certificate its subject
  bool local_psk = false;                   // authentication local pre-share
  bool remote_psk = false;                  // authentication remote pre-share
  SecretBytes local_key, remote_key;        // `pre-share key K`
  // authentication local|remote rsa-sig, ecdsa-sig (any elliptic curve); local: at most one of the three
  bool local_rsa_pss = false;               // … rsa-sig pss: RSASSA-PSS instead of PKCS#1; our own word
  bool local_rsa = false, local_elliptic = false, remote_rsa = false, remote_elliptic = false;
  // authentication local|remote null: we prove nothing, the peer need not (RFC 7619); local: instead of the others
  bool local_null = false, remote_null = false;
  std::vector<TrustpointUse> trustpoints;   // empty: all of them
  std::string keyring;                      // keyring local NAME
  // aaa authorization group [psk|cert|null] list LIST NAME, by the method the peer authenticates with; "" = any.
  std::map<std::string, AuthorizationUse> authorization;
  bool inbound_only = false;                // match inbound-only: tunnels with it call nobody
  std::optional<uint32_t> virtual_template;
  bool virtual_template_auto = false;       // mode auto
  std::optional<Dpd> dpd;
  std::optional<seconds> nat_keepalive;
  bool nat_force_encap = false;
  TcpEncapsulation tcp = TcpEncapsulation::kNever;  // of tunnels with a destination, as initiator
  uint16_t tcp_port = net::kTcpPort;        // … of the peer
  seconds lifetime{86400};
  seconds auth_lifetime{0};                 // lifetime authentication; 0 = off
  seconds reconnect{0};                     // reconnect timeout: lifetime of tickets (RFC 5723); 0 = off
  bool ticket_by_reference = false;         // … which name what we keep, instead of holding it
  bool config_exchange_request = true;
  bool config_exchange_set_send = true, config_exchange_set_accept = true;
  bool initial_contact_force = false;
  ChildlessMode childless = ChildlessMode::kNever;  // RFC 6023, as initiator
  bool shutdown = false;
  Location where;
  std::vector<Statement> kept;
  std::string inoperative;                  // why no peer may match it (see Derive); "" = it works
  bool down() const { return shutdown || !inoperative.empty(); }
  friend bool operator==(const IkeProfile&, const IkeProfile&) = default;
};
struct IkeGlobal {
  std::optional<Dpd> dpd;
  std::optional<seconds> nat_keepalive;
  uint32_t window = 5;
  std::optional<uint32_t> cookie_challenge;  // half-open SAs; none = built-in threshold
  uint32_t max_negotiating_incoming = 0;     // IKE SAs in negotiation that peers began; 0 = unlimited
  uint32_t max_negotiating_outgoing = 0;     // … that we began
  uint32_t max_sa = 0;
  uint32_t queue_sa_init = 0;                // half-open SAs, as max_negotiating_incoming; 0 = built-in
  std::string key_log;                       // debug crypto ikev2 keylog FILE; empty = off
  bool mobike = true;                        // RFC 4555; our own command
  std::vector<net::IpAddress> mobike_addresses;  // of this router, told to peers beside the one in use
  uint32_t diagnose_errors = 32;             // failures that `show crypto ikev2 diagnose error` remembers
  uint16_t tcp_port = 0;                     // where peers may call in TCP (RFC 9329; our own command); 0 = nowhere
  uint16_t fragmentation_mtu = 1280;         // of the IP datagram; 0 = no IKEv2 fragmentation
  uint8_t max_redirects = 0;                 // crypto ikev2 redirect client; 0 = off
  bool http_url = false;                     // crypto ikev2 http-url cert: fetch certificates that peers name by URL
  bool quick_crash_detection = true;         // RFC 6290 (ours, not IOS)
  friend bool operator==(const IkeGlobal&, const IkeGlobal&) = default;
};

// --- crypto pki ---------------------------------------------------------------------------------------------
enum class RevocationMethod : uint8_t { kCrl, kOcsp, kNone };
struct Trustpoint {  // crypto pki trustpoint
  std::string name;
  std::string certificate_file, key_file, pkcs12_file, ca_file, crl_file;  // absolute paths; empty: none
  std::string key_uri;                        // private-key uri: instead of key_file, in a token
  SecretBytes password;                       // of key_file or pkcs12_file; PIN of key_uri
  // revocation-check, in order of trial, `none` last; without it: crl if there is a crl_file
  std::optional<std::vector<RevocationMethod>> revocation;
  std::string ocsp_url;                       // instead of the responder that the certificate names; empty: that one
  Location where;
  std::vector<Statement> kept;
  bool has_identity() const { return !certificate_file.empty() || !pkcs12_file.empty(); }
  bool has_ca() const { return !ca_file.empty() || !pkcs12_file.empty(); }
  friend bool operator==(const Trustpoint&, const Trustpoint&) = default;
};
enum class CertificateField : uint8_t { kSubject, kIssuer, kAltSubject, kName, kSerial };
enum class CertificateOp : uint8_t { kEqual, kNotEqual, kContains, kContainsNot };
struct CertificateRule {
  CertificateField field{};
  CertificateOp op{};
  std::string value;
  friend bool operator==(const CertificateRule&, const CertificateRule&) = default;
};
struct CertificateMap {  // crypto pki certificate map: all rules of one sequence number must hold
  std::string name;
  std::map<uint32_t, std::vector<CertificateRule>> sequences;
  Location where;
  friend bool operator==(const CertificateMap&, const CertificateMap&) = default;
};

// --- crypto ipsec -------------------------------------------------------------------------------------------
struct TransformSet {
  std::string name;
  EncrChoice encryption;       // IANA ENCR; 11 = NULL
  uint16_t integrity = 0;      // IANA AUTH; 0 with AEAD
  bool esn = false;
  bool transport = false;      // mode transport
  bool transport_require = false;
  Location where;
  std::vector<std::string> refused;  // transforms we know and do not do; with a cipher or AH among them it is not used
  bool usable() const;
  friend bool operator==(const TransformSet&, const TransformSet&) = default;
};
enum class Offload : uint8_t { kOff, kAuto, kCrypto, kPacket };
struct IpsecGlobal {  // crypto ipsec security-association: for the profiles that do not say it
  std::optional<seconds> lifetime;
  std::optional<std::optional<uint64_t>> lifetime_kilobytes;  // inner nullopt: disable
  std::optional<uint32_t> replay_window;
  friend bool operator==(const IpsecGlobal&, const IpsecGlobal&) = default;
};
struct IpsecProfile {
  std::string name;
  std::string description;
  std::string ike_profile;              // set ikev2-profile; empty: none
  std::vector<std::string> transform_sets{"default"};
  std::optional<uint16_t> pfs_group;    // set pfs groupN
  seconds lifetime{3600};
  std::optional<uint64_t> lifetime_kilobytes = 4608000;
  uint32_t replay_window = 64;
  AdditionalKe additional{};            // with pfs_group
  Offload offload = Offload::kOff;      // `set security-association offload {auto|crypto|packet}` (ours, not IOS)
  bool responder_only = false;          // its tunnels call nobody
  Location where;
  // Which of the values above the profile itself says; the others are those of `crypto ipsec security-association`.
  bool own_lifetime = false, own_kilobytes = false, own_replay = false;
  Implied implied_ike_profile;
  std::vector<Statement> kept;
  friend bool operator==(const IpsecProfile&, const IpsecProfile&) = default;
};

// --- interfaces ------------------------------------------------------------------------------------------------
enum class InterfaceKind : uint8_t { kLoopback, kTunnel, kVirtualTemplate, kLinux };
enum class TunnelMode : uint8_t { kGreIpv4, kGreIpv6, kGreMultipoint, kIpsecIpv4, kIpsecIpv6 };
inline bool IsIpv6(TunnelMode m) { return m == TunnelMode::kGreIpv6 || m == TunnelMode::kIpsecIpv6; }
struct NhrpInterface {
  uint32_t network_id = 0;  // 0 = NHRP off
  seconds holdtime{7200};
  bool redirect = false;
  seconds redirect_timeout{8};
  bool shortcut = false;
  std::optional<uint32_t> shortcut_virtual_template;
  std::string authentication;
  friend bool operator==(const NhrpInterface&, const NhrpInterface&) = default;
};

// Whom a tunnel calls.
struct Hub {
  net::IpAddress address = {};  // empty: what `name` has when it is called
  std::string name = {};        // a host name; "" = by address
  friend bool operator==(const Hub&, const Hub&) = default;
};

// crypto ikev2 client flexvpn NAME, of a tunnel with `tunnel destination dynamic`.  The block itself is kept as lines.
struct FlexClient {
  std::string name;                      // "" = no block connects the tunnel
  std::vector<Hub> hubs;                 // in order of preference, of the family of the tunnel's mode
  std::vector<std::string> sources;      // `tunnel source dynamic`: interfaces in order of preference
  bool manual = false;                   // calls only when told to
  bool reactivate = false;               // returns to a better hub that takes its calls
  friend bool operator==(const FlexClient&, const FlexClient&) = default;
};

struct Ipv6Address {
  net::IpAddress address;
  int length = 128;
  friend bool operator==(const Ipv6Address&, const Ipv6Address&) = default;
};
struct Interface {
  InterfaceKind kind{};
  uint32_t number = 0;       // Loopback0, Tunnel0, Virtual-Template1
  std::string name;          // canonical: "Tunnel0", "Virtual-Template1", "eth0"
  std::string description;
  std::optional<net::IpAddress> address;  // ip address A M
  int prefix_length = 32;
  bool address_negotiated = false;        // ip address negotiated
  std::string unnumbered;                 // ip unnumbered IF
  std::vector<Ipv6Address> ipv6_addresses;  // ipv6 address A/LEN
  bool ipv6_negotiated = false;           // ipv6 address negotiated
  std::string ipv6_unnumbered;            // ipv6 unnumbered IF; "" = as `ip unnumbered`
  uint16_t mtu = 0;                       // ip mtu; 0 = derived
  uint16_t adjust_mss = 0;
  bool shutdown = false;
  // tunnels and templates
  TunnelMode mode = TunnelMode::kGreIpv4;
  std::string source_interface;           // tunnel source eth0
  std::optional<net::IpAddress> source_address;
  bool source_dynamic = false;            // chosen by the client block
  Implied implied_source;
  std::optional<net::IpAddress> destination;
  bool destination_dynamic = false;       // chosen by the client block
  std::string destination_name;           // a host name
  FlexClient client;                      // what the block that connects this tunnel says (see Derive)
  std::optional<uint32_t> key;
  std::string tunnel_vrf;                 // VRF of the outer packets; "" = global
  std::string ipsec_profile;              // tunnel protection ipsec profile
  NhrpInterface nhrp;
  Location where;
  std::vector<Statement> kept;
  std::string inoperative;                // why it stays shut (see Derive); "" = it works
  bool is_tunnel() const { return kind == InterfaceKind::kTunnel || kind == InterfaceKind::kVirtualTemplate; }
  bool has_source() const { return !source_interface.empty() || source_address.has_value(); }
  // Whom the tunnel calls, in order of preference; none for templates.
  std::vector<Hub> Hubs() const {
    if (destination) return {Hub{*destination}};
    return destination_name.empty() ? client.hubs : std::vector<Hub>{Hub{{}, destination_name}};
  }
  // By address: what a name stands for is known when it is called.
  bool Calls(const net::IpAddress& hub) const {
    return destination == hub ||
           std::any_of(client.hubs.begin(), client.hubs.end(), [&](const Hub& h) { return h.name.empty() && h.address == hub; });
  }
  bool down() const { return shutdown || !inoperative.empty(); }
  friend bool operator==(const Interface&, const Interface&) = default;
};

// --- around ----------------------------------------------------------------------------------------------------
struct Vrf {  // vrf definition NAME: the Linux VRF device of that name, which is the administrator's
  std::string name;
  std::string description;
  Location where;
  std::vector<Statement> kept;
  friend bool operator==(const Vrf&, const Vrf&) = default;
};
struct LocalPool {
  std::string name;
  net::IpAddress first, last;       // of what clients get, both included
  int length = 32;                  // prefix length of what a client gets; 32, 128: an address
  Location where;
  std::string rest{};               // words after that, which are kept and have no effect
  friend bool operator==(const LocalPool&, const LocalPool&) = default;
};
// The smallest prefix that all of it is in.
net::Prefix Cover(const LocalPool& pool);

struct AccessEntry {
  bool permit = true;
  net::Prefix prefix;
  uint32_t sequence = 0;
  friend bool operator==(const AccessEntry&, const AccessEntry&) = default;
};
struct AccessList {  // standard
  std::string name;  // number or name
  std::vector<AccessEntry> entries;
  Location where;
  friend bool operator==(const AccessList&, const AccessList&) = default;
};
struct AaaAuthorizationList {  // aaa authorization network NAME {local | group G | none} …
  std::string name;
  bool local = true;                 // `local` is among the methods; the only one this version asks
  std::vector<std::string> methods;  // words as written; empty: local
  friend bool operator==(const AaaAuthorizationList&, const AaaAuthorizationList&) = default;
};

// Where a statement inside an object stands, for messages: "crypto ikev2 profile FLEX/keyring" -> line 12.
struct SourceMap {
  std::map<std::string, Location> at;
  friend bool operator==(const SourceMap&, const SourceMap&) { return true; }  // never part of the meaning
};

enum class DefaultSet : uint8_t { kModern, kIos15 };  // platform defaults ios-15

struct Model {
  std::string hostname = "router";
  DefaultSet defaults = DefaultSet::kModern;
  std::string domain_name;
  bool aaa_new_model = false;
  std::map<std::string, AaaAuthorizationList> aaa_authorization;
  IkeGlobal ike;
  std::map<std::string, IkeProposal> proposals;
  std::map<std::string, IkePolicy> policies;
  std::map<std::string, Keyring> keyrings;
  std::map<std::string, Trustpoint> trustpoints;
  std::map<std::string, CertificateMap> certificate_maps;
  std::map<std::string, AuthorizationPolicy> authorization_policies;
  std::map<std::string, IkeProfile> profiles;
  std::map<std::string, TransformSet> transform_sets;
  std::map<std::string, IpsecProfile> ipsec_profiles;
  IpsecGlobal ipsec;
  std::map<std::string, Vrf> vrfs;
  std::map<std::string, Interface> interfaces;  // by canonical name
  std::map<std::string, LocalPool> pools, ipv6_pools;
  std::map<std::string, AccessList> access_lists;
  std::map<std::string, std::string> platform_interfaces;  // GigabitEthernet0/0 -> eth0
  std::map<std::string, std::string> banners;  // motd, login, exec, incoming -> text
  std::vector<Statement> kept;             // top-level lines and blocks that nothing acts on yet, in order
  std::vector<std::string> foreign_lines;  // of other subsystems: kept, reported once
  SourceMap source;
  friend bool operator==(const Model&, const Model&) = default;
};

// Smart defaults only: the model of an empty text.
Model DefaultModel(DefaultSet defaults = DefaultSet::kModern);

// Fills what follows from the rest: implied values, values of `crypto ipsec security-association`, and which profiles
// and interfaces are inoperative.  Parse has done it; for models made by other means.
void Derive(Model& model);

// Permitted prefixes of an access list, in order; deny entries end the list's effect for what they cover
// (a prefix covered by an earlier deny is left out).
std::vector<net::Prefix> PermittedPrefixes(const AccessList& list);

// Trustpoints a profile signs with / checks peers by: those it names, else all; only those with a certificate / a CA.
std::vector<const Trustpoint*> SigningTrustpoints(const Model& model, const IkeProfile& profile);
std::vector<const Trustpoint*> CheckingTrustpoints(const Model& model, const IkeProfile& profile);

// VRFs that some tunnel in use has its outer packets in (`tunnel vrf`).
std::set<std::string> FrontDoorVrfs(const Model& model);

// The interface whose address `name` borrows (ip unnumbered), followed at most 8 steps; nullptr if dangling.
const Interface* AddressOwner(const Model& model, const std::string& name);
// The same for its IPv6 address: by `ipv6 unnumbered`, else by `ip unnumbered`.
const Interface* Ipv6AddressOwner(const Model& model, const std::string& name);

struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning, kInfo } severity{};
  Location where;
  std::string message;   // what is wrong, what was expected
  std::string hint;      // nearest keyword, what to do; may be empty
};

struct ParseResult {
  Model model;
  std::vector<Diagnostic> diagnostics;
  bool ok() const;  // no kError
};

// Lexer -> command tree -> model -> Validate.  Never fails as a whole: every error of the text is reported.
ParseResult Parse(absl::string_view text);

// The same for lines typed into a running configuration: `base` with these lines applied.  `base` is no text, so
// messages about its statements have no place.
ParseResult ParseOnto(Model base, absl::string_view text);

// Semantic check: dangling names, incomplete proposals, unused proposals, overlapping matches …
std::vector<Diagnostic> Validate(const Model& model);

// "hub.conf:12:20: error: …", the source line, a caret and the hint.
std::string FormatDiagnostic(const Diagnostic& d, absl::string_view file, absl::string_view text);

// running-config; smart defaults only with `all`.  Parse(Render(m, true)).model == m.  Secrets are printed as
// `0 KEY` only when `secrets` is set, else as `<removed>` (for show tech-support and logs).
std::string Render(const Model& model, bool all, bool secrets);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_MODEL_H_
