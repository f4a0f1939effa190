// SPDX-License-Identifier: Apache-2.0
// The endpoint's inside: tables, one way in and out for messages, and the handlers of each exchange.  The handlers
// are spread over wire.cc, half_open.cc, fragments.cc, mobike.cc, outside.cc, init.cc, auth_exchange.cc,
// auth_certificate.cc, auth_revocation.cc, auth_url.cc, child.cc, create_child.cc, rekey_ike.cc, informational.cc,
// timers.cc and one file for each extension.
#ifndef FLEXVPN_CORE_IKE_MACHINE_H_
#define FLEXVPN_CORE_IKE_MACHINE_H_

#include <algorithm>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "core/ike/cookie.h"
#include "core/ike/debug.h"
#include "core/ike/half_open.h"
#include "core/ike/intermediate.h"
#include "core/ike/nat.h"
#include "core/ike/qcd.h"
#include "core/ike/revocation_cache.h"
#include "core/ike/share_pool.h"
#include "core/ike/stats.h"
#include "core/ike/tables.h"
#include "core/ike/throttle.h"
#include "core/ike/ts.h"

namespace flexvpn::ike {

inline constexpr Duration kAnswerLinger = seconds(15);    // an IKE SA that ended still repeats its last answer
inline constexpr Duration kResponderSwitch = seconds(3);  // responder of an IKE rekey uses the new SA then at the latest
// Responder of a Child SA rekey sends on the new SA then at the latest, counted from the last time the initiator asked:
// while it repeats its request it lacks the answer and cannot receive on the new SA.
inline constexpr Duration kResponderOutbound = seconds(30);
inline constexpr Duration kRedundantLifetime = seconds(60);
inline constexpr size_t kNonceSize = 32;         // of ours: half of the longest prf's key is 32 (RFC 7296 §2.10)
inline constexpr size_t kMaxDeletedEarly = 8;    // of one session
inline constexpr size_t kMaxChildren = 32;       // of one session
inline constexpr size_t kMaxInitSize = 8192;     // of an IKE_SA_INIT message
inline constexpr uint32_t kMaxReceiveWindow = 32;
// How many requests of the peer we take at once: what policy says, within bounds.
inline uint32_t ReceiveWindowOf(const SessionPolicy& policy) {
  return std::clamp<uint32_t>(policy.window, 1, kMaxReceiveWindow);
}
inline constexpr int kLivenessTries = 5;
// Check of a peer's new address: so long at most (7 s) traffic goes where nobody may want it.
inline constexpr int kRoutabilityTries = 14;
inline constexpr Duration kRoutabilityInterval = milliseconds(500);
inline constexpr int kMaxCookies = 5;
inline constexpr int kResumeTries = 3;  // then the full handshake, which has its own
inline constexpr uint32_t kOutsideAnswers = 20;  // a second, to messages that belong to no IKE SA
inline constexpr Duration kFetchTimeout = seconds(5);
inline constexpr absl::string_view kOwnVendorId = "FLEXVPN-FOR-LINUX";

class Endpoint::Impl {
 public:
  Impl(const Config& config, Policy& policy, const crypto::Provider& crypto, Rng& rng)
      : config_(config), policy_(policy), crypto_(crypto), rng_(rng), cookies_(crypto, rng),
        tickets_(crypto, rng), reassembly_memory_(config.reassembly_memory) {}

  void SetConfig(const Config& config) {
    config_ = config;
    reassembly_memory_.SetLimit(config.reassembly_memory);
  }
  void SetTimeOfDay(crypto::UnixTime time, Instant now) { time_of_day_ = {time, now}; }
  void SetDebug(DebugSink* sink) { debug_ = sink; }
  void SetSource(const net::Endpoint* remote) { source_ = remote; }  // of the datagram that is handled now
  void Handle(const Datagram& datagram, Instant now, Actions& out);
  void JobDone(crypto::JobId id, crypto::JobResult result, Instant now, Actions& out);
  void FetchDone(FetchId id, absl::StatusOr<Bytes> answer, Instant now, Actions& out);
  void EapAnswer(IkeSaId id, EapQuestion question, EapStep step, Instant now, Actions& out);
  void OnTick(Instant now, Actions& out);
  std::optional<Instant> NextDeadline() const { return tables_.NextDeadline(); }
  IkeSaId Initiate(InitiateRequest request, Instant now, Actions& out);
  void Terminate(IkeSaId id, const std::string& reason, Instant now, Actions& out);
  void Forget(IkeSaId id, Instant now, Actions& out);
  void Withdraw(IkeSaId id, Instant now, Actions& out);
  void TellNewPath(Session& session);
  void PathLost(const net::Endpoint& local, const net::Endpoint& remote, Instant now, Actions& out);
  void RekeyIke(IkeSaId id, Instant now, Actions& out);
  void RekeyChild(ChildId id, Instant now, Actions& out);
  void CreateChild(IkeSaId id, Instant now, Actions& out);
  void DeleteChild(ChildId id, Instant now, Actions& out);
  void SendConfigSet(IkeSaId id, std::vector<ConfigAttribute> attributes, Instant now, Actions& out);
  void SetTerms(IkeSaId id, const SessionTerms& terms, const std::vector<Suite>* suites, Instant now, Actions& out);
  bool MoveTo(IkeSaId id, const net::IpAddress& local, Instant now, Actions& out);
  void PeerAlive(IkeSaId id, Instant now);
  std::optional<SessionInfo> Find(IkeSaId id) const;
  std::vector<SaInfo> List(Instant now) const;
  size_t half_open() const { return tables_.half_open(); }
  const Counters& counters() const { return counters_; }
  const ExchangeStats& stats() const { return stats_; }
  void ClearCounters() { counters_.Clear(), stats_ = {}; }
  Usage usage() const;

