// SPDX-License-Identifier: Apache-2.0
// All IKE SAs of a node (RFC 7296) as one pure state machine: datagrams, finished crypto jobs, time and orders in;
// datagrams, jobs, fetches and facts about SAs out.
#ifndef FLEXVPN_CORE_IKE_ENDPOINT_H_
#define FLEXVPN_CORE_IKE_ENDPOINT_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/counters.h"
#include "base/rng.h"
#include "base/time.h"
#include "core/crypto/provider.h"
#include "core/ike/codec/message.h"
#include "core/ike/eap.h"
#include "core/ike/identity.h"
#include "core/ike/key_log.h"
#include "core/ike/keymat.h"
#include "core/ike/redirect.h"

namespace flexvpn::ike {

using IkeSaId = StrongId<struct IkeSaIdTag, uint64_t>;  // local handle, never used twice; survives an IKE rekey
using FetchId = StrongId<struct FetchIdTag, uint64_t>;  // of a fetch under way, never used twice
using ChildId = StrongId<struct ChildIdTag, uint64_t>;  // local handle of one Child SA (a rekey makes a new one)

// A selector of policy: `dynamic` stands for the IKE endpoint's own (outer) address of that side, or, in tunnel
// mode, for the assigned internal address.
struct TsPolicy {
  bool dynamic = false;
  uint8_t protocol = 0;
  net::Prefix prefix;  // when not dynamic
  friend bool operator==(const TsPolicy&, const TsPolicy&) = default;
};

struct ChildPolicy {
  std::vector<Suite> proposals;     // preference order; expanded one suite each (no ke: see pfs)
  std::vector<crypto::KeMethod> pfs;  // groups for CREATE_CHILD_SA; empty = no PFS
  // With PFS: additional key exchanges, each entry one acceptable choice in order of preference; empty = none.
  std::vector<decltype(Suite::additional)> additional{};
  bool transport = true;            // ask for / accept USE_TRANSPORT_MODE
  bool tunnel = true;               // tunnel mode acceptable
  std::vector<TsPolicy> local, remote;
  seconds lifetime{3600};           // rekeyed before it ends, with jitter
  uint64_t lifetime_bytes = 0;      // rekeyed before so much has passed in one direction; 0 = no limit
  uint32_t replay_window = 128;
  friend bool operator==(const ChildPolicy&, const ChildPolicy&) = default;
};

struct DpdPolicy {
  seconds interval{0};  // 0 = off
  seconds retry{2};
  bool on_demand = true;  // probe only when nothing authentic was heard for `interval`
  friend bool operator==(const DpdPolicy&, const DpdPolicy&) = default;
};

// Post-quantum pre-shared key (RFC 8784).
struct Ppk {
  Bytes id;
  SecretBytes key;
  bool required = false;  // no IKE SA without it
  friend bool operator==(const Ppk&, const Ppk&) = default;
};

// Childless initiation (RFC 6023): whether we begin with the IKE SA alone and ask for the Child SA afterwards, under
// keys that are complete and authenticated by then.  A responder always allows it.
enum class Childless : uint8_t { kNever, kPrefer, kForce };

// RFC 5723: the session in the ticket, sealed; or a handle of what the responder keeps.
enum class TicketForm : uint8_t { kByValue, kByReference };

// What an established session can take over when it changes (Endpoint::SetTerms).
struct SessionTerms {
  ChildPolicy child;
  DpdPolicy dpd;
  seconds nat_keepalive{20};
  seconds lifetime{86400};  // of the IKE SA, until its rekey
  uint32_t window = 5;
  friend bool operator==(const SessionTerms&, const SessionTerms&) = default;
};

// What holds for one IKE SA once the profile is known.
struct SessionPolicy : SessionTerms {
  std::string profile;
  Identity local_id;
  SecretBytes local_psk, remote_psk;  // our AUTH uses local, the peer's is checked with remote
  // Not empty: we sign instead, with the one the peer asks for (CERTREQ), else with the first.
  std::vector<std::shared_ptr<const crypto::Credential>> credentials;
  bool rsa_pss = false;  // with an RSA key we sign by RSASSA-PSS, not by PKCS#1
  bool local_null = false;  // without credentials: we prove nothing (NULL authentication, RFC 7619)
  // Proofs accepted of the peer: its shared key, certificates with RSA, certificates with elliptic-curve keys.
  bool accept_psk = true, accept_rsa = false, accept_elliptic = false;
  bool accept_null = false;  // nor need the peer prove anything, as long as it claims no identity (ID_NULL)
  std::vector<std::shared_ptr<const crypto::TrustStore>> trust;  // whose certificates
  // EAP (§2.16, core/ike/eap.h): as responder, callers may log in so, while we prove ourselves by certificate or key; as
  // initiator we do.  A login, from the first IKE_AUTH to the last, is given up after `eap_timeout`.
  bool accept_eap = false, local_eap = false;
  bool eap_keyless = false;  // methods without a key will do: nothing binds such a login to this IKE SA (§2.16)
  seconds eap_timeout{90};
  bool force_encap = false;
  seconds auth_lifetime{0};  // as responder: the peer must authenticate again within (RFC 4478); 0 = never
  bool initial_contact = true;
  bool initial_contact_force = false;  // forget older sessions with the peer whatever it says
  std::optional<Ppk> ppk{};
  Childless childless = Childless::kNever;
  // Session resumption (RFC 5723).  As responder: how long the tickets we give are good, a day at most; as initiator: ask
  // for them and use them.  0 = neither.
  seconds resumption{0};
  TicketForm ticket_form = TicketForm::kByValue;  // as responder
  uint8_t max_redirects = 0;  // as client: how often a gateway may send us on (RFC 5685); 0 = not at all
  bool mobike = false;                              // offer and accept RFC 4555
  std::vector<net::IpAddress> additional_addresses; // of ours, where the peer may reach us as well (MOBIKE)
  friend bool operator==(const SessionPolicy&, const SessionPolicy&) = default;
};

struct SessionInfo {
  IkeSaId id;
  IkeSpi spi_i, spi_r;
  bool initiator = false;  // we started the current IKE SA's first ancestor
  bool spi_i_is_ours = false;  // differs from `initiator` after a rekey by the other side
  net::Endpoint local, remote;
  Identity local_id, remote_id;
  std::string profile;
  Suite suite;
  bool nat_local = false, nat_remote = false;  // detected in front of us / of the peer
  bool fragmentation = false;                  // RFC 7383 agreed
  bool mobike = false;                         // RFC 4555 agreed
  // Printable form of what the peer sent; shared by sessions with equal ones.  Nullptr: not heard yet.
  std::shared_ptr<const std::vector<std::string>> vendor_ids;
  bool resumed = false;                        // by a ticket (RFC 5723), without a full handshake
  bool ppk = false;                            // the keys hold a post-quantum pre-shared key
  // The peer's own, without `der`; in SelectProfile as sent, not checked yet.  Nullptr: none.
  std::shared_ptr<const crypto::CertificateInfo> remote_certificate;
  absl::string_view auth_local, auth_remote;   // literals: "PSK", "RSA", "ECDSA", "EdDSA", "EAP", "NULL"; empty until known
};

// Whether nobody knows who the peer is (NULL authentication, RFC 7619): its identity is ID_NULL then, and two such peers
// are two strangers.  Nothing may be taken from one of them because another has the same identity.
inline bool IsAnonymous(const SessionInfo& info) { return info.remote_id.type == IdType::kNull; }

// Answers of the node, given synchronously while a message is processed.  A refusal is a Status; its message goes
// to our log, never to the peer.
class Policy {
 public:
  virtual ~Policy() = default;
  // Responder, IKE_SA_INIT: acceptable suites for this pair of addresses in preference order.
  virtual std::vector<Suite> InitSuites(const net::Endpoint& local, const net::Endpoint& remote) = 0;
  // Responder, IKE_SA_INIT: whether some peer at these addresses may use a PPK; which one shows in IKE_AUTH.
  virtual bool OffersPpk(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) { return false; }
  // Responder, IKE_SA_INIT of a client that can be redirected: where to, if not here.
  virtual std::optional<Gateway> RedirectTo(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) { return {}; }
  // Responder, IKE_SA_INIT: key ids of the CAs whose certificates some profile accepts from there (CERTREQ).
  virtual std::vector<Bytes> Authorities(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) { return {}; }
  // Responder, IKE_AUTH: profile for the peer's identity (not authenticated yet).  `wanted` is IDr if sent.
  virtual absl::StatusOr<SessionPolicy> SelectProfile(const SessionInfo& session,
                                                      const std::optional<Identity>& wanted) = 0;
  // Authenticated peer asks CFG_REQUEST; the attributes of our CFG_REPLY.  Error: INTERNAL_ADDRESS_FAILURE.
  virtual absl::StatusOr<std::vector<ConfigAttribute>> OnConfigRequest(
      const SessionInfo& session, const std::vector<ConfigAttribute>& request) = 0;
  // Peer's CFG_SET; the attributes accepted (CFG_ACK).
  virtual std::vector<ConfigAttribute> OnConfigSet(const SessionInfo& session,
                                                   const std::vector<ConfigAttribute>& set) = 0;
  // Responder, IKE_SA_INIT: ESP of this pair goes in UDP although no NAT was found.
  virtual bool ForceEncap(const net::Endpoint& /*local*/, const net::Endpoint& /*remote*/) { return false; }
  // Responder, MOBIKE: whether the session may go on between these addresses (UNACCEPTABLE_ADDRESSES if not).
  virtual bool AcceptsMove(const SessionInfo& /*session*/, const net::Endpoint& /*local*/,
                           const net::Endpoint& /*remote*/) {
    return true;
  }
};

// One Child SA to be put in the kernel.  Keys by direction as seen from here.
struct ChildSa {
  ChildId id;
  IkeSaId ike;
  EspSpi spi_in, spi_out;
  Suite suite;
  bool transport = true;
  bool initiator = false;               // of the exchange that made it
  SecretBytes encr_in, integ_in, encr_out, integ_out;  // AEAD: key | salt
  std::vector<TrafficSelector> local_ts, remote_ts;    // after NAT substitution (§2.23.1): as on our wire
  net::IpAddress local, remote;         // outer addresses
  bool udp_encap = false;               // also in TCP: what takes ESP out of the kernel needs the ports
  uint16_t local_port = 0, remote_port = 0;  // with udp_encap
  uint32_t replay_window = 128;
  ChildId replaces;                     // rekey of that one
  seconds lifetime{};
  uint64_t soft_bytes = 0, hard_bytes = 0;  // volume: rekey wanted, unusable; 0 = no limit
};

// Actions, to be carried out in order: an SA that is announced before a datagram is installed before it is sent.
// Without the non-ESP marker; the adapter adds it on 4500.  In TCP: opens the connection if it is ours to open.
struct SendDatagram { net::Endpoint local, remote; Bytes bytes; };
struct StartJob { crypto::JobId id; crypto::Job job; };
// Fetch this and answer with FetchDone, always and after `timeout` at the latest.  For revocation only for certificates
// of a configured CA whose owner has proved to be here (core/crypto/revocation.h); see Config::certificates_by_url.
struct StartFetch { FetchId id; net::FetchRequest request; Duration timeout{}; };
struct SessionUp { SessionInfo session; };  // authenticated
// Configuration from the peer: our CFG_REPLY (initiator) or anything pushed later.
struct ConfigReceived { IkeSaId id; CfgType type{}; std::vector<ConfigAttribute> attributes; };
// `silent`: because the peer does not answer.
struct SessionDown { SessionInfo session; std::string reason; bool was_up = false, silent = false; };
// `inbound`/`outbound`: which half to install now.  On a rekey the responder first gets the inbound half alone, and
// the outbound half (same id) once the initiator can receive: no packet is lost.
struct ChildUp { ChildSa child; bool inbound = true, outbound = true; };
struct ChildDown { ChildId id; IkeSaId ike; bool inbound = true, outbound = true; };
// A NAT mapping changed, or MOBIKE moved the session: rewrite its SAs, with UDP encapsulation or without.
struct AddressChanged { IkeSaId id; net::Endpoint local, remote; bool udp_encap = false; };
// The IKE SA was replaced by a rekey: new SPIs, same id.
struct SessionRekeyed { SessionInfo session; };
// An IKE SA has keys; only with Config::log_keys.  Comes before any message protected with them.
struct KeysDerived { KeyLogEntry keys; };
// A message of the peer for the EAP method of a login (core/ike/eap.h), to be answered with Endpoint::EapAnswer.  As responder
// the first one is empty: the peer has come, and `session.remote_id` is who it says to be.
struct EapReceived { EapQuestion question; SessionInfo session; Bytes message; };
// A login that EapReceived has told of is over without SessionUp.
struct EapEnded { IkeSaId id; };
// One line for the log; `about` as far as it concerns one peer, and that is known.
struct Notice {
  enum class Level : uint8_t { kDebug, kInfo, kWarning } level{};
  std::string text;
  struct Subject { net::Endpoint remote; std::string identity, profile; } about{};
};
using Action = std::variant<SendDatagram, StartJob, StartFetch, SessionUp, ConfigReceived, SessionDown, ChildUp,
                            ChildDown, AddressChanged, SessionRekeyed, KeysDerived, EapReceived, EapEnded, Notice>;
using Actions = std::vector<Action>;

struct Datagram { net::Endpoint local, remote; Bytes bytes; };  // non-ESP marker already removed

struct InitiateRequest {
  net::Endpoint local, remote;  // UDP: port 500 (floats to 4500 on NAT)
  std::vector<Suite> suites;
  SessionPolicy policy;
  std::optional<Identity> remote_id;              // IDr to ask for and to insist on
  std::vector<ConfigAttribute> config_request;    // sent in IKE_AUTH; empty = no CP payload
  std::vector<ConfigAttribute> config_set;        // pushed by INFORMATIONAL right after; empty = none
};

struct ChildInfo {  // for show
  ChildSa child;  // keys left empty
  Duration age{};
  Duration rekey_in{};
  bool outdated = false;  // not what the terms of the session would make now
};
struct SaInfo {  // for show
  SessionInfo session;
  std::string state;    // READY, IN-NEG, DELETE
  Duration age{}, lifetime{};
  uint32_t local_request_id = 0, remote_request_id = 0, local_window = 1, remote_window = 1;
  DpdPolicy dpd;
  bool outdated = false;  // the IKE SA is not what the terms and suites of the session would make now
  std::vector<ChildInfo> children;
};

class DebugSink;  // debug.h
class ExchangeStats;

class Endpoint {
 public:
  struct Config {
    uint32_t cookie_threshold = 30;        // half-open SAs from which IKE_SA_INIT needs a cookie; 0 = always
    uint32_t max_half_open = 4096;
    uint32_t max_half_open_per_source = 64;
    uint32_t max_initiating = 0;           // sessions of ours in negotiation; 0 = unlimited
    uint32_t max_sas = 0;                  // 0 = unlimited
    SecretBytes qcd_secret{};              // for our crash detection tokens (RFC 6290); empty = we give none
    Duration half_open_timeout = seconds(30);
    // Retransmission: first after `first`, times `backoff`, `tries` sends in all.
    Duration retransmit_first = milliseconds(500);
    double retransmit_backoff = 1.8;
    int retransmit_tries = 8;
    Duration rekeyed_child_linger = seconds(5);  // inbound half of a rekeyed Child SA
    bool log_keys = false;  // emit KeysDerived: for decrypting captures, never otherwise
    // RFC 7383: messages that make a larger IP datagram are sent in fragments; 0 = fragmentation is not offered.
    uint16_t fragmentation_mtu = 1280;
    // Fetch certificates that peers name by URL (hash and URL, §3.6).  Strangers choose what is fetched then: off
    // unless asked for, a few at a time, and marked as such (net::FetchRequest::stranger).
    bool certificates_by_url = false;
    size_t reassembly_memory = 16 << 20;  // octets, for what has come of incomplete messages, of all IKE SAs
  };
  Endpoint(Config config, Policy& policy, const crypto::Provider& crypto, Rng& rng);
  ~Endpoint();

