// SPDX-License-Identifier: Apache-2.0
// The product as one pure state machine: configuration, IKE sessions, NHRP, and what the kernel should hold.
// The only place where IKE meets NHRP.
#ifndef FLEXVPN_CORE_NODE_NODE_H_
#define FLEXVPN_CORE_NODE_NODE_H_

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/history.h"
#include "base/rng.h"
#include "base/time.h"
#include "core/config/key_cipher.h"
#include "core/config/model.h"
#include "core/crypto/provider.h"
#include "core/dataplane/objects.h"
#include "core/ike/debug.h"
#include "core/ike/endpoint.h"
#include "core/nhrp/endpoint.h"
#include "core/node/debug.h"
#include "core/node/io.h"
#include "core/node/local_end.h"
#include "core/node/performance.h"
#include "core/node/pool.h"
#include "core/node/reconfigure.h"
#include "core/node/rib.h"

namespace flexvpn::config {
struct Arg;
struct ExecLine;
}

namespace flexvpn::node {

struct Query;  // views.h

class Node : private ike::Policy, private ike::DebugSink, private nhrp::Environment {
 public:
  struct Options {
    std::string instance = "default";
    ike::Endpoint::Config ike;
    Duration tunnel_retry_first = seconds(1);      // after a failed or lost static tunnel; doubles
    Duration tunnel_retry_max = seconds(30);
    Duration orphan_grace = seconds(60);           // what an earlier run left in the kernel is removed after it
    Duration orphan_settle = seconds(2);           // … or that long after every static tunnel is up again
    Duration inbound_linger = seconds(5);          // inbound SAs of a session whose peer lives on in another one
    Duration yield = milliseconds(600);            // the lower overlay address lets the higher call first
    Duration duplicate_delay = seconds(10);        // before one of two sessions with one peer is closed
    Duration idle_shortcut = seconds(120);         // a spoke-to-spoke session without shortcut or traffic
    Duration confirm = milliseconds(250);          // a tunnel the peer initiated is taken for ready at its end
    std::string kernel, openssl, config_file;      // of this machine, for `show version`
    std::string administrators;                    // Unix group that may change things; for refusals, "" = none
  };
  Node(Options options, config::Model model, Rng& rng, const crypto::Provider& crypto, Pki pki = {});
  ~Node() override;

  // Never blocks, never throws, bounded work.
  void Handle(const Input& in, Instant now, Actions& out);
  void Handle(Input&& in, Instant now, Actions& out);  // the same; a large configuration is not copied
  void OnTick(Instant now, Actions& out);  // early, late or repeated calls are harmless
  std::optional<Instant> NextDeadline() const;
  // Deletes every session and everything of ours in the kernel.
  void Shutdown(Instant now, Actions& out);

  const config::Model& model() const { return model_; }
  const dataplane::State& want() const { return want_; }
  // What the last NewConfig did to the sessions that were there.
  struct Restarts {
    size_t restarted = 0, sessions = 0;
    size_t renewed = 0;  // changed in place
  };
  const Restarts& restarts() const { return restarts_; }
  // By which `show running-config` writes keys; must outlive the node.  nullptr: in clear.
  void SetKeyCipher(const config::KeyCipher* cipher) { cipher_ = cipher; }
  // For invariant checks of tests.
  struct PeerView {
    net::PeerId id;
    std::string interface;
    std::string remote_id;
    net::IpAddress local, remote, overlay;
    bool up = false;
    size_t sessions = 0;
  };
  std::vector<PeerView> Peers() const;
  const std::map<net::Prefix, net::PeerId>& shortcuts() const { return shortcuts_; }