 private:
  // An authentic message, decoded.
  struct Incoming {
    const Datagram& datagram;
    const Header& header;
    const Payloads& payloads;
    Instant now;
    Actions& out;
    const PlainPayloads& plain;  // the same as it was before decoding
  };
  // Where an answer goes, also when it is ready only after a job.
  struct ReplyTo {
    IkeSpi sa;
    uint32_t message_id = 0;
    ExchangeType exchange{};
    net::Endpoint local, remote;
    ExchangeStats::Purpose purpose{};
  };
  struct Refusal {
    NotifyType type{};
    Bytes data;
    std::string why;  // for our log only
    EspSpi spi{};     // with CHILD_SA_NOT_FOUND
  };
  // What a responder agrees to for a Child SA.
  struct ChildAgreement {
    Choice choice;
    EspSpi spi_out;
    bool transport = false;
    std::vector<TrafficSelector> local_ts, remote_ts;  // as we see them
    std::vector<TrafficSelector> tsi, tsr;             // for the answer
    bool more = false;  // the answer has no room for all that would be acceptable
  };
  struct ChildParams {
    Suite suite;
    EspSpi spi_in, spi_out;
    bool initiator = false, transport = false;
    std::vector<TrafficSelector> local_ts, remote_ts;
    BytesView shared, nonce_i, nonce_r;
    ChildId replaces;
    BytesView additional{};  // SK(1) | … of RFC 9370
  };
  // What a responder has agreed to and said, but perhaps not made yet.
  struct ChildPromise {
    ChildAgreement agreement;
    EspSpi spi_in;
    ChildId old;
    Bytes nonce_i, nonce_r;
  };
  // One row of the dispatch tables (wire.cc).
  struct Rule {
    IkeState state;
    ExchangeType exchange;
    void (Impl::*run)(IkeSa&, const Incoming&, Request*);
    const char* story;
  };
  static const Rule kRequestRules[];
  static const Rule kResponseRules[];
  using JobHandler = std::function<void(IkeSa&, crypto::JobResult, Instant, Actions&)>;
  using HalfOpenHandler = std::function<void(HalfOpen&, crypto::JobResult, Instant, Actions&)>;

  // wire.cc: the one way in and out.
  void Drop(const char* reason) {
    counters_.Add(reason);
    if (debug_ != nullptr) debug_->OnDropped(reason, source_);
  }
  void Show(MessageSeen::Way way, const net::Endpoint& local, const net::Endpoint& remote, const Header& header,
            const Payloads* payloads, absl::string_view profile) const {
    if (debug_ != nullptr) debug_->OnMessage({way, local, remote, header, payloads, profile});
  }
  static absl::string_view ProfileOf(const IkeSa& sa) { return sa.session->info.profile; }
  void HandleInit(const Datagram& d, const Header& h, Instant now, Actions& out);
  void HandleProtected(const Datagram& d, const Header& h, Instant now, Actions& out);
  void HandleRequest(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out);
  void HandleResponse(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out);
  // A message whose integrity holds, its last fragment with it.
  struct Opened {
    absl::StatusOr<Payloads> payloads;  // error: authentic but malformed
    PlainPayloads plain;
    uint64_t fingerprint = 0;
  };
  std::optional<Opened> Open(IkeSa& sa, const Datagram& d, const Header& h, uint64_t fingerprint, Instant now);
  // An authentic request, which may still be malformed.
  void AcceptRequest(IkeSa& sa, const Datagram& d, const Header& h, const Opened& opened, Instant now, Actions& out);
  void Dispatch(const Rule* first, const Rule* last, IkeSa& sa, const Incoming& in, Request* request);
  void NotePeer(IkeSa& sa, const Datagram& d, Instant now, Actions& out);
  Header MakeHeader(const IkeSa& sa, ExchangeType exchange, bool response, uint32_t id) const;
  void Transmit(Session& session, const WireMessage& wire, Instant now, Actions& out);
  static void SendTo(const net::Endpoint& local, const net::Endpoint& remote, const WireMessage& wire, Actions& out);
  void SendRequest(IkeSa& sa, ExchangeType exchange, const Payloads& payloads, Op op, Instant now, Actions& out);
  void SendPlainRequest(IkeSa& sa, Bytes bytes, ExchangeType exchange, Op op, Instant now, Actions& out);
  ReplyTo ReplyFor(const IkeSa& sa, const Incoming& in) const;
  void Respond(const ReplyTo& to, const Payloads& payloads, Actions& out);
  void Refuse(const ReplyTo& to, const Refusal& refusal, Actions& out);
  Retransmit RetransmitPolicy(const Session& session, const Op& op) const;

