// SPDX-License-Identifier: Apache-2.0
// The lines of `debug crypto ikev2` and `debug nhrp`.  Nothing here runs while nobody debugs.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/overloaded.h"
#include "core/dissect/summary.h"
#include "core/nhrp/summary.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

constexpr size_t kMaxLine = 4096;  // octets

std::string Spi(ike::EspSpi spi) { return absl::StrCat("0x", absl::Hex(spi.value(), absl::kZeroPad8)); }

std::string SuiteText(const ike::Suite& s) {
  std::string out = crypto::EncrName(s.encr);
  if (s.encr_key_bits != 0) absl::StrAppend(&out, "-", s.encr_key_bits);
  if (s.integ != crypto::Integ::kNone) absl::StrAppend(&out, " ", crypto::IntegName(s.integ));
  return out;
}

std::string Selectors(const std::vector<ike::TrafficSelector>& list) {
  return absl::StrJoin(list, ",",
                       [](std::string* out, const ike::TrafficSelector& t) { out->append(t.ToString()); });
}

std::string Described(const ike::SessionInfo& s) {
  return absl::StrCat("peer ", s.remote_id.ToString(), ", profile ", s.profile, ", ",
                      s.initiator ? "called by us" : "called by the peer", ", ", SuiteText(s.suite), " ",
                      crypto::PrfName(s.suite.prf), " ", crypto::KeName(s.suite.ke), ", auth local ",
                      s.auth_local, " remote ", s.auth_remote, s.resumed ? ", resumed" : "");
}

std::string Halves(bool inbound, bool outbound) {
  return inbound && outbound ? "" : inbound ? " (inbound half)" : " (outbound half)";
}

}  // namespace

void Node::Debug(DebugKind kind, const DebugSubject& about, absl::string_view text) {
  std::vector<uint64_t> takers = debug_.Takers(kind, about);
  if (takers.empty()) return;
  std::string line = absl::CHexEscape(text.substr(0, kMaxLine));
  out_->push_back(DebugLine{std::move(takers), DebugFacility(kind), std::move(line)});
}

// --- ike::DebugSink
void Node::OnMessage(const ike::MessageSeen& m) {
  const bool received = m.way == ike::MessageSeen::Way::kReceived;
  const DebugSubject about{&m.remote.address, m.profile};
  const bool first = m.header.exchange == ike::ExchangeType::kIkeSaInit && !m.header.is_response();
  if (first && m.way != ike::MessageSeen::Way::kSentAgain)
    Debug(
        DebugKind::kIke, about,
        absl::StrCat(received ? "called by " : "calling ", m.remote.ToString(), ", at ", m.local.ToString()));
  if (debug_.Takers(DebugKind::kIkePacket, about).empty()) return;  // before the work of describing it
  std::string text = received ? "Received " : m.way == ike::MessageSeen::Way::kSent ? "Sent " : "Sent again ";
  absl::StrAppend(&text, received ? dissect::Summarize(m.remote, m.local, m.header)
                                  : dissect::Summarize(m.local, m.remote, m.header));
  if (m.payloads != nullptr) absl::StrAppend(&text, ": ", dissect::Summarize(*m.payloads));
  Debug(DebugKind::kIkePacket, about, text);
}

void Node::OnDropped(absl::string_view reason, const net::Endpoint* remote) {
  if (!debug_.Wants(DebugKind::kIkeError)) return;
  absl::ConsumePrefix(&reason, "drop: ");
  Debug(DebugKind::kIkeError, {remote == nullptr ? nullptr : &remote->address, ""},
        absl::StrCat("dropped", remote == nullptr ? "" : " from " + remote->ToString(), ": ", reason));
}

void Node::OnStep(const ike::SessionInfo& about, const ike::Header& header, absl::string_view story) {
  if (!debug_.Wants(DebugKind::kIkeInternal)) return;
  Debug(DebugKind::kIkeInternal, {&about.remote.address, about.profile},
        absl::StrCat("session ", about.id.value(), " ", about.remote.ToString(), " ",
                     ike::ExchangeName(header.exchange), header.is_response() ? " response " : " request ",
                     header.message_id, ": ", story));
}

// --- sessions
void Node::DebugSession(ike::IkeSaId id, absl::string_view text) {
  const std::optional<ike::SessionInfo> info = ike_.Find(id);
  if (!info) return Debug(DebugKind::kIke, {}, absl::StrCat("session ", id.value(), ": ", text));
  Debug(DebugKind::kIke, {&info->remote.address, info->profile},
        absl::StrCat("session ", id.value(), " ", info->remote.ToString(), ": ", text));
}