 private:
  static constexpr uint8_t kIkeRouteDistance = 2;  // `route accept any` without a distance
  // A Tunnel interface with a destination: we keep it up.
  struct Tunnel {
    std::string name;
    ike::IkeSaId session;  // current attempt or session
    bool up = false;
    std::optional<Instant> retry_at;
    Duration backoff{};
    std::optional<net::IpAddress> negotiated, negotiated6;  // `ip address negotiated`, `ipv6 address negotiated`
    std::string waiting_for;                   // what is missing, logged once
    std::string refused;                       // why the last call was not made, logged once
    size_t hub = 0;                            // index in Interface::Hubs() of whom the next attempt calls
    std::string looking_up;                    // the name of that hub, while its address is looked for
    // What the name of the hub called last stood for; empty: it had none, or the session with it has come up and gone.
    net::IpAddress found;
    std::set<std::pair<std::string, net::IpAddress>> proved;  // names of hubs, and where one has authenticated
    bool told = false;                         // `connect manual`: somebody said so
    bool tcp_next = false;                     // UDP brought no answer: the next attempt goes in TCP, or the other way round
    bool given_up = false;                     // it is withdrawn, because nothing has come
    // A call that takes the session's place if it comes up: in UDP, while the session is in TCP, or of a better hub.
    ike::IkeSaId trial;
    std::optional<size_t> trial_hub;           // it is, or was last, of that hub; none: the next is of the first
    std::string trial_looking_up;              // the name of that hub, while its address is looked for
    net::IpAddress trial_found;                // what that name stood for when it was called last
    std::optional<Instant> udp_at, better_at;  // the next call of that kind is made, or the one under way given up
    std::optional<Instant> answer_by;          // the attempt, or the lookup for it, is given up if nothing has come until then
  };
  // One IKE SA as the node sees it.
  struct Session {
    ike::SessionInfo info;
    std::string config_interface;   // Tunnel0 or Virtual-Template1
    net::PeerId peer;
    bool up = false;
    Instant created{};
    std::optional<net::IpAddress> assigned, pushed, pushed6;
    std::string pool;               // where `assigned` came from
    std::optional<net::Prefix> assigned6;
    std::string pool6;
    std::vector<net::Prefix> remote_prefixes;
    std::vector<net::Prefix> announced;      // by the peer: of these it has the ones that are accepted
    std::vector<net::Prefix> told;           // what we have announced to it
    bool configured = false;                 // the peer has said something in a configuration payload
    bool routes_wait = false;                // `told` is old, and its kind of peer is not told before the next session
    std::string handout;                     // HandoutText of what it got; empty: nothing
    net::IpAddress key_address;              // where the peer was when its key was looked up
    std::string hub_name;                    // by which we called it; "" = by address
    std::vector<std::string> configuration;  // attributes the peer gave, readable
    std::vector<nhrp::TunnelToken> tokens;  // resolutions that wait for it
    bool shortcut = false;          // initiated by us for NHRP
    std::optional<Instant> ends_at; // as in session_ends_
  };
  // The remote end of one or more sessions: what the datapath knows.
  struct Peer {
    net::PeerId id;
    std::string interface;          // Tunnel0, Virtual-Access2
    std::string config_interface;
    std::string identity;           // of the remote
    bool anonymous = false;         // it has none: NULL authentication
    net::IpAddress local, remote;   // outer
    net::VrfId vrf;                 // of the outer addresses
    bool nat_remote = false;
    bool in_tcp = false;
    net::DualAddress local_protocol, remote_protocol;  // in the overlay
    net::DualAddress known_as;       // the last of ours that there were
    std::set<ike::IkeSaId> sessions;
    std::set<ike::ChildId> children;
    std::set<net::Prefix> prefixes;  // IKEv2 routes accepted from it
    uint8_t route_distance = kIkeRouteDistance;  // of those
    uint32_t route_tag = 1;
    bool up = false;
    Instant created{};
    std::optional<Instant> dedupe_at, idle_at;
    // The other end has its SAs too: it initiated nothing of ours, or spoke through the tunnel.  Before that what we
    // send may overtake our own IKE_AUTH response and be lost.
    bool confirmed = false;
    std::optional<Instant> confirm_at;      // silence that long counts as confirmation
    std::vector<nhrp::TunnelToken> tokens;  // resolutions that wait for it
  };
  struct Child {
    ike::ChildSa sa;  // keys wiped: they live in want_
    net::PeerId peer;
    bool in = false, out = false;
    Instant created{};
  };
  // A tunnel NHRP asked for while the other side is probably calling us: one of the two calls is enough.
  struct Deferred {
    Instant at;
    nhrp::NeedTunnel need;
  };
  struct Lingering {
    Instant at;
    net::PeerId peer;
    std::string key;
  };
  // What an operator asks for afterwards.
  struct LogLine {
    Instant at;
    Log::Level level{};
    std::string text;
  };
  struct Failure {  // of IKE
    Instant at;
    net::Endpoint remote;
    std::string identity, profile;  // as far as they are known
    std::string reason;
  };
  struct Refusal {  // of the kernel
    Instant at;
    std::string what;
  };
  static constexpr size_t kToldAtOnce = 256;           // changed routes
  static constexpr Duration kToldEvery = milliseconds(50);
  static constexpr Duration kHubTurn = seconds(10);    // how long a hub of several may be silent
  static constexpr Duration kBetterAgain = seconds(60);  // `peer reactivate`: between calls of the better hubs
  static constexpr Duration kUdpAgain = seconds(600);  // in TCP: between calls in UDP
  static constexpr Duration kTcpTurn = seconds(9);     // how long UDP may be silent before TCP is tried, and back
  static constexpr size_t kMaxRemembered = 4096;       // a peer may announce what it likes
  static constexpr size_t kMaxProved = 64;             // addresses of a tunnel's hubs by name
  static constexpr uint32_t kDefaultTunnelMtu = 1400;  // `ip mtu` not said
  enum class Purpose : uint8_t { kTraffic, kCommand };
  struct PendingMeasure {
    Purpose purpose{};
    Command command;
  };