  // half_open.cc
  static SessionInfo InfoOf(const HalfOpen& half_open);
  std::unique_ptr<Session> Unfold(const HalfOpen& half_open) const;
  void HandleHalfOpen(HalfOpen& half_open, const Datagram& d, const Header& h, Instant now, Actions& out);
  static SaInfo Describe(const HalfOpen& half_open, Instant now);

  // fragments.cc (RFC 7383)
  void AppendFragmentation(Payloads& out) const;
  bool AgreesFragmentation(const Payloads& peer) const;
  absl::StatusOr<WireMessage> ProtectMessage(IkeSa& sa, const Header& header, const Payloads& payloads,
                                             const net::Endpoint& local);
  std::optional<Reassembly::Whole> OpenFragments(IkeSa& sa, const Datagram& d, const Header& h, uint64_t fingerprint,
                                                 Instant now);
  void RepeatAnswer(IkeSa& sa, const Datagram& d, const Header& h, Actions& out);
  void ExpireFragments(IkeSa& sa, Instant now);

  // outside.cc
  void AnswerOutside(const Datagram& d, const Header& h, const Payloads& payloads, Instant now, Actions& out);
  void OnOtherVersion(const Datagram& d, const Header& h, Instant now, Actions& out);
  void OnUnknownSpi(const Datagram& d, const Header& h, Instant now, Actions& out);
  void OnUnprotectedNotify(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out);
  void CheckLiveness(IkeSa& sa, Instant now);
  void EndAtOnce(IkeSa& sa, const std::string& reason, Actions& out);

  // auth_lifetime.cc
  void AppendAuthLifetime(Session& session, Instant now, Payloads& out) const;
  void NoteAuthLifetime(Session& session, const Payloads& payloads, Instant now);
  void AuthenticationEnds(Session& session, Actions& out);

  // qcd.cc
  void AppendQcdToken(IkeSa& sa, Payloads& out);
  void NoteQcdToken(IkeSa& sa, const Payloads& payloads) const;
  bool ProvesCrash(const IkeSa& sa, const Payloads& payloads) const;

  // mobike.cc (RFC 4555)
  static void AppendMobike(const Session& session, Payloads& out);
  static void AppendAddresses(const Session& session, Payloads& out);
  void TellAddress(Session& session, const net::Endpoint& local, Instant now, Actions& out);
  static void NoteMobike(Session& session, const Payloads& peer);
  static bool NotePeerAddresses(Session& session, const Payloads& payloads);
  void Relocate(Session& session, const net::Endpoint& local, const net::Endpoint& remote, Actions& out);
  bool CanMove(const Session& session) const;
  void Move(Session& session, const net::Endpoint& local, const net::Endpoint& remote, Instant now, Actions& out);
  static void QueueUpdate(IkeSa& sa);
  void AppendUpdate(const IkeSa& sa, UpdateAddressesOp& op, Payloads& out);
  void OnUpdateAnswer(IkeSa& sa, const UpdateAddressesOp& op, const Incoming& in);
  void ApplyNat(Session& session, bool local, bool remote, Actions& out);
  bool OnMobikeRequest(IkeSa& sa, const Incoming& in, Payloads& answer);
  bool FollowPeer(IkeSa& sa, const Incoming& in, Payloads& answer);
  void OnRoutabilityAnswer(IkeSa& sa, const RoutabilityOp& op, const Incoming& in);
  bool TryOtherPath(Session& session, Instant now, Actions& out);
  void AppendNatCheck(const IkeSa& sa, Payloads& out);
  void OnNatCheckAnswer(IkeSa& sa, const Incoming& in);
  std::optional<Instant> NatCheckDue(const Session& session) const;

