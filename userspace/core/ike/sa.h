// SPDX-License-Identifier: Apache-2.0
// State of the IKE and Child SAs.  A Session is what the node sees (one id for life); the IKE SAs below it come and
// go with rekeys; Child SAs belong to the session, so an IKE rekey moves them by itself (RFC 7296 §2.8).
#ifndef FLEXVPN_CORE_IKE_SA_H_
#define FLEXVPN_CORE_IKE_SA_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ike/auth.h"
#include "core/ike/ppk.h"
#include "core/ike/proposal.h"
#include "core/ike/reassembly.h"
#include "core/ike/request.h"
#include "core/ike/resume.h"

namespace flexvpn::ike {

// Nonces of the peer's rekey of something we may be rekeying too: they decide a collision (§2.8.1).
struct PeerRekey {
  Bytes nonce_i, nonce_r;
};
// Of two rekeys of the same SA the one holding the lowest of all four nonces loses.
bool OursLoses(BytesView our_nonce_i, BytesView our_nonce_r, const PeerRekey& theirs);

struct Child {
  ChildSa sa;  // keys are wiped once both halves are announced
  Instant created{};
  std::optional<Instant> soft, hard;
  std::optional<Instant> linger_until;  // inbound half of a rekeyed SA goes then
  std::optional<Instant> outbound_at;   // responder of a rekey: outbound then, if no DELETE of the old one came
  IkeSpi answered_on;                   // responder of a rekey: the IKE SA and message id of our answer
  uint32_t answered_id = 0;
  bool inbound = false, outbound = false;  // halves announced
  bool rekeying = false;                   // our CREATE_CHILD_SA for it is under way
  bool deleting = false;                   // our DELETE for it is queued or under way
  bool ending = false;                     // to be deleted when our rekey of it is over
  bool lost = false;                       // the peer has it no more: its successor is a new SA to the peer
  bool gone = false;                       // swept at the end of the event
  ChildId successor;
  std::optional<PeerRekey> peer_rekey;
};

enum class IkeState : uint8_t {
  kKeyGeneration,  // initiator: our public value is being made
  kInitSent,
  kResumeSent,     // initiator: IKE_SESSION_RESUME instead
  kInitDerive,     // initiator: answer accepted, secret is being computed; also between additional key exchanges
  kIntermediateSent,
  kAuthSent,
  kAuthSign,       // either side: our signature is being made
  kAuthVerify,     // either side: the peer's certificate and signature are being checked
  kAuthWait,       // responder: the peer's first protected message is here; IKE_INTERMEDIATE may come first
  kEstablished,
  kClosing,        // our DELETE is under way
  kClosed,         // only repeats answers until it expires
};

// What IKE_SA_INIT agrees on beyond the suite (extensions.cc).
struct Agreed {
  bool childless = false;
  bool ppk = false;
  bool intermediate = false;
};

// A message that waits for a job.
struct Held {
  Datagram datagram;  // where it came from and arrived; without its octets
  Header header;
  Payloads payloads;
  PlainPayloads plain;  // empty: IKE_INTERMEDIATE alone needs it, and does not wait
};

// The peer's proof, while it is asked whether its certificate is revoked (auth_revocation.cc).
struct Judging {
  crypto::VerifyPeer job;            // to be run again when there is more to go by
  std::vector<std::string> awaited;  // keys of what is being fetched
  Instant deadline{};                // then it is judged by what there is
};

// IKE_AUTH with certificates by URL, while they are fetched (auth_url.cc).
struct FetchedCertificates {
  std::vector<CertificateUrl> urls;
  std::vector<std::vector<Bytes>> found;  // of each URL; empty: not yet
  size_t missing = 0;
  IkeState state{};                       // to go back to
  Instant deadline{};
};

// A login by EAP (eap_responder.cc, eap_initiator.cc).
struct EapLogin {
  EapQuestion question;              // the method has it; none: it has nothing
  bool ended = false;                // EapEnded was said
  int rounds = 0;
  std::unique_ptr<EapStep> success;  // the method's word; AUTH has to show it yet
  // Responder: the first IKE_AUTH, with all that the last one brings up; the request that is not answered yet; AUTH of ours,
  // until it is told; and who the peer said to be, which is what its AUTH covers.
  std::unique_ptr<Held> first, last;
  std::optional<AuthPayload> own;
  Identity claimed;
  bool peer_proved = false;          // initiator: the responder has
};

// What only the initial exchanges need; freed when they end.
struct Handshake {
  Bytes init_request, init_response;  // as on the wire: signed by AUTH
  Bytes nonce_i, nonce_r;
  Bytes cookie;
  crypto::KeyPair key;                  // initiator
  std::vector<crypto::KeMethod> tried;  // initiator: groups already used
  int cookies = 0;                      // COOKIE notifications obeyed
  ChildOffer offer;                     // initiator; without suites: childless
  Agreed agreed;
  std::optional<PpkKeys> ppk;           // initiator: used if the responder can
  Bytes no_ppk_auth;                    // initiator: NO_PPK_AUTH, for a responder that cannot; empty = not offered
  size_t additional_done = 0;           // additional key exchanges (RFC 9370)
  SecretBytes int_auth_i, int_auth_r;   // of IKE_INTERMEDIATE so far (RFC 9242)
  Bytes int_auth;                       // what AUTH covers of it
  std::optional<HashSet> peer_hashes;   // SIGNATURE_HASH_ALGORITHMS
  std::vector<Bytes> authorities;       // CERTREQ of the peer
  std::unique_ptr<KeptTicket> kept;     // initiator: this is a resumption
  std::unique_ptr<const Resumption> resumed;  // responder: this is one
  std::unique_ptr<Held> held;           // IKE_AUTH, while a job runs
  std::unique_ptr<FetchedCertificates> by_url;  // with held
  std::unique_ptr<Judging> judging;     // with held; none if nobody asks for revocation
  std::unique_ptr<EapLogin> eap;        // one side proves itself by EAP
};

struct Session;

// Responder: a CREATE_CHILD_SA whose additional key exchanges are not over (RFC 9370 §2.2.4).
struct PendingFollowup {
  Bytes link{};
  std::vector<crypto::KeMethod> left;
  SecretBytes first, rest{};  // SK(0); SK(1) | SK(2) | …
  EspSpi spi;                 // reserved for a Child SA
  std::function<bool(IkeSa&, const PendingFollowup&, Instant, Actions&)> finish;  // makes the SA; false: too late
  std::function<void(IkeSa&)> cancel;
  bool busy = false;  // a job for it is under way
  Instant expires{};
};

struct IkeSa {
  Session* session = nullptr;
  IkeSpi local_spi, spi_i, spi_r;
  bool initiator = false;  // of this IKE SA: sets the I flag and picks keys
  IkeState state = IkeState::kKeyGeneration;
  Suite suite;
  IkeKeys keys;
  uint64_t protected_messages = 0;  // explicit IV of AEAD
  SendWindow send;
  ReceiveWindow receive;
  std::vector<Op> queue;  // in order, waiting for the send window
  std::unique_ptr<Reassembly> reassembly;  // while a message is incomplete
  std::unique_ptr<Handshake> handshake;
  std::optional<Instant> expires;
  net::IpAddress half_open;      // counted for this source; empty: no longer, or never
  bool rekeying = false;         // our rekey of it is under way
  bool window_announced = false;
  bool token_sent = false;       // our crash detection token (RFC 6290)
  Bytes peer_token;              // the peer's; empty = none
  bool gone = false;
  IkeSpi successor;              // ours of the IKE SA that replaces it
  bool replaced_by_peer = false; // the peer made `successor` and will delete this one
  std::optional<PeerRekey> peer_rekey;
  std::vector<PendingFollowup> followups;
  std::optional<uint64_t> init_key;  // entry in the table of IKE_SA_INIT requests