  // node.cc: events
  void Begin(Instant now, Actions& out);
  void Finish();
  void Pump();
  template <class F>
  void Ike(F call);
  template <class F>
  void Nhrp(F call);
  void On(ike::Action& action);
  void On(nhrp::Action& action);
  void OnLocalNetwork(const LocalNetwork& in);
  void ChooseDeviceAddresses();
  void OnAdopt(const Adopt& in);
  void OnApplyDone(const ApplyDone& in);
  void OnSaExpired(const SaExpired& in);
  void OnMeasurements(const Measurements& in);
  crypto::UnixTime WallClock() const;
  void Configure();
  void NoteMissingAlgorithms();
  void Say(Log::Level level, std::string text);
  void SayOnce(std::string& said, Log::Level level, std::string text);  // not while it is what has been `said` last
  // Remembers a failure for `show crypto ikev2 diagnose error`.
  void NoteFailure(const net::Endpoint& remote, absl::string_view identity, absl::string_view profile,
                   absl::string_view reason);
  void NoteFailure(const ike::SessionInfo& session, absl::string_view reason);

  // sessions.cc
  std::vector<ike::Suite> InitSuites(const net::Endpoint& local, const net::Endpoint& remote) override;
  bool OffersPpk(const net::Endpoint& local, const net::Endpoint& remote) override;
  std::vector<Bytes> Authorities(const net::Endpoint& local, const net::Endpoint& remote) override;
  absl::StatusOr<ike::SessionPolicy> SelectProfile(const ike::SessionInfo& session,
                                                   const std::optional<ike::Identity>& wanted) override;
  absl::StatusOr<std::vector<ike::ConfigAttribute>> OnConfigRequest(
      const ike::SessionInfo& session, const std::vector<ike::ConfigAttribute>& request) override;
  std::vector<ike::ConfigAttribute> OnConfigSet(const ike::SessionInfo& session,
                                                const std::vector<ike::ConfigAttribute>& set) override;
  const config::Interface* BindResponder(const config::IkeProfile& profile, const net::Endpoint& remote) const;
  void OnSessionUp(const ike::SessionInfo& info);
  void OnSessionDown(const ike::SessionDown& down);
  void OnConfigReceived(const ike::ConfigReceived& received);
  std::optional<net::IpAddress> PeerAddress(const Session& session) const;
  std::vector<net::IpAddress> AnnouncedAddresses(const config::AuthorizationPolicy& policy, const std::string& tunnel) const;
  // What the peer of `session` gets from our pools, of what it asks for.
  absl::Status GiveAddresses(const ike::SessionInfo& session, const config::AuthorizationPolicy& policy,
                             const std::vector<ike::ConfigAttribute>& request, std::vector<ike::ConfigAttribute>& reply);
  bool IsOurs(const net::Prefix& address) const;  // an address of this router is in it
  void TakeAddresses(Session& session, const std::vector<ike::ConfigAttribute>& attributes);
  void ReleaseAddresses(const Session& session, const ike::SessionInfo& info);
  const config::AuthorizationPolicy* AuthorizationOf(const ike::SessionInfo& session) const;  // nullptr: none
  void SetEnd(Session& session, const config::AuthorizationPolicy& policy);
  void EndSessions();  // whose `session-lifetime` is over
  void Hear(Session& session, std::vector<net::Prefix> announced);
  void Announce(Session& session, const config::AuthorizationPolicy& policy);
  void AcceptPrefixes(Session& session, const std::vector<net::Prefix>& prefixes);
  void OnChildUp(ike::ChildUp& up);
  void OnChildDown(const ike::ChildDown& down);
  void Terminate(ike::IkeSaId id, const std::string& reason);