  // machine.cc
  void Touch(const Session& session) { touched_.push_back(session.info.id); }
  void Finish(Instant now, Actions& out);  // ends every public call: pumps queues, sweeps, schedules
  void Pump(IkeSa& sa, Instant now, Actions& out);
  void StartOp(IkeSa& sa, Op op, Instant now, Actions& out);
  void AppendNews(IkeSa& sa, Payloads& out);
  // `op`: what the job is for, undone if the IKE SA ends first.
  void StartJob(IkeSa& sa, crypto::Job job, JobHandler then, Actions& out, std::optional<Op> op = std::nullopt);
  void StartJob(HalfOpen& half_open, crypto::Job job, HalfOpenHandler then, Actions& out);
  IkeSa* Current(const Session& session) const;
  void Note(Notice::Level level, std::string text, Actions& out) const;
  // A warning about a session: its peer and profile go with the line.
  void Warn(const SessionInfo& about, std::string text, Actions& out) const;
  void WarnNoSa(const SessionInfo& about, absl::string_view why, Actions& out) const;  // a call of ours has come to nothing
  void Up(Session& session, IkeSa& sa, Instant now, Actions& out);
  void Down(Session& session, const std::string& reason, Actions& out);
  void DropSas(Session& session);
  void Close(Session& session, const std::string& reason, bool authentication_failed, Actions& out);
  void SetIkeLifetime(Session& session, Instant now);
  void QueueConfigSet(IkeSa& sa, std::vector<ConfigAttribute> attributes);
  void ConfigSetDone(Session& session);
  uint64_t SoftPermille();  // when to rekey, in thousandths of a lifetime
  Duration SoftLifetime(Duration lifetime);
  void EndOp(IkeSa& sa, const Op& op);
  void EndRekey(Session& session, Child& child);
  void AbandonOp(Session* session, const Op& op, Instant now);
  SaInfo Describe(const Session& session, Instant now) const;
  void LogKeys(IkeSpi spi_i, IkeSpi spi_r, const IkeKeys& keys, Actions& out) const;

  // init.cc
  void BeginInit(Session& session, Instant now, Actions& out);
  void GenerateInitKey(IkeSa& sa, crypto::KeMethod group, Instant now, Actions& out);
  void SendInit(IkeSa& sa, Instant now, Actions& out);
  void OnInitResponse(IkeSa& sa, const Incoming& in);
  bool OnInitNotify(IkeSa& sa, const Incoming& in);
  void OnInitCookie(IkeSa& sa, const NotifyPayload& cookie, const Incoming& in);
  void OnInitWrongGroup(IkeSa& sa, const NotifyPayload& notify, const Incoming& in);
  void AcceptInit(IkeSa& sa, const Choice& choice, const KePayload& ke, const NoncePayload& nonce, const Incoming& in);
  void InitDerived(IkeSa& sa, crypto::JobResult result, Instant now, Actions& out);
  void OnInitRequest(const Datagram& d, const Header& h, Instant now, Actions& out);
  bool AdmitInit(const Datagram& d, const Header& h);
  bool CookieHolds(const Datagram& d, const Header& h, const Payloads& p, Instant now, Actions& out);
  void ConsiderInit(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now, Actions& out);
  bool AnswerRepeatedInit(const Datagram& d, const Header& h, uint64_t key, Actions& out);
  HalfOpen& NewHalfOpen(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now);
  void AnswerInit(HalfOpen& half_open, const Proposal& chosen, crypto::JobResult result, Actions& out);
  Payloads InitAnswer(HalfOpen& half_open, const Proposal& chosen, const Bytes& public_value, const Bytes& nonce_r);
  void SendHalfOpen(HalfOpen& half_open, ExchangeType exchange, const Payloads& payloads, const SecretBytes& skeyseed,
                    const Bytes& nonce_r, Actions& out);
  void AnswerPlain(const Datagram& d, const Header& h, Payload notify, Actions& out);
  void FailInit(Session& session, const std::string& why, Actions& out);
  void NoteInitNat(IkeSa& sa, const Incoming& in) const;
  static void FloatPorts(Session& session);
  static void AppendVendorIds(Payloads& out);
  std::shared_ptr<const std::vector<std::string>> VendorIds(const Payloads& payloads);

  // extensions.cc
  void AppendInitExtensions(const Session& session, Payloads& out) const;
  void AnswerInitExtensions(HalfOpen& half_open, Payloads& out) const;
  static Agreed SaidExtensions(const Payloads& payloads);
  std::string MissingExtension(const IkeSa& sa) const;

  // redirect.cc
  void AppendRedirectSupport(const Session& session, Payloads& out) const;
  absl::StatusOr<net::IpAddress> RedirectTarget(const Session& session, const NotifyPayload& notify) const;
  void OnInitRedirect(IkeSa& sa, const NotifyPayload& notify, const Incoming& in);
  void FollowRedirect(Session& session, const net::IpAddress& to, Instant now, Actions& out);
  void OnLateRedirect(Session& session, const NotifyPayload& notify, Actions& out);
  bool RedirectsInit(const Datagram& d, const Header& h, const Payloads& p, Actions& out);

