// SPDX-License-Identifier: Apache-2.0
// MOBIKE (RFC 4555): sessions whose addresses change.  The original initiator decides and tells with
// UPDATE_SA_ADDRESSES; the responder follows and checks that the peer can really be reached where it says.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kCookieSize = 16;          // 8..64 (§4.2.5)
constexpr size_t kMaxPeerAddresses = 8;     // of those the peer tells, beside the one in use
constexpr Duration kNatCheck = seconds(60); // behind NAT: whether the mapping is still the same

NotifyPayload Status(NotifyType type, Bytes data = {}) { return {ProtocolId::kNone, {}, type, std::move(data)}; }

// Source address, destination address, source port, destination port (§4.2.7).
Bytes NatFreeAddresses(const net::Endpoint& source, const net::Endpoint& destination) {
  ByteWriter w;
  w.Append(source.address.bytes());
  w.Append(destination.address.bytes());
  w.U16(source.port);
  w.U16(destination.port);
  return std::move(w).Release();
}

bool Reachable(const net::IpAddress& a) {
  return a.is_routable();
}

}  // namespace

void Endpoint::Impl::AppendMobike(const Session& session, Payloads& out) {
  out.emplace_back(Status(NotifyType::kMobikeSupported));
  AppendAddresses(session, out);
}

void Endpoint::Impl::AppendAddresses(const Session& session, Payloads& out) {
  bool any = false;
  for (const net::IpAddress& a : session.policy->additional_addresses) {
    if (a == session.info.local.address) continue;
    any = true;
    out.emplace_back(Status(a.is_v6() ? NotifyType::kAdditionalIp6Address : NotifyType::kAdditionalIp4Address,
                            {a.bytes().begin(), a.bytes().end()}));
  }
  if (!any) out.emplace_back(Status(NotifyType::kNoAdditionalAddresses));
}

void Endpoint::Impl::NoteMobike(Session& session, const Payloads& peer) {
  session.info.mobike = session.policy->mobike && FindNotify(peer, NotifyType::kMobikeSupported) != nullptr;
  if (!session.info.mobike) return;
  session.mobility = std::make_unique<Mobility>();
  NotePeerAddresses(session, peer);
}

// A list replaces the one before (§3.6).
bool Endpoint::Impl::NotePeerAddresses(Session& session, const Payloads& payloads) {
  std::vector<net::IpAddress> list;
  bool told = FindNotify(payloads, NotifyType::kNoAdditionalAddresses) != nullptr;
  for (const Payload& p : payloads) {
    const auto* n = std::get_if<NotifyPayload>(&p);
    if (n == nullptr) continue;
    const bool v4 = n->type == NotifyType::kAdditionalIp4Address, v6 = n->type == NotifyType::kAdditionalIp6Address;
    if ((!v4 && !v6) || n->data.size() != (v4 ? 4u : 16u)) continue;
    told = true;
    const net::IpAddress a = net::IpAddress::FromBytes(n->data);
    if (Reachable(a) && list.size() < kMaxPeerAddresses) list.push_back(a);
  }
  if (told) session.mobility->peer_addresses = std::move(list);
  return told;
}

// All of the session that names outer addresses; the node rewrites kernel SAs.  Selectors that are one of the outer
// addresses (GRE) follow in tunnel mode, too, as with strongSwan: a router has no use for an address it lost.
void Endpoint::Impl::Relocate(Session& session, const net::Endpoint& local, const net::Endpoint& remote, Actions& out) {
  const net::IpAddress was_local = session.info.local.address, was_remote = session.info.remote.address;
  session.info.local = local;
  session.info.remote = remote;
  tables_.BindAddress(session);
  const bool encap = Encapsulated(session.info);
  const auto retarget = [](std::vector<TrafficSelector>& list, const net::IpAddress& from, const net::IpAddress& to) {
    for (TrafficSelector& ts : list)
      if (ts.start == from && ts.end == from) ts.start = ts.end = to;
  };
  for (auto& [id, child] : session.children) {
    child.sa.local = local.address, child.sa.remote = remote.address;
    child.sa.local_port = local.port, child.sa.remote_port = remote.port;
    child.sa.udp_encap = encap;
    retarget(child.sa.local_ts, was_local, local.address);
    retarget(child.sa.remote_ts, was_remote, remote.address);
  }
  out.emplace_back(AddressChanged{session.info.id, local, remote, encap});
}