void Node::DebugIke(const ike::Action& action) {
  std::visit(
      Overloaded{
          [&](const ike::SessionUp& s) { DebugSession(s.session.id, "up: " + Described(s.session)); },
          [&](const ike::SessionDown& s) {
            const ike::SessionInfo& i = s.session;
            Debug(DebugKind::kIke, {&i.remote.address, i.profile},
                  absl::StrCat("session ", i.id.value(), " ", i.remote.ToString(),
                               s.was_up ? ": ended: " : ": negotiation failed: ", s.reason));
          },
          [&](const ike::ChildUp& c) {
            DebugSession(
                c.child.ike,
                absl::StrCat("Child SA up", Halves(c.inbound, c.outbound), ": SPI in ", Spi(c.child.spi_in),
                             " out ", Spi(c.child.spi_out), ", ", SuiteText(c.child.suite),
                             c.child.transport ? ", transport, " : ", tunnel, ", Selectors(c.child.local_ts),
                             " > ", Selectors(c.child.remote_ts), c.child.udp_encap ? ", in UDP" : ""));
          },
          [&](const ike::ChildDown& c) {
            const auto child = children_.find(c.id);
            DebugSession(
                c.ike,
                absl::StrCat("Child SA gone", Halves(c.inbound, c.outbound),
                             child == children_.end() ? "" : ": SPI in " + Spi(child->second.sa.spi_in)));
          },
          [&](const ike::AddressChanged& c) {
            DebugSession(c.id, absl::StrCat("moved to ", c.local.ToString(), " > ", c.remote.ToString(),
                                            c.udp_encap ? ", ESP in UDP" : ""));
          },
          [&](const ike::ConfigReceived& c) {
            DebugSession(c.id,
                         absl::StrCat("configuration of the peer, ", c.attributes.size(), " attributes"));
          },
          [&](const ike::SessionRekeyed& s) { DebugSession(s.session.id, "IKE SA rekeyed"); },
          [&](const ike::Notice& n) {
            const net::IpAddress& remote = n.about.remote.address;
            Debug(n.level == ike::Notice::Level::kWarning ? DebugKind::kIkeError : DebugKind::kIke,
                  {remote.empty() ? nullptr : &remote, n.about.profile}, n.text);
          },
          [](const auto&) {},  // datagrams are OnMessage's; jobs, fetches and keys are not shown
      },
      action);
}

// --- NHRP
std::string Node::PeerText(net::PeerId id) const {
  const Peer* peer = FindPeer(id);
  return peer == nullptr ? absl::StrCat("peer ", id.value())
                         : absl::StrCat(peer->interface, " (", peer->remote.ToString(), ", ",
                                        peer->remote_protocol.v4().ToString(), ")");
}

DebugSubject Node::SubjectOf(net::PeerId id) const {
  const Peer* peer = FindPeer(id);
  if (peer == nullptr) return {};
  const config::IkeProfile* profile = ProfileOf(peer->config_interface);
  return {&peer->remote, profile == nullptr ? absl::string_view() : absl::string_view(profile->name)};
}

void Node::DebugNhrpPacket(net::PeerId peer, bool received, BytesView packet) {
  Debug(
      DebugKind::kNhrpPacket, SubjectOf(peer),
      absl::StrCat(received ? "Received from " : "Sent to ", PeerText(peer), ": ", nhrp::Summarize(packet)));
}

void Node::DebugNhrp(const nhrp::Action& action) {
  const auto say = [&](const DebugSubject& about, std::string text) { Debug(DebugKind::kNhrp, about, text); };
  std::visit(
      Overloaded{
          [&](const nhrp::SendPacket& p) {
            if (debug_.Wants(DebugKind::kNhrpPacket)) DebugNhrpPacket(p.peer, false, p.packet);
          },
          [&](const nhrp::NeedTunnel& n) {
            say({&n.nbma, {}}, absl::StrCat("a tunnel to ", n.protocol.ToString(), " at ", n.nbma.ToString(), " is needed",
                             n.behind_nat ? ", behind NAT" : ""));
          },
          [&](const nhrp::CancelTunnel&) { say({}, "a tunnel that was asked for is not needed any more"); },
          [&](const nhrp::ShortcutUp& s) {
            say(SubjectOf(s.peer), absl::StrCat("shortcut ", s.prefix.ToString(), " via ", s.next_hop.ToString(), " over ",
                             PeerText(s.peer)));
          },
          [&](const nhrp::ShortcutDown& s) {
            const auto it = shortcuts_.find(s.prefix);
            say(it == shortcuts_.end() ? DebugSubject{} : SubjectOf(it->second),
                absl::StrCat("shortcut ", s.prefix.ToString(), " is gone"));
          },
          [&](const nhrp::PeerAddress& p) {
            say(SubjectOf(p.peer), absl::StrCat(PeerText(p.peer), " has ", p.protocol.ToString()));
          },
          [](const nhrp::QueryTraffic&) {},
          [&](const nhrp::Notice& n) { say({}, n.text); },
      },
      action);
}

}  // namespace flexvpn::node