  // resume.cc (RFC 5723)
  static TicketWallet::Key WalletKey(const Session& session);
  std::optional<KeptTicket> UsableTicket(const Session& session, Instant now);
  void BeginResume(Session& session, KeptTicket kept, Instant now, Actions& out);
  void SendResume(IkeSa& sa, Instant now, Actions& out);
  void OnResumeResponse(IkeSa& sa, const Incoming& in);
  void FallBack(IkeSa& sa, const std::string& why, Instant now, Actions& out);
  bool ResumptionTimedOut(IkeSa& sa, const Op& op, Instant now, Actions& out);
  static bool AsksForTicket(const SessionPolicy& policy);
  absl::Status CheckResumedAnswer(IkeSa& sa, const Payloads& payloads);
  void KeepTicket(Session& session, const IkeSa& sa, const Payloads& payloads, Instant now);
  void EndTickets(Session& session);

  // resume_responder.cc
  absl::StatusOr<SessionPolicy> ResumedPolicy(SessionInfo info, const TicketState& ticket, Instant now);
  void ConsiderResume(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now, Actions& out);
  void AnswerResume(HalfOpen& half_open, Actions& out);
  void OnResumedAuthRequest(IkeSa& sa, const Incoming& in);
  void DropResumed(const TicketState& ticket, Actions& out);
  void AppendTicket(Session& session, const IkeSa& sa, const Payloads& request, Instant now, Payloads& answer);

  // ppk.cc
  void AdoptPpk(IkeSa& sa);
  void AppendPpk(const IkeSa& sa, Payloads& out) const;
  absl::Status SettlePpk(IkeSa& sa, const Payloads& answer);
  absl::Status ChoosePpk(IkeSa& sa, const Payloads& request, AuthPayload& auth);

  // intermediate.cc
  void CoverIntermediate(IkeSa& sa, const Header& header, const PlainPayloads& inner);
  void MixAdditionalKe(IkeSa& sa, BytesView shared, Actions& out);
  void NextIntermediate(IkeSa& sa, Instant now, Actions& out);
  void SendIntermediate(IkeSa& sa, Instant now, Actions& out);
  void OnIntermediateResponse(IkeSa& sa, const Incoming& in, Request*);
  void OnIntermediateRequest(IkeSa& sa, const Incoming& in, Request*);
  void AnswerIntermediate(IkeSa& sa, const ReplyTo& to, crypto::KeMethod method, const crypto::KeyAnswer& made,
                          Actions& out);

  // followup.cc
  void ContinueFollowup(IkeSa& sa, FollowupKeOp op, Instant now, Actions& out);
  void SendFollowup(IkeSa& sa, FollowupKeOp op, Instant now, Actions& out);
  void OnFollowupResponse(IkeSa& sa, const Incoming& in, Request* request);
  void FollowupFailed(IkeSa& sa, const FollowupKeOp& op, Instant now, const std::string& why, Actions& out);
  Payload AwaitFollowup(IkeSa& sa, PendingFollowup pending, Instant now);
  bool MayAwaitFollowup(const IkeSa& sa, const Suite& suite) const;
  void OnFollowupRequest(IkeSa& sa, const Incoming& in, Request*);
  PendingFollowup* FindFollowup(IkeSa& sa, const Bytes& link) const;
  void AnswerFollowup(IkeSa& sa, const ReplyTo& to, const Bytes& link, crypto::KeMethod method,
                      const crypto::KeyAnswer& made, Instant now, Actions& out);
  void ExpireFollowups(IkeSa& sa, Instant now);