bool Endpoint::Impl::CanMove(const Session& session) const {
  if (!session.up || session.down || !session.info.mobike) return false;
  // RFC 4555 is about tunnel mode.  A transport mode SA moves as well if both ends rewrite it, as ours do.
  const auto& vendors = session.info.vendor_ids;
  if (vendors && std::find(vendors->begin(), vendors->end(), kOwnVendorId) != vendors->end()) return true;
  return std::none_of(session.children.begin(), session.children.end(),
                      [](const auto& c) { return !c.second.gone && c.second.sa.transport; });
}

bool Endpoint::Impl::MoveTo(IkeSaId id, const net::IpAddress& local, Instant now, Actions& out) {
  Session* session = tables_.FindSession(id);
  if (session == nullptr || local.family() != session->info.remote.address.family()) return false;
  if (!CanMove(*session)) {
    if (!session->info.remote.in_tcp()) session->info.local.address = local;  // its Delete can leave from there alone
    return false;
  }
  if (local == session->info.local.address) return true;
  Touch(*session);
  counters_.Add("sessions moved to another address of ours");
  net::Endpoint from = session->info.local;
  from.address = local;
  if (session->info.initiator)
    Move(*session, from, session->info.remote, now, out);
  else
    TellAddress(*session, from, now, out);
  Finish(now, out);
  return true;
}

// As initiator: uses the new pair of addresses at once and tells the peer (§3.5).
void Endpoint::Impl::Move(Session& session, const net::Endpoint& local, const net::Endpoint& remote, Instant now,
                          Actions& out) {
  Relocate(session, local, remote, out);
  IkeSa* sa = Current(session);
  if (sa == nullptr) return;
  for (auto& s : session.sas) s->send.Hasten(now);  // what waits for an answer goes out on the new path
  QueueUpdate(*sa);
}

// As responder: the initiator decides, and learns from this message where it can reach us (§3.6).
void Endpoint::Impl::TellAddress(Session& session, const net::Endpoint& local, Instant now, Actions& out) {
  Relocate(session, local, session.info.remote, out);
  for (auto& s : session.sas) s->send.Hasten(now);
  if (IkeSa* sa = Current(session)) sa->queue.insert(sa->queue.begin(), AddressesOp{});
}

// Before all else that waits: the peer's answers to the rest may depend on it.
void Endpoint::Impl::QueueUpdate(IkeSa& sa) {
  const bool waits = std::any_of(sa.queue.begin(), sa.queue.end(),
                                 [](const Op& op) { return std::holds_alternative<UpdateAddressesOp>(op); });
  if (!waits) sa.queue.insert(sa.queue.begin(), UpdateAddressesOp{});
}

void Endpoint::Impl::AppendUpdate(const IkeSa& sa, UpdateAddressesOp& op, Payloads& out) {
  const Session& session = *sa.session;
  op.local = session.info.local;
  op.remote = session.info.remote;
  out.emplace_back(Status(NotifyType::kUpdateSaAddresses));
  AppendNatDetection(crypto_, rng_, sa.spi_i, sa.spi_r, op.local, op.remote, session.policy->force_encap, out);
}

