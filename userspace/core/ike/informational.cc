// SPDX-License-Identifier: Apache-2.0
// INFORMATIONAL: deletes, liveness, configuration pushed (RFC 7296 §1.4, §1.4.1, §2.4, §3.15).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

void Endpoint::Impl::OnInformationalRequest(IkeSa& sa, const Incoming& in, Request*) {
  Session& session = *sa.session;
  if (FindNotify(in.payloads, NotifyType::kAuthenticationFailed) != nullptr) {
    const char* hint = session.info.auth_local == "PSK"    ? "wrong pre-shared key?"
                       : session.info.auth_local == "NULL" ? "it wants authentication"
                                                           : "does it not know our CA?";
    if (!session.down)
      Warn(session.info,
           absl::StrCat("IKEv2: peer ", PeerName(session.info), " could not authenticate us (AUTHENTICATION_FAILED); ", hint),
           in.out);
    return OnDeleteIke(sa, in, absl::StrCat("peer could not authenticate us; ", hint));
  }
  for (const Payload& p : in.payloads) {
    const auto* del = std::get_if<DeletePayload>(&p);
    if (del != nullptr && del->protocol == ProtocolId::kIke) return OnDeleteIke(sa, in, "deleted by peer");
  }
  Payloads answer;
  if (!session.down) {
    if (session.info.mobike && !OnMobikeRequest(sa, in, answer)) return Respond(ReplyFor(sa, in), answer, in.out);
    NoteWindow(sa, in.payloads);
    NoteQcdToken(sa, in.payloads);
    NoteAuthLifetime(session, in.payloads, in.now);
    if (const auto* redirect = FindNotify(in.payloads, NotifyType::kRedirect); redirect != nullptr && session.info.initiator)
      OnLateRedirect(session, *redirect, in.out);
    if (const auto* lacks = FindNotify(in.payloads, NotifyType::kInvalidSpi)) OnPeerLacksChild(sa, *lacks, in);
    if (!session.info.initiator) AppendTicket(session, sa, in.payloads, in.now, answer);
    for (const Payload& p : in.payloads) {
      if (const auto* del = std::get_if<DeletePayload>(&p)) OnDeleteChildren(sa, *del, in, answer);
      if (const auto* config = std::get_if<ConfigPayload>(&p)) OnPeerConfigSet(sa, *config, in, answer);
    }
  }
  Respond(ReplyFor(sa, in), answer, in.out);
}

void Endpoint::Impl::OnDeleteIke(IkeSa& sa, const Incoming& in, const std::string& reason) {
  Session& session = *sa.session;
  IkeSa* next = sa.successor ? tables_.FindSa(sa.successor) : nullptr;
  const bool was_current = !session.down && session.current == sa.local_spi;
  for (auto& other : session.sas) {  // the loser of two rekeys goes
    if (other->successor != sa.local_spi) continue;
    other->successor = {};
    other->replaced_by_peer = false;
    other->peer_rekey.reset();
    session.switch_at.reset();
  }
  if (was_current && next != nullptr) {
    SwitchTo(session, *next, in.now, in.out);
  } else if (was_current) {
    Down(session, reason, in.out);
    for (auto& other : session.sas) other->gone = other->gone || other.get() != &sa;
  }
  IkeSa* current = Current(session);
  for (Op& op : sa.send.TakeAll()) {  // nothing on this IKE SA will be answered any more
    const bool again = std::holds_alternative<DeleteChildOp>(op) || std::holds_alternative<ConfigSetOp>(op) ||
                       std::holds_alternative<TicketOp>(op) || std::holds_alternative<RekeyChildOp>(op);
    if (again && current != nullptr && current != &sa)
      current->queue.push_back(std::move(op));
    else
      EndOp(sa, op);
    if (const auto* followup = std::get_if<FollowupKeOp>(&op); followup != nullptr && current != nullptr)
      if (const auto* child = std::get_if<RekeyChildOp>(&followup->original)) RetryRekeyChild(session, child->old, in.now);
  }
  for (const Op& op : sa.queue) EndOp(sa, op);
  sa.queue.clear();
  Respond(ReplyFor(sa, in), {}, in.out);
  sa.state = IkeState::kClosed;
  sa.expires = in.now + kAnswerLinger;
}