  // auth_exchange.cc
  void SendAuth(IkeSa& sa, Instant now, Actions& out);
  void SignWithPpk(IkeSa& sa, const AuthPayload& without, Instant now, Actions& out);
  void SendAuthRequest(IkeSa& sa, const AuthPayload& auth, Instant now, Actions& out);
  void SendFirstAuth(IkeSa& sa, const AuthPayload* auth, Instant now, Actions& out);
  enum class PpkUse : uint8_t { kIfAny, kWithout };
  AuthInput AuthFor(const IkeSa& sa, bool of_initiator, const Identity& id, PpkUse ppk = PpkUse::kIfAny) const;
  absl::StatusOr<AuthPayload> UnsignedAuth(IkeSa& sa, bool of_initiator, PpkUse ppk);
  void OnAuthResponse(IkeSa& sa, const Incoming& in, Request*);
  void PeerJudged(IkeSa& sa, const absl::Status& verdict, const Incoming& in);
  void AuthRejected(IkeSa& sa, const NotifyPayload& error, const Incoming& in);
  void AuthMissing(IkeSa& sa, const Incoming& in);  // nor what stands in its place
  void InitiatorUp(IkeSa& sa, const Incoming& in);
  void OnAuthRequest(IkeSa& sa, const Incoming& in, Request*);
  bool NoteCertificate(IkeSa& sa, const AuthPayload& auth, const Incoming& in);
  bool SelectPeer(IkeSa& sa, const IdPayload& idi, const Incoming& in);
  void RejectAuth(IkeSa& sa, const Incoming& in, NotifyType type, const std::string& log);
  void AuthFailed(IkeSa& sa, const std::string& log, Instant now, Actions& out);
  void AppendOwnIdentity(const IkeSa& sa, Payloads& out) const;
  void InitiatorJudged(IkeSa& sa, const absl::Status& verdict, const Incoming& in);
  void ProveOurselves(IkeSa& sa, const Incoming& in);
  void ResponderUp(IkeSa& sa, const AuthPayload& own, const Incoming& in);
  bool AnswerConfig(Session& session, const Incoming& in, Payloads& answer);
  void AnswerAuthChild(IkeSa& sa, const Incoming& in, Payloads& answer);
  void ForgetOlder(Session& session, bool tell, Actions& out);
  void NoteWindow(IkeSa& sa, const Payloads& payloads);
  void AppendAuthNotifies(const Session& session, Payloads& out) const;

  // eap_initiator.cc
  void BeginEap(IkeSa& sa, Instant now, Actions& out);
  void OnEapResponse(IkeSa& sa, const Incoming& in);
  void EapFromResponder(IkeSa& sa, const Incoming& in);
  void EapStepOfInitiator(IkeSa& sa, EapStep step, Instant now, Actions& out);

  // eap_responder.cc
  void BeginEap(IkeSa& sa, const IdPayload& idi, const Incoming& in);
  void EapBegun(IkeSa& sa, const AuthPayload& own, Instant now, Actions& out);
  void AskMethod(IkeSa& sa, Bytes message, Actions& out);
  void EapStepOfResponder(IkeSa& sa, EapStep step, Instant now, Actions& out);
  void RejectLogin(IkeSa& sa, const Incoming& in, Payloads answer, const std::string& why);
  void OnEapRequest(IkeSa& sa, const Incoming& in);
  void EapProved(IkeSa& sa, const Incoming& in);
  void OnGivenUp(IkeSa& sa, const Incoming& in, Request*);
  void LoginTooLong(IkeSa& sa, Instant now, Actions& out);
  static void EndEap(IkeSa& sa, Actions& out);  // before it was up

  // auth_certificate.cc
  using Judged = void (Impl::*)(IkeSa&, const absl::Status&, const Incoming&);
  using Signed = void (Impl::*)(IkeSa&, const AuthPayload&, Instant, Actions&);
  static std::optional<HashSet> SignatureHashes(const Payloads& payloads);
  const crypto::Credential* OwnCredential(const IkeSa& sa) const;
  std::vector<Bytes> Authorities(const SessionPolicy& policy) const;
  void JudgePeer(IkeSa& sa, bool of_initiator, const AuthPayload& auth, const Incoming& in, Judged then);
  absl::Status JudgeNull(IkeSa& sa, bool of_initiator, const AuthPayload& auth);
  void JudgeCertificate(IkeSa& sa, bool of_initiator, const AuthPayload& auth, const Incoming& in, Judged then);
  void JudgementDone(IkeSa& sa, crypto::JobResult result, Instant now, Actions& out);
  void SignOwn(IkeSa& sa, bool of_initiator, PpkUse ppk, Instant now, Actions& out, Signed then);
  void SigningFailed(IkeSa& sa, const absl::Status& why, Instant now, Actions& out);
  void OwnSigned(IkeSa& sa, const AuthPayload& own, Instant now, Actions& out);
  static void Hold(IkeSa& sa, const Incoming& in);
  static Incoming View(const Held& held, Instant now, Actions& out) {
    return {held.datagram, held.header, held.payloads, now, out, held.plain};
  }
  crypto::UnixTime TimeOfDay(Instant now) const;

  // auth_url.cc
  bool AwaitCertificates(IkeSa& sa, const Incoming& in);
  absl::Status FetchCertificates(IkeSa& sa, const Incoming& in);
  void CertificateFetched(const CertificateUrl& what, IkeSpi waiter, const absl::StatusOr<Bytes>& answer, Instant now,
                          Actions& out);
  absl::StatusOr<std::vector<Bytes>> CheckFetched(const CertificateUrl& what,
                                                  const absl::StatusOr<Bytes>& answer) const;
  void CertificatesMissing(IkeSa& sa, const absl::Status& why, Instant now, Actions& out);
  void RefusePeer(IkeSa& sa, const absl::Status& why, const Incoming& in);
  void AppendHttpLookup(Payloads& out) const;
  static std::optional<Instant> CertificatesDue(const IkeSa& sa);

