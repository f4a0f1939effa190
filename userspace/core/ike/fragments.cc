// SPDX-License-Identifier: Apache-2.0
// Message fragmentation in the endpoint (RFC 7383): agreed in IKE_SA_INIT, used for whatever does not fit the MTU.
#include "core/ike/machine.h"

namespace flexvpn::ike {

void Endpoint::Impl::AppendFragmentation(Payloads& out) const {
  if (config_.fragmentation_mtu == 0) return;
  out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kIkev2FragmentationSupported, {}});
}

bool Endpoint::Impl::AgreesFragmentation(const Payloads& peer) const {
  return config_.fragmentation_mtu != 0 && FindNotify(peer, NotifyType::kIkev2FragmentationSupported) != nullptr;
}

absl::StatusOr<WireMessage> Endpoint::Impl::ProtectMessage(IkeSa& sa, const Header& header, const Payloads& payloads,
                                                           const net::Endpoint& local) {
  const bool fragment = sa.session->info.fragmentation && config_.fragmentation_mtu != 0 && !local.in_tcp();
  const size_t space =
      fragment ? IkeSpace(config_.fragmentation_mtu, local.address.family(), local.port == kNatTPort) : 0;
  auto wire = ProtectWithin(crypto_, sa.send_keys(), header, EncodePlain(payloads), space, sa.protected_messages, rng_);
  if (wire.ok() && wire->size() > 1) {
    counters_.Add("messages sent in fragments");
    counters_.Add("fragments sent", wire->size());
  }
  return wire;
}

// Cheap refusals first; an authentic fragment is kept, the last one gives the message.
std::optional<Reassembly::Whole> Endpoint::Impl::OpenFragments(IkeSa& sa, const Datagram& d, const Header& h,
                                                               uint64_t fingerprint, Instant now) {
  const auto refuse = [this](const char* reason) {
    Drop(reason);
    return std::nullopt;
  };
  if (!sa.session->info.fragmentation) return refuse("drop: fragment, but fragmentation is not agreed");
  const auto fragment = DecodeFragmentHeader(d.bytes);
  if (!fragment.ok()) return refuse("drop: malformed fragment");
  if (sa.reassembly)
    if (const char* reason = sa.reassembly->Refuse(h, *fragment)) return refuse(reason);
  auto content = OpenFragment(crypto_, sa.receive_keys(), d.bytes);
  if (!content.ok()) return refuse("drop: integrity check of a fragment failed");
  counters_.Add("fragments received");
  Touch(*sa.session);  // it has a deadline
  if (!sa.reassembly) sa.reassembly = std::make_unique<Reassembly>(reassembly_memory_);
  auto outcome = sa.reassembly->Add(h, *fragment, *std::move(content), fingerprint, !sa.session->up, now);
  if (sa.reassembly->empty()) sa.reassembly.reset();
  if (outcome.dropped != nullptr) Drop(outcome.dropped);
  if (outcome.whole) counters_.Add("messages put together from fragments");
  return std::move(outcome.whole);
}

// A fragment of a request that is complete.  Of a retransmission in the same fragments the first one is answered as a
// repeated request is; here the peer has divided its request anew, and its first fragment counts alike (§2.6.1).
void Endpoint::Impl::RepeatAnswer(IkeSa& sa, const Datagram& d, const Header& h, Actions& out) {
  const WireMessage& answer = sa.receive.Answer(h.message_id);
  const auto fragment = DecodeFragmentHeader(d.bytes);
  if (answer.empty() || !fragment.ok() || fragment->number != 1) return Drop("drop: fragment of a complete request");
  if (!OpenFragment(crypto_, sa.receive_keys(), d.bytes).ok()) return Drop("drop: integrity check of a fragment failed");
  counters_.Add("requests answered from cache");
  SendTo(d.local, d.remote, answer, out);
}

void Endpoint::Impl::ExpireFragments(IkeSa& sa, Instant now) {
  if (!sa.reassembly) return;
  if (const size_t n = sa.reassembly->Expire(now); n != 0) counters_.Add("incomplete fragmented messages given up", n);
  if (sa.reassembly->empty()) sa.reassembly.reset();
}

}  // namespace flexvpn::ike