  // reconfigure.cc
  void OnNewConfig(config::Model model, Pki pki);
  void MakeWayToHubs();
  static Reconfiguration::Basis BasisOf(const Session& session);
  void Renew(Session& session, const Reconfiguration::Effect& effect, Reconfiguration& change);
  void RenewIfJustChanged(const Session& session);
  void TellRoutes();  // those in to_tell_

  // moves.cc: sessions whose outer addresses change
  bool ForceEncap(const net::Endpoint& local, const net::Endpoint& remote) override;
  bool AcceptsMove(const ike::SessionInfo& session, const net::Endpoint& local, const net::Endpoint& remote) override;
  void OnAddressChanged(const ike::AddressChanged& change);
  void MoveSas(Peer& peer, const ike::AddressChanged& change);
  void MoveSessions();
  // The key of the dataplane object that holds one direction of `child`.
  static std::string SaKeyOf(const ike::ChildSa& child, dataplane::Direction direction);
  // Outer addresses and UDP encapsulation of `child` in its half of sa.direction.
  static void SetOuter(const ike::ChildSa& child, dataplane::Sa& sa);

  // client.cc: tunnels with a list of hubs (crypto ikev2 client flexvpn)
  std::optional<net::IpAddress> HubOf(const config::Interface& interface) const;  // whom it calls now or next
  // Whether `address` is of a hub of it, as far as that is known.
  bool Calls(const config::Interface& interface, const net::IpAddress& address) const;
  void LookUpHub(std::string& looking_up, const config::Interface& interface, const std::string& name);
  void OnLookedUp(const LookedUp& answer);
  absl::StatusOr<std::vector<net::IpAddress>> HubAddresses(const Tunnel& tunnel, const config::Interface& interface,
                                                           const LookedUp& answer) const;
  void ForgetFormer(Tunnel& tunnel, const LookedUp& answer) const;  // of `proved`, when that is full
  // That leads into a tunnel, or has done so, and covers `address`; the default route does not count.
  std::optional<net::Prefix> OverlayNetworkOf(const net::IpAddress& address) const;
  static net::IpAddress Following(const std::vector<net::IpAddress>& all, const net::IpAddress& last);
  void HubLookedUp(Tunnel& tunnel, const config::Interface& interface, const std::string& name,
                   const absl::StatusOr<std::vector<net::IpAddress>>& addresses);
  // The other tunnel that has a session with `hub` which could not be told apart from one of this tunnel; "": none.
  std::string PeerOfAnother(const Tunnel& tunnel, const config::Interface& interface, const net::IpAddress& hub) const;
  void CallBetter(Tunnel& tunnel, const config::Interface& interface, const config::Hub& hub, const net::IpAddress& address);
  std::string DeviceOf(const net::IpAddress& address) const;  // the Linux interface that has it; "": none
  bool MayCall(const Tunnel& tunnel, const config::Interface& interface) const;
  void NextHub(Tunnel& tunnel);  // the one called last did not take the call
  void BetterLater(Tunnel& tunnel);   // `peer reactivate`: plans the next calls of better hubs, if there are any
  void TryBetterHubs();
  void WithdrawTrial(Tunnel& tunnel);
  void FindHubAgain(Tunnel& tunnel);  // the list is another
  const config::Interface* ClientOf(const std::string& name, const Query& q) const;
  show::Document ConnectClients(const Query& q);
  show::Document ClearClients(const Query& q);

  // tcp.cc: IKE and ESP in TCP (RFC 9329)
  bool TcpFits(const config::Interface& interface) const;
  bool CallsInTcp(const Tunnel& tunnel, const config::Interface& interface, const config::IkeProfile& profile) const;
  // Makes of the endpoints of a call those of the same in TCP.
  static void GoByTcp(ike::InitiateRequest& request, uint16_t port);
  void TryUdpAgain();
  void UdpLater(Tunnel& tunnel);        // plans the next of these calls, if the tunnel is in TCP only because UDP did not pass
  void TakeTurns(Tunnel& tunnel);       // the attempt brought no answer
  void GiveUpSilentCalls();             // those that have another way to try
  const Peer* PeerInTcp(uint32_t network_id) const;  // whom we call in TCP in this NHRP network; nullptr: nobody
  void OnTcpLost(const TcpLost& in);
  void UseConnection(const net::Endpoint& local, const net::Endpoint& remote, bool in_use);
  void SyncCarrier(Peer& peer);

