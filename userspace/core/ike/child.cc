// SPDX-License-Identifier: Apache-2.0
// Child SAs: what is offered, agreed and installed (RFC 7296 §1.2, §1.3.1, §2.8, §2.9, §2.17, §2.23.1).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/explain.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

using crypto::KeMethod;

constexpr KeMethod kPfsIfAsked[] = {KeMethod::kCurve25519, KeMethod::kEcp256,   KeMethod::kEcp384, KeMethod::kEcp521,
                                    KeMethod::kModp2048,   KeMethod::kModp3072, KeMethod::kModp4096};

Bytes SpiBytes(EspSpi spi) {
  ByteWriter w;
  w.U32(spi.value());
  return std::move(w).Release();
}

EspSpi SpiOf(const Bytes& bytes) { return bytes.size() == 4 ? EspSpi(ByteReader(bytes).U32()) : EspSpi(); }

std::vector<Suite> WithKe(const std::vector<Suite>& suites, std::span<const KeMethod> methods) {
  std::vector<Suite> out;
  for (KeMethod m : methods) {
    for (Suite s : suites) {
      s.ke = m;
      out.push_back(s);
    }
  }
  return out;
}

std::vector<Suite> PfsSuites(const ChildPolicy& policy) {
  const std::vector<Suite> suites = WithKe(policy.proposals, policy.pfs);
  if (policy.additional.empty()) return suites;
  std::vector<Suite> out;
  for (const auto& additional : policy.additional) {
    for (Suite s : suites) {
      s.additional = additional;
      out.push_back(s);
    }
  }
  return out;
}

std::vector<Suite> PlainSuites(const ChildPolicy& policy) {
  static constexpr KeMethod kNoKe[] = {KeMethod::kNone};
  return WithKe(policy.proposals, kNoKe);
}

// GRE headers carry the outer addresses, in tunnel mode too.
bool IsGre(const std::vector<TsPolicy>& policy) {
  return std::all_of(policy.begin(), policy.end(), [](const TsPolicy& p) { return p.protocol == 47; });
}

// With PFS configured it is required; else a peer that asks for it gets it.
std::vector<Suite> ResponderSuites(const ChildPolicy& policy, bool in_auth) {
  if (in_auth) return PlainSuites(policy);
  if (!policy.pfs.empty()) return PfsSuites(policy);
  std::vector<Suite> out = PlainSuites(policy);
  for (const Suite& s : WithKe(policy.proposals, kPfsIfAsked)) out.push_back(s);
  return out;
}

}  // namespace

// `dynamic` selectors: outer addresses for GRE and in transport mode, else internal ones as far as there are any.
net::IpAddress Endpoint::Impl::DynamicLocal(const Session& session, bool transport) const {
  if (transport || IsGre(session.policy->child.local)) return session.info.local.address;
  if (!session.assigned_local.empty()) return session.assigned_local;
  if (session.request) {
    const auto& asked = session.request->config_request;
    if (std::any_of(asked.begin(), asked.end(), [](const auto& a) { return a.type == CfgAttr::kIp4Address; }))
      return {};  // not known yet: offer everything
  }
  return session.info.local.address;
}

net::IpAddress Endpoint::Impl::DynamicRemote(const Session& session, bool transport) const {
  if (transport || IsGre(session.policy->child.remote) || session.assigned_remote.empty())
    return session.info.remote.address;
  return session.assigned_remote;
}

ChildOffer Endpoint::Impl::MakeOffer(const Session& session, bool with_pfs) {
  const ChildPolicy& policy = session.policy->child;
  ChildOffer offer;
  offer.spi = tables_.NewEspSpi(rng_);
  offer.suites = Supported(crypto_, ProtocolId::kEsp,
                           with_pfs && !policy.pfs.empty() ? PfsSuites(policy) : PlainSuites(policy));
  offer.transport = policy.transport;
  offer.tsi = ExpandTs(policy.local, DynamicLocal(session, offer.transport));
  offer.tsr = ExpandTs(policy.remote, DynamicRemote(session, offer.transport));
  if (session.single_pair) {
    offer.tsi.resize(std::min<size_t>(offer.tsi.size(), 1));
    offer.tsr.resize(std::min<size_t>(offer.tsr.size(), 1));
  }
  return offer;
}