  const ProtectKeys& send_keys() const { return initiator ? keys.initiator : keys.responder; }
  const ProtectKeys& receive_keys() const { return initiator ? keys.responder : keys.initiator; }
};

// Of a session whose profile is not chosen yet.
std::shared_ptr<const SessionPolicy> NoPolicy();

// What MOBIKE keeps of a session.
struct Mobility {
  std::vector<net::IpAddress> peer_addresses;  // where the peer may be reached as well
  size_t paths_tried = 0;                      // of them, since it was last heard
  Bytes nat_seen;                              // hash of our address as the peer sees it, told on IKE SA nat_seen_on
  IkeSpi nat_seen_on;
  std::optional<uint32_t> update_id;           // of the newest UPDATE_SA_ADDRESSES followed, on IKE SA update_sa
  IkeSpi update_sa;
};

struct Session {
  SessionInfo info;
  std::shared_ptr<const SessionPolicy> policy = NoPolicy();
  std::shared_ptr<const std::vector<Suite>> suites;  // acceptable in a rekey of the IKE SA
  std::unique_ptr<InitiateRequest> request;  // initiator, until up
  bool negotiating = false;  // begun by us, not up: counted in the tables
  bool up = false;    // SessionUp was emitted
  bool down = false;  // SessionDown was emitted: nothing but farewells follows
  IkeSpi current;     // ours of the IKE SA new exchanges use
  std::vector<std::unique_ptr<IkeSa>> sas;
  std::map<ChildId, Child> children;
  net::IpAddress assigned_local, assigned_remote;  // internal addresses by configuration payload
  Instant created{}, ike_created{}, established{};
  Instant last_heard{}, last_sent{}, last_probe{}, last_hint{};
  std::optional<Instant> soft, hard;
  Instant authenticated{};           // the last full authentication; other than `established` if resumed
  std::optional<TicketId> ticket;    // responder: given on it, not known to be used
  Instant ticket_given{};            // responder: when
  std::optional<Instant> ticket_at;  // initiator: ask for another one then
  bool childless_peer = false;       // initiator: the peer does childless initiation
  bool lost = false;                 // it ends because the peer does not answer
  std::optional<Instant> authentication_ends;  // RFC 4478: initiator, time to authenticate again; responder, the end
  std::optional<Instant> create_at;  // a Child SA is wanted: ask for it then
  // The peer's halves of Child SAs it deleted before we have the answer that makes them.
  std::vector<EspSpi> deleted_early;
  bool creating = false;             // our CREATE_CHILD_SA for one more Child SA is under way
  bool telling = false;              // our CFG_SET is queued or under way
  std::optional<std::vector<ConfigAttribute>> tell_next;  // the one after it
  net::IpAddress redirected_from;    // client: the gateway that sent us here
  uint8_t redirects = 0;             // followed so far
  bool single_pair = false;          // the peer takes one pair of traffic selectors at a time (SINGLE_PAIR_REQUIRED)
  std::optional<Instant> switch_at;  // responder of an IKE rekey: use the successor then at the latest
  std::optional<uint64_t> identity_key;  // entry in the table of authenticated identities
  bool force_encap = false;          // responder: NAT before us is pretended
  bool nat_supported = false;        // the peer sent NAT_DETECTION_* notifications
  bool path_lost = false;            // the TCP connection broke before it was up: the peer may not have noticed the next
  std::unique_ptr<Mobility> mobility;  // MOBIKE agreed
  net::IpAddress bound_address;      // entry in the table of peers' addresses
  std::optional<Instant> scheduled;  // entry in the timer queue
};

// Whether ESP of the session goes in UDP, or in TCP.
inline bool Encapsulated(const SessionInfo& info) { return info.nat_local || info.nat_remote || info.remote.in_tcp(); }

// Whether policy has changed so that an SA is not what it would be now (outdated.cc).
bool Outdated(const Session& session, const IkeSa& sa);
bool Outdated(const Session& session, const Child& child);

// "hub.example.net (192.0.2.1:500)", or the address alone while the identity is unknown.
std::string PeerName(const SessionInfo& info);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_SA_H_