void Endpoint::Impl::OnUpdateAnswer(IkeSa& sa, const UpdateAddressesOp& op, const Incoming& in) {
  Session& session = *sa.session;
  if (session.down) return;
  const auto refused = [&](const std::string& how) {
    const std::string why = absl::StrCat("peer does not accept our address ", op.local.address.ToString(), ": ", how);
    Warn(session.info, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", why), in.out);
    Close(session, why, false, in.out);
  };
  if (const NotifyPayload* error = FindError(in.payloads)) return refused(NotifyName(error->type));
  const NatFinding nat = DetectNat(crypto_, in.payloads, sa.spi_i, sa.spi_r, in.datagram.local, in.datagram.remote);
  // A peer that detects NAT says in the answer what it sees (§3.5).  libreswan leaves that out where it could not move
  // its SAs, and that is all it says about it.
  if (!nat.supported && session.nat_supported) return refused("no NAT detection in its answer, so it has not moved");
  if (!(op.local == session.info.local) || !(op.remote == session.info.remote)) return QueueUpdate(sa);  // moved again
  session.mobility->paths_tried = 0;
  counters_.Add("address updates confirmed");
  if (!nat.supported) return;
  if (const auto* seen = FindNotify(in.payloads, NotifyType::kNatDetectionDestinationIp)) {
    session.mobility->nat_seen = seen->data;
    session.mobility->nat_seen_on = sa.local_spi;
  }
  ApplyNat(session, nat.local || session.policy->force_encap, nat.remote, in.out);
}

void Endpoint::Impl::ApplyNat(Session& session, bool local, bool remote, Actions& out) {
  if (session.info.nat_local == local && session.info.nat_remote == remote) return;
  session.info.nat_local = local;
  session.info.nat_remote = remote;
  Relocate(session, session.info.local, session.info.remote, out);
}

// MOBIKE's part of an INFORMATIONAL request.  False: the answer is the error in it, and nothing has changed.
bool Endpoint::Impl::OnMobikeRequest(IkeSa& sa, const Incoming& in, Payloads& answer) {
  Session& session = *sa.session;
  if (const auto* cookie = FindNotify(in.payloads, NotifyType::kCookie2))
    if (cookie->data.size() >= 8 && cookie->data.size() <= 64) answer.emplace_back(*cookie);
  const bool told = NotePeerAddresses(session, in.payloads);
  const net::IpAddress& source = in.datagram.remote.address;
  const auto& known = session.mobility->peer_addresses;
  if (told && session.info.initiator && source != session.info.remote.address && CanMove(session) &&
      std::find(known.begin(), known.end(), source) != known.end()) {  // the responder is there now
    counters_.Add("sessions moved to another address of the peer");
    Move(session, in.datagram.local, in.datagram.remote, in.now, in.out);
  }
  const bool update = FindNotify(in.payloads, NotifyType::kUpdateSaAddresses) != nullptr;
  if (update && !FollowPeer(sa, in, answer)) return false;
  if (FindNotify(in.payloads, NotifyType::kNatDetectionSourceIp) != nullptr)
    AppendNatDetection(crypto_, rng_, sa.spi_i, sa.spi_r, in.datagram.local, in.datagram.remote, false, answer);
  return true;
}

bool Endpoint::Impl::FollowPeer(IkeSa& sa, const Incoming& in, Payloads& answer) {
  Session& session = *sa.session;
  const net::Endpoint &local = in.datagram.local, &remote = in.datagram.remote;
  const auto refuse = [&](NotifyType type, const char* counter) {
    counters_.Add(counter);
    answer = {Status(type)};
    return false;
  };
  if (session.info.initiator)
    return refuse(NotifyType::kUnacceptableAddresses, "address updates refused: the peer is not the initiator");
  // With a window above one an older update may come after a newer one: it is answered, no more (§3.5).
  Mobility& m = *session.mobility;
  if (m.update_id && *m.update_id > in.header.message_id && m.update_sa == sa.local_spi) return true;
  const auto* nat_free = FindNotify(in.payloads, NotifyType::kNoNatsAllowed);
  if (nat_free != nullptr && nat_free->data != NatFreeAddresses(remote, local))
    return refuse(NotifyType::kUnexpectedNatDetected, "address updates refused: NAT on the way");
  if (!Reachable(remote.address) || remote.address.family() != session.info.remote.address.family() ||
      !policy_.AcceptsMove(session.info, local, remote))
    return refuse(NotifyType::kUnacceptableAddresses, "address updates refused: address not acceptable");
  m.update_id = in.header.message_id;
  m.update_sa = sa.local_spi;
  const NatFinding nat = DetectNat(crypto_, in.payloads, sa.spi_i, sa.spi_r, local, remote);
  const bool elsewhere = remote.address != session.info.remote.address;
  if (nat.supported) session.info.nat_local = nat.local, session.info.nat_remote = nat.remote;
  counters_.Add("address updates followed");
  Relocate(session, local, remote, in.out);
  if (elsewhere) sa.queue.emplace_back(RoutabilityOp{rng_.Take(kCookieSize)});
  return true;
}

// Return routability (§3.7): whoever answers with the cookie receives at the new address.
void Endpoint::Impl::OnRoutabilityAnswer(IkeSa& sa, const RoutabilityOp& op, const Incoming& in) {
  const auto* cookie = FindNotify(in.payloads, NotifyType::kCookie2);
  if (cookie != nullptr && crypto_.ConstantTimeEqual(cookie->data, op.cookie))
    return counters_.Add("new addresses of peers verified");
  Session& session = *sa.session;
  counters_.Add("new addresses of peers not verified");
  Warn(session.info,
       absl::StrCat("IKEv2: ", PeerName(session.info), " answered the check of its new address with a wrong COOKIE2"),
       in.out);
  Close(session, "its new address could not be verified (COOKIE2)", false, in.out);
}

// The peer is silent: it may be reachable at another address it told us (§3.2).  False: all have been tried.
bool Endpoint::Impl::TryOtherPath(Session& session, Instant now, Actions& out) {
  if (!session.info.initiator || !CanMove(session) || session.mobility->peer_addresses.empty()) return false;
  auto& known = session.mobility->peer_addresses;
  if (std::find(known.begin(), known.end(), session.info.remote.address) == known.end())
    known.push_back(session.info.remote.address);  // may come back
  if (++session.mobility->paths_tried >= known.size()) return false;
  const auto next = std::find_if(known.begin(), known.end(), [&](const auto& a) {
    return a.family() == session.info.remote.address.family() && a != session.info.remote.address;
  });
  if (next == known.end()) return false;
  const net::IpAddress address = *next;
  std::rotate(next, next + 1, known.end());
  counters_.Add("sessions moved to another address of the peer");
  Warn(session.info,
       absl::StrCat("IKEv2: ", PeerName(session.info), " is silent, trying its address ", address.ToString()), out);
  net::Endpoint there = session.info.remote;
  there.address = address;
  Move(session, session.info.local, there, now, out);
  return true;
}

// Behind NAT nobody else would notice that the mapping has changed (§3.8).
void Endpoint::Impl::AppendNatCheck(const IkeSa& sa, Payloads& out) {
  const Session& session = *sa.session;
  if (!session.info.mobike || !session.info.initiator || !session.info.nat_local) return;
  AppendNatDetection(crypto_, rng_, sa.spi_i, sa.spi_r, session.info.local, session.info.remote,
                     session.policy->force_encap, out);
}

void Endpoint::Impl::OnNatCheckAnswer(IkeSa& sa, const Incoming& in) {
  Session& session = *sa.session;
  if (session.down || !session.info.mobike || !session.info.initiator) return;
  const auto* seen = FindNotify(in.payloads, NotifyType::kNatDetectionDestinationIp);
  if (seen == nullptr) return;
  // The hash covers the SPIs: after a rekey of the IKE SA it differs anyway, and is only remembered.
  Mobility& m = *session.mobility;
  const bool changed = m.nat_seen_on == sa.local_spi && m.nat_seen != seen->data;
  m.nat_seen = seen->data;
  m.nat_seen_on = sa.local_spi;
  if (!changed) return;
  counters_.Add("NAT mappings found changed");
  QueueUpdate(sa);
}

std::optional<Instant> Endpoint::Impl::NatCheckDue(const Session& session) const {
  if (!session.up || session.down || !session.info.mobike) return {};
  if (!session.info.initiator || !session.info.nat_local) return {};
  const IkeSa* sa = Current(session);
  if (sa == nullptr || sa->state != IkeState::kEstablished || !sa->send.Idle() || !sa->queue.empty()) return {};
  return session.last_probe + kNatCheck;
}

}  // namespace flexvpn::ike