void Endpoint::Impl::AppendOffer(const ChildOffer& offer, Payloads& out) const {
  if (offer.transport) out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kUseTransportMode, {}});
  out.emplace_back(BuildSa(ProtocolId::kEsp, SpiBytes(offer.spi), offer.suites));
  out.emplace_back(TsPayload{true, offer.tsi});
  out.emplace_back(TsPayload{false, offer.tsr});
}

void Endpoint::Impl::AppendChildAnswer(const ChildAgreement& a, EspSpi spi_in, Payloads& out) const {
  if (a.transport) out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kUseTransportMode, {}});
  if (a.more) out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAdditionalTsPossible, {}});
  Proposal proposal = a.choice.proposal;
  proposal.spi = SpiBytes(spi_in);
  out.emplace_back(SaPayload{{std::move(proposal)}});
  out.emplace_back(TsPayload{true, a.tsi});
  out.emplace_back(TsPayload{false, a.tsr});
}

std::variant<Endpoint::Impl::ChildAgreement, Endpoint::Impl::Refusal> Endpoint::Impl::SelectChild(
    const Session& session, const Payloads& payloads, bool in_auth) {
  const ChildPolicy& policy = session.policy->child;
  const auto* offer = ike::Find<SaPayload>(payloads);
  const TsPayload* tsi = FindTs(payloads, true);
  const TsPayload* tsr = FindTs(payloads, false);
  if (offer == nullptr || tsi == nullptr || tsr == nullptr)
    return Refusal{NotifyType::kInvalidSyntax, {}, "SA or traffic selectors are missing", {}};
  const auto* ke = in_auth ? nullptr : ike::Find<KePayload>(payloads);
  const std::vector<Suite> own = Supported(crypto_, ProtocolId::kEsp, ResponderSuites(policy, in_auth));
  const auto choice = SelectSuite(ProtocolId::kEsp, own, *offer,
                                  {.ignore_ke = in_auth, .prefer_ke = ke != nullptr ? ke->method : KeMethod::kNone});
  if (!choice)
    return Refusal{NotifyType::kNoProposalChosen, {}, absl::StrCat("no common IPsec proposal: ",
                   OfferedAndWanted(DescribeOffer(*offer), DescribeSuites(ProtocolId::kEsp, own))), {}};
  ChildAgreement agreed;
  agreed.choice = *choice;
  agreed.spi_out = SpiOf(choice->proposal.spi);
  if (agreed.spi_out.value() < 256) return Refusal{NotifyType::kNoProposalChosen, {}, "reserved ESP SPI", {}};
  if (choice->suite.ke != KeMethod::kNone && (ke == nullptr || ke->method != choice->suite.ke)) {
    ByteWriter w;
    w.U16(static_cast<uint16_t>(choice->suite.ke));
    return Refusal{NotifyType::kInvalidKePayload, std::move(w).Release(), "another group is wanted", {}};
  }
  agreed.transport = policy.transport && FindNotify(payloads, NotifyType::kUseTransportMode) != nullptr;
  if (!agreed.transport && !policy.tunnel)
    return Refusal{NotifyType::kNoProposalChosen, {}, "peer asks for tunnel mode, only transport mode is configured", {}};

  std::vector<TrafficSelector> theirs = tsi->selectors, ours = tsr->selectors;
  TsNatMap map_i, map_r;
  if (agreed.transport && session.info.nat_remote) map_i.Apply(theirs, session.info.remote.address);
  if (agreed.transport && session.info.nat_local) map_r.Apply(ours, session.info.local.address);
  const auto own_local = ExpandTs(policy.local, DynamicLocal(session, agreed.transport));
  const auto own_remote = ExpandTs(policy.remote, DynamicRemote(session, agreed.transport));
  agreed.local_ts = NarrowTs(own_local, ours);
  agreed.remote_ts = NarrowTs(own_remote, theirs);
  if (agreed.local_ts.empty() || agreed.remote_ts.empty())
    return Refusal{NotifyType::kTsUnacceptable, {}, absl::StrCat("traffic selectors do not meet ours: ",
                   OfferedAndWanted(absl::StrCat(DescribeSelectors(theirs), " > ", DescribeSelectors(ours)),
                                    absl::StrCat(DescribeSelectors(own_remote), " > ", DescribeSelectors(own_local)))), {}};
  agreed.more = agreed.local_ts.size() == kMaxSelectors || agreed.remote_ts.size() == kMaxSelectors;
  agreed.tsi = agreed.remote_ts;
  agreed.tsr = agreed.local_ts;
  map_i.Undo(agreed.tsi);
  map_r.Undo(agreed.tsr);
  return agreed;
}