  void SetConfig(const Config& config);
  // The time of day at `now`, for the validity of certificates; told anew whenever the system's clock is set.
  void SetTimeOfDay(crypto::UnixTime time, Instant now);
  // From now on told what happens; nullptr: nobody.  Must outlive the endpoint or be taken back.
  void SetDebug(DebugSink* sink);

  void Handle(const Datagram& datagram, Instant now, Actions& out);
  void JobDone(crypto::JobId id, crypto::JobResult result, Instant now, Actions& out);
  // What a fetch brought; the error says what went wrong.
  void FetchDone(FetchId id, absl::StatusOr<Bytes> answer, Instant now, Actions& out);
  // The method's answer to EapReceived of session `id`; one that nobody waits for any more is ignored.
  void EapAnswer(IkeSaId id, EapQuestion question, EapStep step, Instant now, Actions& out);
  void OnTick(Instant now, Actions& out);
  std::optional<Instant> NextDeadline() const;

  IkeSaId Initiate(InitiateRequest request, Instant now, Actions& out);
  // Deletes with INFORMATIONAL; SessionDown comes at once, the exchange lingers until answered.
  void Terminate(IkeSaId id, const std::string& reason, Instant now, Actions& out);
  // Drops without a word to the peer.
  void Forget(IkeSaId id, Instant now, Actions& out);
  // Forgets an attempt of ours that the peer has not answered yet.  What has gone further is left alone: the peer may
  // hold it for established already.
  void Withdraw(IkeSaId id, Instant now, Actions& out);
  void RekeyIke(IkeSaId id, Instant now, Actions& out);
  // Also the answer to the kernel's word that the volume of an SA is used up (ChildSa::soft_bytes).
  void RekeyChild(ChildId id, Instant now, Actions& out);
  // One more Child SA by the session's policy (CREATE_CHILD_SA, §1.3.1).
  void CreateChild(IkeSaId id, Instant now, Actions& out);
  // Ends one Child SA with INFORMATIONAL; the session stays.  Nothing happens while the SA is being made or rekeyed.
  void DeleteChild(ChildId id, Instant now, Actions& out);
  // An established session goes by `terms`, and its IKE SA's rekeys by `suites` (nullptr: by those of before), from now on:
  // liveness and NAT keepalives at once, algorithms, lifetimes and window from the next rekey of each SA on (`outdated` until
  // then).  Mode and selectors of `terms.child` must be those of before.  Without any suite that we have the session ends.
  void SetTerms(IkeSaId id, const SessionTerms& terms, const std::vector<Suite>* suites, Instant now, Actions& out);
  // Replaces what an earlier call has told: one is under way at a time, and the latest is told last.
  void SendConfigSet(IkeSaId id, std::vector<ConfigAttribute> attributes, Instant now, Actions& out);
  // Our address of this session is `local` now.  True: MOBIKE moves it (RFC 4555 §3.5, §3.6), AddressChanged follows at
  // once.  False: it cannot be moved (no MOBIKE, another family …) and has to be made anew; its Delete leaves from `local`.
  bool MoveTo(IkeSaId id, const net::IpAddress& local, Instant now, Actions& out);
  // The TCP connection between them is gone: what waits for an answer goes out again, and with it the initiators, whose
  // part that is, open another (RFC 9329 §6.1).
  void PathLost(const net::Endpoint& local, const net::Endpoint& remote, Instant now, Actions& out);
  // Inbound ESP traffic was seen: counts as a sign of life for on-demand DPD.
  void PeerAlive(IkeSaId id, Instant now);

  std::optional<SessionInfo> Find(IkeSaId id) const;
  std::vector<SaInfo> List(Instant now) const;
  size_t half_open() const;
  const Counters& counters() const;  // drops by reason, exchanges
  const ExchangeStats& stats() const;  // core/ike/stats.h
  void ClearCounters();                // both
  // How much of everything is held; all zero once every session has ended and its farewells are over.
  struct Usage {
    size_t sessions = 0, ike_sas = 0, children = 0;
    size_t esp_spis = 0;          // reserved, offers under way included
    size_t requests = 0;          // in flight
    size_t queued = 0;            // waiting for the send window
    size_t jobs = 0;              // not answered
    size_t fetches = 0;           // not answered
    size_t half_open = 0;
    size_t reassembly = 0;        // octets of incomplete messages
    size_t tickets = 0;           // kept for session resumption (RFC 5723): these stay after the end
    size_t entries = 0;           // of all lookup tables beside those above
    friend bool operator==(const Usage&, const Usage&) = default;
  };
  Usage usage() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_ENDPOINT_H_