  // auth_revocation.cc
  void BeginJudgement(IkeSa& sa, crypto::VerifyPeer job, Instant now, Actions& out);
  void ContinueJudgement(IkeSa& sa, Instant now, Actions& out);
  void RunJudgement(IkeSa& sa, crypto::VerifyPeer job, Actions& out);
  void AwaitRevocation(IkeSa& sa, crypto::RevocationNeeded needed, Instant now, Actions& out);
  bool FetchRevocation(const crypto::RevocationFetch& fetch, IkeSpi waiter, Actions& out);
  bool AnswerChecked(crypto::JobId job, const crypto::JobResult& result, Instant now, Actions& out);
  void RevocationLearned(FetchId id, absl::StatusOr<crypto::RevocationRecord> record, Instant now, Actions& out);
  static std::optional<Instant> RevocationDue(const IkeSa& sa);

  // child.cc
  net::IpAddress DynamicLocal(const Session& session, bool transport) const;
  net::IpAddress DynamicRemote(const Session& session, bool transport) const;
  ChildOffer MakeOffer(const Session& session, bool with_pfs);
  void AppendOffer(const ChildOffer& offer, Payloads& out) const;
  void AppendChildAnswer(const ChildAgreement& a, EspSpi spi_in, Payloads& out) const;
  std::variant<ChildAgreement, Refusal> SelectChild(const Session& session, const Payloads& payloads, bool in_auth);
  absl::StatusOr<ChildParams> AcceptChild(const Session& session, const ChildOffer& offer, const Payloads& payloads);
  Child& AddChild(Session& session, const IkeSa& on, const ChildParams& params, Instant now);
  void RaiseChild(Child& child, bool inbound, bool outbound, Actions& out);
  void LowerChild(Session& session, Child& child, bool inbound, bool outbound, Actions& out);
  Child* FindChild(Session& session, ChildId id) const;
  Child* FindChildByPeerSpi(Session& session, EspSpi spi) const;
  bool PeerDeletedChild(Session& session, Child& child, Instant now, Actions& out);
  void QueueDelete(Session& session, Child& child);
  void LetLinger(Session& session, Child& child, Instant now, Actions& out);

  // create_child.cc
  void OnCreateChildRequest(IkeSa& sa, const Incoming& in, Request*);
  void OnCreateChildClosing(IkeSa& sa, const Incoming& in, Request*);
  std::optional<Refusal> FindRekeyed(IkeSa& sa, const Payloads& payloads, ChildId& old);
  void AnswerChild(IkeSa& sa, const Incoming& in, ChildId old, ChildAgreement agreement);
  void FinishChildAnswer(IkeSa& sa, const ReplyTo& to, ChildId old, const ChildAgreement& agreement, BytesView shared,
                         const Bytes& public_value, const Bytes& nonce_i, const Bytes& nonce_r, Instant now,
                         Actions& out);
  PendingFollowup PromiseFollowup(const ChildPromise& promise, BytesView shared);
  bool KeepPromise(IkeSa& sa, const ChildPromise& promise, BytesView shared, BytesView additional, Instant now,
                   Actions& out);
  void AwaitOutbound(Session& session, Child& child, Instant now);
  void MarkAnswered(Session& session, const ReplyTo& to);
  void AnswerRepeated(IkeSa& sa, uint32_t message_id, Instant now);
  void StartRekeyChild(Session& session, Child& child, Instant now, Actions& out);
  void StartCreateChild(Session& session, Instant now, Actions& out);
  void QueueRekeyChild(IkeSa& sa, RekeyChildOp op, crypto::KeMethod group, Instant now, Actions& out);
  void SendRekeyChild(IkeSa& sa, RekeyChildOp op, Instant now, Actions& out);
  void OnCreateChildResponse(IkeSa& sa, const Incoming& in, Request* request);
  void OnRekeyChildResponse(IkeSa& sa, RekeyChildOp& op, const Incoming& in);
  void RekeyChildFailed(IkeSa& sa, const RekeyChildOp& op, const NotifyPayload& error, const Incoming& in);
  void FinishRekeyChild(IkeSa& sa, const RekeyChildOp& op, ChildParams params, BytesView shared, BytesView nonce_r,
                        Instant now, Actions& out);
  void NewChildFailed(IkeSa& sa, const NotifyPayload& error, const Incoming& in);
  void RetryRekeyChild(Session& session, ChildId old, Instant now, Duration wait = seconds(1));
  Duration Jittered(Duration wait);