absl::StatusOr<Endpoint::Impl::ChildParams> Endpoint::Impl::AcceptChild(const Session& session,
                                                                        const ChildOffer& offer,
                                                                        const Payloads& payloads) {
  const auto* answer = ike::Find<SaPayload>(payloads);
  const TsPayload* tsi = FindTs(payloads, true);
  const TsPayload* tsr = FindTs(payloads, false);
  if (answer == nullptr) {
    const NotifyPayload* error = FindError(payloads);
    return absl::FailedPreconditionError(
        error != nullptr ? absl::StrCat("peer answered ", NotifyName(error->type)) : "answer without an SA payload");
  }
  if (tsi == nullptr || tsr == nullptr) return absl::InvalidArgumentError("answer without traffic selectors");
  const auto choice = ParseChosen(ProtocolId::kEsp, *answer, offer.suites);
  if (!choice) return absl::InvalidArgumentError("peer chose a proposal that was not offered");
  ChildParams params;
  params.suite = choice->suite;
  params.spi_in = offer.spi;
  params.spi_out = SpiOf(choice->proposal.spi);
  if (params.spi_out.value() < 256) return absl::InvalidArgumentError("peer chose a reserved ESP SPI");
  params.initiator = true;
  params.transport = offer.transport && FindNotify(payloads, NotifyType::kUseTransportMode) != nullptr;
  if (!params.transport && !session.policy->child.tunnel)
    return absl::FailedPreconditionError("peer insists on tunnel mode, only transport mode is configured");
  if (FindNotify(payloads, NotifyType::kAdditionalTsPossible) != nullptr)
    counters_.Add("answers with ADDITIONAL_TS_POSSIBLE");
  params.local_ts = tsi->selectors;
  params.remote_ts = tsr->selectors;
  // §2.23.1: the peer may answer with addresses as it sees them; what counts are those of the IKE SA.
  TsNatMap map_i, map_r;
  if (params.transport && session.info.nat_local) map_i.Apply(params.local_ts, session.info.local.address);
  if (params.transport && session.info.nat_remote) map_r.Apply(params.remote_ts, session.info.remote.address);
  if (!WithinTs(params.local_ts, offer.tsi) || !WithinTs(params.remote_ts, offer.tsr))
    return absl::InvalidArgumentError("peer answered with traffic selectors outside of ours");
  return params;
}

Child& Endpoint::Impl::AddChild(Session& session, const IkeSa& on, const ChildParams& params, Instant now) {
  ChildKeys keys = DeriveChildKeys(crypto_, on.suite.prf, on.keys.sk_d, params.suite, params.shared, params.nonce_i,
                                   params.nonce_r, params.additional);
  const ChildId id = tables_.NewChildId(session.info.id);
  Child& child = session.children[id];
  child.created = now;
  ChildSa& sa = child.sa;
  sa.id = id;
  sa.ike = session.info.id;
  sa.spi_in = params.spi_in;
  sa.spi_out = params.spi_out;
  sa.suite = params.suite;
  sa.transport = params.transport;
  sa.initiator = params.initiator;
  sa.encr_out = std::move(params.initiator ? keys.encr_i : keys.encr_r);
  sa.integ_out = std::move(params.initiator ? keys.integ_i : keys.integ_r);
  sa.encr_in = std::move(params.initiator ? keys.encr_r : keys.encr_i);
  sa.integ_in = std::move(params.initiator ? keys.integ_r : keys.integ_i);
  sa.local_ts = params.local_ts;
  sa.remote_ts = params.remote_ts;
  sa.local = session.info.local.address;
  sa.remote = session.info.remote.address;
  sa.udp_encap = Encapsulated(session.info);
  sa.local_port = session.info.local.port;
  sa.remote_port = session.info.remote.port;
  sa.replay_window = session.policy->child.replay_window;
  sa.replaces = params.replaces;
  sa.lifetime = session.policy->child.lifetime;
  if (sa.lifetime > seconds(0)) {
    child.soft = now + SoftLifetime(sa.lifetime);
    child.hard = now + sa.lifetime;
  }
  if (const uint64_t volume = session.policy->child.lifetime_bytes; volume != 0) {
    sa.soft_bytes = volume / 1000 * SoftPermille();
    sa.hard_bytes = volume;
  }
  counters_.Add("Child SAs created");
  return child;
}