  // tunnels.cc
  void SyncTunnels();
  void TryTunnel(Tunnel& tunnel);
  void CallHub(Tunnel& tunnel, const config::Interface& interface, const net::IpAddress& address);
  std::optional<ike::InitiateRequest> PrepareCall(Tunnel& tunnel, const config::Interface& interface,
                                                  const config::IkeProfile& profile, const net::IpAddress& hub);
  void TakeTrial(Tunnel& tunnel);  // it has come up
  // `hub_name`: by which the hub is called; "" = by address.
  ike::IkeSaId Call(const Tunnel& tunnel, ike::InitiateRequest request, const std::string& hub_name);
  void TunnelTick();
  void RetryTunnel(Tunnel& tunnel);
  // Takes over another session with the peer of `lost` that carries traffic; false: there is none.
  bool GoOnWith(Tunnel& tunnel, const ike::SessionInfo& lost);
  void OnNeedTunnel(const nhrp::NeedTunnel& need);
  void CallShortcut(const nhrp::NeedTunnel& need);
  bool JoinShortcut(const nhrp::NeedTunnel& need);  // an existing or coming tunnel serves
  void CancelToken(nhrp::TunnelToken token);
  std::optional<net::IpAddress> SourceAddress(const config::Interface& interface) const;
  std::optional<net::IpAddress> SourceCandidate(const config::Interface& interface) const;
  net::IpAddress OverlayAddress(const std::string& interface) const;
  net::IpAddress OverlayAddress6(const std::string& interface) const;  // empty: it has none
  // That the machine has on the device of `interface`, which need not be configured here; empty: none.
  net::IpAddress LinuxAddress(const std::string& interface, net::Family family) const;

  const config::Interface* ShortcutTemplate(uint32_t network_id) const;

  // vrf.cc: front-door VRFs
  net::VrfId VrfIdOf(const std::string& name) const;  // "" and what was never configured: the global one
  const std::string& VrfName(net::VrfId id) const;
  LocalEnd EndOf(const net::Endpoint& local) const;
  void SyncMatchedInterfaces();
  const LocalVrf* FindVrf(const std::string& name) const;  // its device; nullptr: there is none
  std::string InVrf(const net::Endpoint& local) const;  // " in VRF red", "" in the global one; for messages
  void Listen(const std::set<std::string>& vrfs);
  void NoteMissingVrfs();
  void AssignSources();
  void ClaimSource(const Peer& peer);  // before its SAs
  void RenewSources();                 // somebody who had one is gone
  bool SourceFree(const net::IpAddress& address, const std::string& vrf) const;
  std::string WaitsFor(const config::Interface& interface) const;
  void SyncRules(std::vector<dataplane::Object>& objects) const;

  // peers.cc
  static std::string PeerKey(const std::string& interface, const ike::SessionInfo& info);
  static bool SameOwner(const Peer& a, const Peer& b);  // both proved to be the same: one may take over from the other
  Peer& FindOrCreatePeer(const Session& session);
  // Withdraws what leads outer packets to `remote` (of `whom`, for the log) into a tunnel: of a peer that is authenticated,
  // or that the configuration names.  What drops them when a tunnel is away stays.
  void DropRoutesOver(const net::IpAddress& remote, net::VrfId vrf, const std::string& whom);
  bool PeerUsable(const Peer& peer) const;
  void BringPeerUp(Peer& peer);
  void Confirm(Peer& peer);
  void RefreshPeer(Peer& peer);  // facts changed: dataplane and NHRP told again
  void PeerGone(net::PeerId id);
  void TellNhrp(const Peer& peer);
  void SetOverlay(Peer& peer, const net::IpAddress& address);
  void ForgetOverlay(Peer& peer, net::Family family);
  // Ours may have changed: routes, NHRP and the peers follow.  Spokes exchange no configuration with each other, and NHRP finds
  // their addresses out once for a tunnel: gives the sessions that have to be made anew.
  std::vector<ike::IkeSaId> SyncOverlayAddresses();
  void EndOutdated(const std::vector<ike::IkeSaId>& sessions);
  void PeerTick();
  // What a route of `family` has as its gateway.
  static net::IpAddress NextHopOf(const Peer& peer, net::Family family);
  net::DualAddress OverlayAddresses(const std::string& interface) const;
  nhrp::RouteResult Lookup(const net::IpAddress& destination) const override;
  bool Announces(net::PeerId peer, const net::IpAddress& destination) const override;
  uint32_t NetworkOf(net::PeerId peer) const;  // of NHRP; 0: none
  void OnShortcutUp(const nhrp::ShortcutUp& up);
  void OnShortcutDown(const nhrp::ShortcutDown& down);

