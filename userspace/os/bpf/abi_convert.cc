// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/abi_convert.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

static_assert(static_cast<int>(ABI_IPV4) == AF_INET && static_cast<int>(ABI_IPV6) == AF_INET6);
static_assert(ABI_PEER_MASK == net::kPeerMarkMask && ABI_TCP_MARK == net::kTcpMark);

abi_family FamilyOf(const net::IpAddress& a) { return a.is_v6() ? ABI_IPV6 : ABI_IPV4; }

void Copy(const net::IpAddress& from, uint8_t (&to)[16]) { std::copy(from.raw().begin(), from.raw().end(), to); }

}  // namespace

net::IpAddress FromAbi(abi_family family, const uint8_t (&address)[16]) {
  if (family != ABI_IPV4 && family != ABI_IPV6) return {};
  return net::IpAddress::FromBytes(BytesView(address, family == ABI_IPV6 ? 16 : 4));
}

absl::StatusOr<abi_peer> ToAbi(const dataplane::Peer& peer, uint32_t ifindex) {
  const std::string what = absl::StrCat("peer ", peer.id.value());
  if (!peer.id || peer.id.value() > net::kMaxPeerId) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": id out of range 1..", net::kMaxPeerId));
  }
  if (peer.local.empty() || peer.local.family() != peer.remote.family()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": outer addresses ", peer.local.ToString(), " and ",
                                                   peer.remote.ToString(), " are not of one family"));
  }
  if (ifindex == 0) return absl::InvalidArgumentError(absl::StrCat(what, ": no device"));
  abi_peer value{};
  value.ifindex = ifindex;
  value.family = FamilyOf(peer.local);
  Copy(peer.local, value.local);
  Copy(peer.remote, value.remote);
  value.gre_key = peer.gre_key.value_or(0);
  value.has_key = peer.gre_key.has_value();
  value.network_id = peer.network_id;
  value.redirect = peer.redirect;
  value.adjust_mss = peer.adjust_mss;
  value.in_tcp = peer.in_tcp;
  return value;
}

dataplane::Peer FromAbi(net::PeerId id, const abi_peer& value, const std::string& device) {
  dataplane::Peer peer;
  peer.id = id;
  peer.device = device;
  peer.local = FromAbi(value.family, value.local);
  peer.remote = FromAbi(value.family, value.remote);
  if (value.has_key) peer.gre_key = value.gre_key;
  peer.network_id = value.network_id;
  peer.redirect = value.redirect != 0;
  peer.adjust_mss = value.adjust_mss;
  peer.in_tcp = value.in_tcp != 0;
  return peer;
}

absl::StatusOr<abi_next_hop> ToAbi(uint32_t ifindex, const net::IpAddress& address) {
  if (ifindex == 0 || address.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("next hop ", address.ToString(), ": no address or no device"));
  }
  abi_next_hop key{};
  key.ifindex = ifindex;
  key.family = FamilyOf(address);
  Copy(address, key.address);
  return key;
}

std::optional<BpfEvent> ParseEvent(BytesView record) {
  if (record.size() < sizeof(abi_event)) return std::nullopt;
  abi_event raw;
  std::memcpy(&raw, record.data(), sizeof raw);
  if (raw.caplen > ABI_EVENT_PACKET) return std::nullopt;
  BpfEvent event;
  switch (raw.type) {
    case ABI_EVENT_TRAFFIC_INDICATION:
      event.type = BpfEvent::Type::kTrafficIndication;
      break;
    case ABI_EVENT_UNKNOWN_NEXT_HOP:
      event.type = BpfEvent::Type::kUnknownNextHop;
      break;
    default:
      return std::nullopt;
  }
  event.ingress = net::PeerId(raw.ingress_peer);
  event.egress = net::PeerId(raw.egress_peer);
  event.network_id = raw.network_id;
  event.ifindex = raw.ifindex;
  event.next_hop = FromAbi(raw.next_hop_family, raw.next_hop);
  event.time_ns = raw.time_ns;
  event.packet = record.subspan(offsetof(abi_event, packet), raw.caplen);
  return event;
}

abi_peer_stats Sum(const std::vector<abi_peer_stats>& cpus) {
  abi_peer_stats sum{};
  for (const abi_peer_stats& cpu : cpus) {
    sum.rx_packets += cpu.rx_packets;
    sum.rx_bytes += cpu.rx_bytes;
    sum.tx_packets += cpu.tx_packets;
    sum.tx_bytes += cpu.tx_bytes;
    sum.last_tx_ns = std::max(sum.last_tx_ns, cpu.last_tx_ns);
  }
  return sum;
}

}  // namespace flexvpn::os