void Endpoint::Impl::RaiseChild(Child& child, bool inbound, bool outbound, Actions& out) {
  inbound = inbound && !child.inbound;
  outbound = outbound && !child.outbound;
  if (child.gone || child.linger_until || (!inbound && !outbound)) return;  // what ends does not come back
  child.inbound = child.inbound || inbound;
  child.outbound = child.outbound || outbound;
  out.emplace_back(ChildUp{child.sa, inbound, outbound});
  if (child.inbound && child.outbound)
    child.sa.encr_in = child.sa.integ_in = child.sa.encr_out = child.sa.integ_out = {};
}

void Endpoint::Impl::LowerChild(Session& session, Child& child, bool inbound, bool outbound, Actions& out) {
  inbound = inbound && child.inbound;
  outbound = outbound && child.outbound;
  if (child.gone) return;
  if (inbound || outbound) out.emplace_back(ChildDown{child.sa.id, session.info.id, inbound, outbound});
  child.inbound = child.inbound && !inbound;
  child.outbound = child.outbound && !outbound;
  if (!child.inbound && !child.outbound) child.gone = true;
}

Child* Endpoint::Impl::FindChild(Session& session, ChildId id) const {
  auto it = session.children.find(id);
  return it == session.children.end() || it->second.gone ? nullptr : &it->second;
}

Child* Endpoint::Impl::FindChildByPeerSpi(Session& session, EspSpi spi) const {
  for (auto& [id, child] : session.children)
    if (!child.gone && child.sa.spi_out == spi) return &child;
  return nullptr;
}

// Outbound is over; what is on its way in still arrives.
void Endpoint::Impl::LetLinger(Session& session, Child& child, Instant now, Actions& out) {
  LowerChild(session, child, false, true, out);
  child.soft.reset();
  child.hard.reset();
  child.outbound_at.reset();
  if (!child.linger_until) child.linger_until = now + config_.rekeyed_child_linger;
}

void Endpoint::Impl::QueueDelete(Session& session, Child& child) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || child.deleting) return;
  // Not while our rekey of it is unanswered: to the peer the DELETE says that we receive on the new SA (§2.8).
  child.ending = child.rekeying;
  if (child.ending) return;
  child.deleting = true;
  sa->queue.emplace_back(DeleteChildOp{child.sa.id, child.sa.spi_in});
}

// True if the answer names our half too; not when our own DELETE for it is under way (§1.4.1).
bool Endpoint::Impl::PeerDeletedChild(Session& session, Child& child, Instant now, Actions& out) {
  const bool answer = !child.deleting;
  Child* next = child.successor ? FindChild(session, child.successor) : nullptr;
  if (next != nullptr) {  // rekeyed: from now on the peer surely receives the new one
    next->outbound_at.reset();
    RaiseChild(*next, false, true, out);
    LetLinger(session, child, now, out);
    return answer;
  }
  const ChildId id = child.sa.id;
  if (!child.linger_until) LowerChild(session, child, true, true, out);
  for (auto& [other_id, other] : session.children) {  // it was the loser of two rekeys
    if (other.successor != id) continue;
    other.successor = {};
    for (auto& [c, candidate] : session.children)
      if (!candidate.gone && !candidate.deleting && candidate.sa.replaces == other_id) other.successor = c;
  }
  return answer;
}

}  // namespace flexvpn::ike
