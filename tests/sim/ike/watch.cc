// SPDX-License-Identifier: Apache-2.0
#include "sim/ike/watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/ike/digest.h"

namespace flexvpn::ike::sim {
namespace {

constexpr Duration kResponderTimer =
    seconds(30);  // a responder uses a rekeyed SA then even without the DELETE
constexpr Duration kJumpGrace = seconds(60);

std::string Name(Life life) { return absl::StrCat("n", life.node, life.generation == 0 ? "" : "'"); }
std::string Name(EspSpi spi) { return absl::StrCat(absl::Hex(spi.value(), absl::kZeroPad8)); }

Bytes Tag(const ChildSa& sa, bool outbound) {
  Bytes key(outbound ? sa.encr_out.begin() : sa.encr_in.begin(),
            outbound ? sa.encr_out.end() : sa.encr_in.end());
  const SecretBytes& integ = outbound ? sa.integ_out : sa.integ_in;
  key.insert(key.end(), integ.begin(), integ.end());
  return key;
}

}  // namespace

void Watch::Sent(size_t node, BytesView datagram) {
  if (datagram.size() < kHeaderSize + 12 || datagram[18] == static_cast<uint8_t>(ExchangeType::kIkeSaInit))
    return;
  const bool fragment = datagram[16] == static_cast<uint8_t>(PayloadType::kEncryptedFragment);
  const uint64_t whole = Digest().Add(datagram).value();
  Digest sa;
  sa.Add(datagram.first(16)).Add(datagram[19] & kFlagInitiator);
  Digest message = sa;
  message.Add(datagram[19] & kFlagResponse).Add(datagram.subspan(20, 4));
  if (fragment) message.Add(datagram.subspan(kHeaderSize + 4, 2));
  const auto [seen, fresh] = octets_.emplace(message.value(), whole);
  if (!fresh && seen->second != whole)
    Violate(absl::StrCat("n", node, " used message id ", ByteReader(datagram.subspan(20, 4)).U32(),
                         (datagram[19] & kFlagResponse) != 0 ? " of an answer" : " of a request",
                         " for other octets"));
  if (!fresh) return;
  const uint64_t iv = sa.Add(datagram.subspan(kHeaderSize + (fragment ? 8 : 4), 8)).value();
  if (!ivs_.emplace(iv, whole).second) Violate(absl::StrCat("n", node, " used an IV twice under one key"));
}

void Watch::Died(Life life) {
  for (auto& [key, up] : sessions_)
    if (key.first == life) up = false;
  for (auto& [key, flow] : flows_) {
    if (flow.sender.life == life) flow.sender.installed = false;
    if (flow.receiver.life == life) flow.receiver.installed = false;
  }
  std::erase_if(outbound_, [&](const auto& o) { return o.first.first == life; });
}

Watch::Flow* Watch::Used(Life life, IkeSaId session) {
  auto it = outbound_.find({life, session});
  return it == outbound_.end() || it->second.empty() ? nullptr : it->second.back();
}

bool Watch::Up(const End& end) const {
  if (!end.known) return false;
  auto it = sessions_.find({end.life, end.session});
  return it != sessions_.end() && it->second;
}

Watch::Flow& Watch::Join(Life life, const ChildSa& sa, bool sender, Instant now) {
  Flow& flow = flows_[Tag(sa, sender)];
  End& end = sender ? flow.sender : flow.receiver;
  const EspSpi spi = sender ? sa.spi_out : sa.spi_in;
  if (end.known)
    Violate(absl::StrCat(Name(life), ": keys of SA ", Name(spi), " are those of an earlier one"));
  if (flow.spi && flow.spi != spi)
    Violate(absl::StrCat("SPIs of one SA disagree: ", Name(flow.spi), " and ", Name(spi)));
  flow.spi = spi;
  end.known = end.installed = true;
  end.life = life;
  end.session = sa.ike;
  end.child = sa.id;
  end.source = sender ? sa.local_ts : sa.remote_ts;
  end.destination = sender ? sa.remote_ts : sa.local_ts;
  end.since = now;
  const Instant created = created_.emplace(std::pair(life, sa.id), now).first->second;
  end.expires = sa.lifetime > seconds(0) ? created + sa.lifetime : Instant::max();
  flow.rekey = flow.rekey || sa.replaces;
  flow.nat = flow.nat || sa.udp_encap;
  CheckAgreement(flow);
  return flow;
}

void Watch::CheckAgreement(const Flow& flow) {
  if (!flow.sender.known || !flow.receiver.known) return;
  if (flow.sender.life == flow.receiver.life)
    Violate(absl::StrCat("SA ", Name(flow.spi), " has one key for both ways"));
  const bool selectors =
      flow.sender.source == flow.receiver.source && flow.sender.destination == flow.receiver.destination;
  if (!flow.nat && !selectors) Violate(absl::StrCat("selectors of SA ", Name(flow.spi), " differ"));
}

void Watch::ChildUp(Life life, const ike::ChildUp& up, Instant now) {
  auto& [in, out] = children_[{life, up.child.id}];
  if (up.inbound) in = &Join(life, up.child, false, now);
  if (!up.outbound) return;
  Flow& flow = Join(life, up.child, true, now);
  out = &flow;
  Flow* before = Used(life, up.child.ike);
  if (before != nullptr) before->last_used = now;
  outbound_[{life, up.child.ike}].push_back(&flow);
  const bool by_timer = in != nullptr && now - in->receiver.since >= kResponderTimer;
  const bool old_expired = before != nullptr && now >= before->sender.expires;
  if (!flow.receiver.installed && (flow.rekey || flow.receiver.known) && !by_timer && !old_expired)
    Suspect(flow, flow.receiver.known || before == nullptr ? flow.receiver : before->receiver,
            absl::StrCat(Name(life), " sends on SA ", Name(flow.spi), " before its peer can receive"), now);
}

void Watch::ChildDown(Life life, const ike::ChildDown& down, Instant now) {
  auto it = children_.find({life, down.id});
  if (it == children_.end()) return Violate(absl::StrCat(Name(life), " ends a Child SA that never was"));
  auto [in, out] = it->second;
  if (down.outbound && out == nullptr)
    Violate(absl::StrCat(Name(life), " ends an outbound SA that never was"));
  if (down.outbound && out != nullptr) {
    if (!std::exchange(out->sender.installed, false))
      Violate(absl::StrCat(Name(life), " ends an outbound SA twice"));
    auto& list = outbound_[{life, down.ike}];
    if (!list.empty() && list.back() == out) out->last_used = now;
    std::erase(list, out);
    if (list.empty()) outbound_.erase({life, down.ike});
  }
  if (!down.inbound) return;
  if (in == nullptr) return Violate(absl::StrCat(Name(life), " ends an inbound SA that never was"));
  if (!std::exchange(in->receiver.installed, false))
    Violate(absl::StrCat(Name(life), " ends an inbound SA twice"));
  if (!in->sender.known) return;
  const std::string what =
      absl::StrCat(Name(life), " ends inbound SA ", Name(in->spi), " while ", Name(in->sender.life));
  if (Used(in->sender.life, in->sender.session) == in)
    Suspect(*in, in->receiver, absl::StrCat(what, " sends on it"), now);
  else if (Used(in->sender.life, in->sender.session) != nullptr && now - in->last_used < flight_)  // replaced, not ended
    Suspect(*in, in->receiver, absl::StrCat(what, "'s packets are under way"), now);
}

void Watch::Suspect(const Flow& flow, const End& receiver, const std::string& what, Instant now) {
  if (jumped_ != Instant{} && now - jumped_ < kJumpGrace) return;
  const bool expired = now >= std::min(flow.sender.expires, flow.receiver.expires);
  if (expired)
    ++expired_breaks_;
  else
    breaks_.push_back({flow.sender, receiver, what});
}

void Watch::EndEvent() {
  for (const Break& b : breaks_)
    if (Up(b.sender) && Up(b.receiver)) Violate(b.what);
  breaks_.clear();
}

size_t Watch::Installed(Life life) const {
  size_t n = 0;
  for (const auto& [key, flow] : flows_) {
    n += flow.sender.installed && flow.sender.life == life;
    n += flow.receiver.installed && flow.receiver.life == life;
  }
  return n;
}

}  // namespace flexvpn::ike::sim