// INVALID_SPI: the peer got ESP that it has no SA for (§1.5).  On its way since before a rekey or a DELETE it says
// nothing new; else the peer has lost the SA, and a new one takes its place.
void Endpoint::Impl::OnPeerLacksChild(IkeSa& sa, const NotifyPayload& notify, const Incoming& in) {
  if (notify.data.size() != 4 || Current(*sa.session) != &sa) return;
  Child* child = FindChildByPeerSpi(*sa.session, EspSpi(ByteReader(notify.data).U32()));
  if (child == nullptr || child->lost || child->deleting || child->rekeying || child->successor || child->linger_until)
    return;
  counters_.Add("Child SAs the peer has lost");
  child->lost = true;
  StartRekeyChild(*sa.session, *child, in.now, in.out);
}

// A DELETE can overtake the answer that makes the SA (§2.3: no order among exchanges).
void Endpoint::Impl::NoteDeletedEarly(Session& session, EspSpi spi) {
  auto& spis = session.deleted_early;
  if (spis.size() == kMaxDeletedEarly) spis.erase(spis.begin());
  spis.push_back(spi);
}

void Endpoint::Impl::OnDeleteChildren(IkeSa& sa, const DeletePayload& del, const Incoming& in, Payloads& answer) {
  if (del.protocol != ProtocolId::kEsp) return;
  DeletePayload ours{ProtocolId::kEsp, {}};
  for (EspSpi spi : del.spis) {
    Child* child = FindChildByPeerSpi(*sa.session, spi);
    if (child == nullptr && ChildRekeyUnderWay(*sa.session)) NoteDeletedEarly(*sa.session, spi);
    if (child == nullptr) continue;
    const EspSpi own = child->sa.spi_in;
    if (PeerDeletedChild(*sa.session, *child, in.now, in.out)) ours.spis.push_back(own);
  }
  if (!ours.spis.empty()) answer.emplace_back(std::move(ours));
}

void Endpoint::Impl::OnPeerConfigSet(IkeSa& sa, const ConfigPayload& config, const Incoming& in, Payloads& answer) {
  if (config.type != CfgType::kSet) return;
  Session& session = *sa.session;
  const std::vector<ConfigAttribute> accepted = policy_.OnConfigSet(session.info, config.attributes);
  ConfigReceived received{session.info.id, CfgType::kSet, {}};
  for (const ConfigAttribute& a : config.attributes) {
    const bool taken = std::any_of(accepted.begin(), accepted.end(), [&](const ConfigAttribute& r) {
      return r.type == a.type && (r.value.empty() || r.value == a.value);
    });
    if (taken) received.attributes.push_back(a);
  }
  ConfigPayload ack{CfgType::kAck, {}};
  for (const ConfigAttribute& a : received.attributes) ack.attributes.push_back({a.type, {}});  // §3.15: no values
  answer.emplace_back(std::move(ack));
  in.out.emplace_back(std::move(received));
}

void Endpoint::Impl::OnInformationalResponse(IkeSa& sa, const Incoming& in, Request* request) {
  Session& session = *sa.session;
  if (std::holds_alternative<DeleteIkeOp>(request->op())) {
    sa.gone = true;
    return;
  }
  if (std::holds_alternative<ConfigSetOp>(request->op())) ConfigSetDone(session);
  if (const auto* del = std::get_if<DeleteChildOp>(&request->op())) {
    Child* child = FindChild(session, del->child);
    if (child == nullptr) return;
    child->deleting = false;
    if (child->linger_until)  // only now the peer surely sends on the new one
      child->linger_until = in.now + config_.rekeyed_child_linger;
    else
      LowerChild(session, *child, true, true, in.out);
  }
  if (const auto* update = std::get_if<UpdateAddressesOp>(&request->op())) return OnUpdateAnswer(sa, *update, in);
  if (const auto* check = std::get_if<RoutabilityOp>(&request->op())) return OnRoutabilityAnswer(sa, *check, in);
  if (std::holds_alternative<LivenessOp>(request->op())) OnNatCheckAnswer(sa, in);
  if (std::holds_alternative<TicketOp>(request->op())) KeepTicket(session, sa, in.payloads, in.now);
  NoteWindow(sa, in.payloads);
  NoteQcdToken(sa, in.payloads);
}

}  // namespace flexvpn::ike