  // rekey_ike.cc
  void StartRekeyIke(Session& session, Instant now, Actions& out);
  void QueueRekeyIke(IkeSa& sa, std::vector<Suite> offer, int restarts, Actions& out);  // with a key of the first one's group
  bool RekeyWithOtherGroup(IkeSa& sa, const RekeyIkeOp& op, const NotifyPayload& error, Actions& out);
  void SendRekeyIke(IkeSa& sa, RekeyIkeOp op, Instant now, Actions& out);
  void OnRekeyIkeRequest(IkeSa& sa, const Incoming& in);
  void AnswerRekeyIke(IkeSa& old, const ReplyTo& to, const Choice& choice, const Bytes& public_value, BytesView shared,
                      const Bytes& nonce_i, const Bytes& nonce_r, IkeSpi peer_spi, Instant now, Actions& out);
  void OnRekeyIkeResponse(IkeSa& sa, const RekeyIkeOp& op, const Incoming& in);
  void FinishRekeyIke(IkeSa& sa, const RekeyIkeOp& op, const Choice& choice, BytesView shared, const Bytes& nonce_r,
                      IkeSpi peer_spi, Instant now, Actions& out, BytesView additional);
  IkeSa& NewGeneration(IkeSa& old, IkeSpi local_spi, bool initiator, const Choice& choice, IkeSpi peer_spi,
                       BytesView shared, BytesView nonce_i, BytesView nonce_r, BytesView additional);
  void SwitchTo(Session& session, IkeSa& sa, Instant now, Actions& out);
  void DropQueuedRekey(IkeSa& sa);
  void RetryRekeyIke(IkeSa& sa, Instant now, Duration wait = seconds(1));
  bool ChildExchangeUnderWay(const Session& session) const;
  bool ChildRekeyUnderWay(const Session& session) const;

  // informational.cc
  void OnInformationalRequest(IkeSa& sa, const Incoming& in, Request*);
  void OnInformationalResponse(IkeSa& sa, const Incoming& in, Request* request);
  void OnDeleteIke(IkeSa& sa, const Incoming& in, const std::string& reason);
  void OnPeerLacksChild(IkeSa& sa, const NotifyPayload& notify, const Incoming& in);
  void NoteDeletedEarly(Session& session, EspSpi spi);
  void OnDeleteChildren(IkeSa& sa, const DeletePayload& del, const Incoming& in, Payloads& answer);
  void OnPeerConfigSet(IkeSa& sa, const ConfigPayload& config, const Incoming& in, Payloads& answer);

  // timers.cc
  void Tick(Session& session, Instant now, Actions& out);
  void TickRequests(IkeSa& sa, Instant now, Actions& out);
  void TimedOut(IkeSa& sa, Request& request, Instant now, Actions& out);
  void TickChildren(Session& session, Instant now, Actions& out);
  void TickSession(Session& session, Instant now, Actions& out);
  void Expire(IkeSa& sa, Instant now, Actions& out);
  std::optional<Instant> Deadline(const Session& session) const;
  std::optional<Instant> LivenessDue(const Session& session) const;
  std::optional<Instant> KeepaliveDue(const Session& session) const;

  struct PendingJob {
    IkeSpi sa;
    IkeSaId session;
    std::optional<Op> op;
    std::variant<JobHandler, HalfOpenHandler> then;
  };

  struct PendingFetch {
    std::variant<crypto::RevocationFetch, CertificateUrl> what;
    std::vector<IkeSpi> waiters;
  };

  Config config_;
  Policy& policy_;
  const crypto::Provider& crypto_;
  Rng& rng_;
  CookieJar cookies_;
  TicketJar tickets_;
  TicketWallet wallet_;
  ReassemblyMemory reassembly_memory_;
  Tables tables_;
  Counters counters_;
  ExchangeStats stats_;
  SharePool<SessionPolicy> policies_;
  SharePool<std::vector<Suite>> suites_;
  SharePool<std::vector<std::string>> vendor_ids_;
  absl::flat_hash_map<crypto::JobId, PendingJob> jobs_;
  uint64_t next_question_ = 1;  // of EAP methods
  uint64_t next_job_ = 1;
  RevocationCache revocation_;
  absl::flat_hash_map<FetchId, PendingFetch> fetches_;
  absl::flat_hash_map<std::string, FetchId> fetch_by_key_;
  absl::flat_hash_map<crypto::JobId, FetchId> answer_checks_;
  size_t stranger_fetches_ = 0;  // of fetches_
  uint64_t next_fetch_ = 1;
  std::vector<IkeSaId> touched_;
  Throttle outside_{kOutsideAnswers};
  std::optional<std::pair<crypto::UnixTime, Instant>> time_of_day_;
  DebugSink* debug_ = nullptr;
  const net::Endpoint* source_ = nullptr;
  Instant proposal_notice_{};  // last complaint about an unauthenticated peer's proposals
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_MACHINE_H_