  // kernel.cc: what we want in the kernel
  void Put(dataplane::Object object, net::PeerId owner);
  void Own(const std::string& key, net::PeerId owner);
  void Disown(const std::string& key);
  void Erase(const std::string& key);
  void EraseLater(const std::string& key, net::PeerId peer, Duration delay);
  void FlushPlan();
  void SyncBase();
  bool TunnelsCarryIpv6() const;
  void AddAddresses(const config::Interface& interface, const std::string& device, std::vector<dataplane::Object>& objects) const;
  void SyncFallbacks(std::vector<dataplane::Object>& objects) const;
  void Remember(const net::Prefix& prefix);  // a network of the overlay, as long as we run
  bool HasFallback(const net::Prefix& prefix) const;
  void SyncPeer(const Peer& peer);
  void RemovePeerObjects(net::PeerId id);
  void SyncRoute(const net::Prefix& prefix);
  net::IpAddress Ipv6SourceFor(const Peer& peer) const;  // of its routes; empty: the kernel chooses
  dataplane::Sa MakeSa(const ike::ChildSa& child, const Peer& peer, dataplane::Direction direction);
  // The source address of GRE packets when XFRM looks for their policy and state: an ip6gre device in external mode
  // leaves it unspecified until after that lookup (net/ipv6/ip6_tunnel.c, ip6_tnl_xmit; seen on Linux 6.12).
  static net::IpAddress FlowSource(const net::IpAddress& local);
  std::string DeviceFor(const config::Interface& interface) const;
  // Outer addresses of hubs, up or not, in the global VRF: of the configuration, and where one of a name has authenticated.
  std::vector<net::IpAddress> HubsOfUnderlay() const;
  bool RoutableOverTunnel(const net::Prefix& prefix, const Peer& peer) const;

  // commands.cc; the answers of show commands are in views.h
  class Views;
  struct Verb;
  static const Verb* FindVerb(const config::ExecLine& line);  // nullptr: none
  void OnCommand(const Command& command);
  void Answer(const Command& command, const Measurements& m);
  show::Document Run(const Command& command, const Measurements& m);
  std::vector<ike::IkeSaId> IkeSasTo(const config::Arg* remote) const;  // nullptr: all
  show::Document ClearIkeSas(const Query& q);
  show::Document ClearIkeStats(const Query& q);
  show::Document ClearNhrp(const Query& q);
  show::Document RekeyIkeSas(const Query& q);
  show::Document RekeyChildSas(const Query& q);
  std::string KeyLogWarning() const;

  // debug_commands.cc
  show::Document TurnDebug(const Query& q);
  absl::Status TurnDebugCondition(const Query& q, bool on);
  void SyncDebugSink();  // the engine tells of its messages only while somebody debugs it

  // debug_lines.cc: called only while somebody debugs
  void Debug(DebugKind kind, const DebugSubject& about, absl::string_view text);
  void OnMessage(const ike::MessageSeen& message) override;
  void OnDropped(absl::string_view reason, const net::Endpoint* remote) override;
  void OnStep(const ike::SessionInfo& about, const ike::Header& header, absl::string_view story) override;
  void DebugIke(const ike::Action& action);
  void DebugSession(ike::IkeSaId id, absl::string_view text);
  void DebugNhrp(const nhrp::Action& action);
  void DebugNhrpPacket(net::PeerId peer, bool received, BytesView packet);
  std::string PeerText(net::PeerId id) const;
  DebugSubject SubjectOf(net::PeerId id) const;  // valid as long as the peer

  // show.cc
  std::vector<show::IkeSaRow> IkeRows(const std::vector<ike::SaInfo>& sas) const;
  std::vector<show::IkeSessionRow> SessionRows() const;

  const config::Interface* FindInterface(const std::string& name) const;
  const config::IkeProfile* ProfileOf(const config::Interface& interface) const;
  const config::IkeProfile* ProfileOf(const std::string& interface) const;  // nullptr: no such interface, or it has none
  Peer* FindPeer(net::PeerId id);
  const Peer* FindPeer(net::PeerId id) const;

  Options options_;
  config::Model model_;
  Pki pki_;
  std::optional<std::pair<crypto::UnixTime, Instant>> time_of_day_;
  Rng& rng_;
  const crypto::Provider& crypto_;
  ike::Endpoint ike_;
  nhrp::Endpoint nhrp_;
  Rib rib_;
  std::map<std::string, AddressPool> pools_, ipv6_pools_;
  std::map<std::string, Tunnel> tunnels_;
  std::map<ike::IkeSaId, Session> sessions_;
  std::map<net::PeerId, Peer> peers_;
  std::map<std::string, net::PeerId> peer_by_key_;
  std::map<net::IpAddress, net::PeerId> peer_by_overlay_;
  std::set<uint32_t> access_numbers_;  // Virtual-Access numbers in use
  uint32_t next_peer_ = 1;
  std::map<ike::ChildId, Child> children_;
  std::map<net::Prefix, net::PeerId> shortcuts_;
  std::map<net::Prefix, Instant> route_since_;
  std::set<net::Prefix> remembered_;  // fallback routes beside those the configuration implies

  const config::KeyCipher* cipher_ = nullptr;
  Restarts restarts_;
  std::optional<Instant> config_changed_at_, tell_at_;
  std::set<ike::IkeSaId> to_tell_;    // sessions to whose peers our routes have to be told anew
  std::vector<std::string> vrf_names_{""};  // by VrfId
  std::optional<ListenIn> listening_;
  std::map<net::IpAddress, std::string> sources_;  // outer addresses in use, with their VRF: one has each
  std::set<std::string> refused_sources_;   // interfaces whose source another VRF has; told once
  std::set<std::string> missing_vrfs_;      // without a device; told once
  // Ends of ours at the interfaces that profiles match (`match address local interface`), by its name there.
  std::map<std::string, std::vector<LocalEnd>> matched_interfaces_;

  LocalNetwork network_;
  bool network_known_ = false;
  std::vector<net::IpAddress> announced_by_name_;  // those of `route set interface IF`
  // What each device of the machine is known by: an address that stays, the same as long as it is there.
  std::map<std::pair<std::string, net::Family>, net::IpAddress> device_addresses_;
  bool ipv6_ = false;  // this kernel has it, and the devices of our tunnels
  dataplane::State want_;    // what should be there
  dataplane::State kernel_;  // what we believe is there: want_ plus orphans of an earlier run
  std::map<std::string, net::PeerId> owner_;  // of objects in want_; 0 = of the node itself
  std::map<net::PeerId, std::set<std::string>> owned_;  // the same, the other way round
  dataplane::Plan plan_;     // not yet handed out
  std::vector<Lingering> lingering_;
  std::vector<Deferred> deferred_;
  std::optional<Instant> orphans_at_;
  std::map<uint64_t, std::set<net::PeerId>> applying_;  // peers an Apply concerns
  uint64_t next_token_ = 1;
  std::map<uint64_t, PendingMeasure> measuring_;

  History<LogLine> log_{500};
  std::set<std::pair<Instant, ike::IkeSaId>> session_ends_;  // by `session-lifetime`
  std::map<net::Prefix, uint32_t> route_metric_;       // of the IKEv2 route that is installed
  History<Failure> failures_{32};
  History<Refusal> refusals_{1};
  uint64_t applied_ = 0;  // changes of the kernel that succeeded
  Performance performance_;
  DebugTable debug_;

  Instant started_{};
  bool started_known_ = false;
  bool stopping_ = false;
  // Valid while an input is handled.
  Instant now_{};
  Actions* out_ = nullptr;
  std::deque<ike::Action> ike_queue_;
  std::deque<nhrp::Action> nhrp_queue_;
};

template <class F>
void Node::Ike(F call) {
  ike::Actions actions;
  call(ike_, actions);
  for (ike::Action& a : actions) ike_queue_.push_back(std::move(a));
}

template <class F>
void Node::Nhrp(F call) {
  nhrp::Actions actions;
  call(nhrp_, actions);
  for (nhrp::Action& a : actions) nhrp_queue_.push_back(std::move(a));
}

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_NODE_H_
