// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC egress on a cloud's GRE device: which peer gets this packet, and so which tunnel endpoint and which SA.
 * Part of flexvpn.bpf.c, which makes one object of both programs.
 */
#include "mss.bpf.h"

#ifndef BPF_F_NO_TUNNEL_KEY
#define BPF_F_NO_TUNNEL_KEY (1ULL << 4) /* Linux 6.2 */
#endif

#define TUNNEL_TTL 255
#define NHRP_TOS 0xc0 /* precedence 6, internetwork control */

/* Peer id for an IP packet by its route; 0 = drop for `reason`. */
static __always_inline __u32 route_to_peer(struct __sk_buff *skb, const struct inner *in, enum abi_drop *reason)
{
	struct abi_next_hop hop = {};
	struct abi_limiter_key key = {};
	struct notice what = {.type = ABI_EVENT_UNKNOWN_NEXT_HOP};
	long r = find_next_hop(skb, in, BPF_FIB_LOOKUP_OUTPUT, &hop);
	__u32 id;

	if (r != BPF_FIB_LKUP_RET_SUCCESS) { /* also multicast: only a default peer can take it */
		*reason = r == BPF_FIB_LKUP_RET_FWD_DISABLED ? ABI_DROP_TX_FORWARDING_OFF : ABI_DROP_TX_NO_ROUTE;
		if (r == BPF_FIB_LKUP_RET_FWD_DISABLED)
			return 0;
		hop.ifindex = skb->ifindex;
		hop.family = in->family;
		return peer_of_next_hop(&hop);
	}
	id = peer_of_next_hop(&hop);
	if (id)
		return id;
	*reason = ABI_DROP_TX_UNKNOWN_NEXT_HOP;
	key.peer = ABI_LIMITER_DEVICE | hop.ifindex;
	key.family = hop.family;
	__builtin_memcpy(key.destination, hop.address, 16);
	notify(skb, in, &hop, &what, &key, unknown_interval_ns);
	return 0;
}

static __always_inline long set_tunnel(struct __sk_buff *skb, const struct abi_peer *peer, __u8 tos, __u8 df)
{
	/* ZERO_CSUM_TX: or the GRE checksum bit is set and peers drop the packet */
	__u64 flags = BPF_F_ZERO_CSUM_TX;
	struct bpf_tunnel_key key = {};

	key.tunnel_ttl = TUNNEL_TTL;
	key.tunnel_tos = tos;
	if (df)
		flags |= BPF_F_DONT_FRAGMENT;
	if (peer->has_key)
		key.tunnel_id = peer->gre_key;
	else
		flags |= BPF_F_NO_TUNNEL_KEY;
	if (peer->family == ABI_IPV6) {
		flags |= BPF_F_TUNINFO_IPV6;
		__builtin_memcpy(key.remote_ipv6, peer->remote, 16);
		__builtin_memcpy(key.local_ipv6, peer->local, 16);
	} else {
		__u32 remote, local;

		__builtin_memcpy(&remote, peer->remote, 4);
		__builtin_memcpy(&local, peer->local, 4);
		key.remote_ipv4 = bpf_ntohl(remote); /* the helper takes IPv4 in host order */
		key.local_ipv4 = bpf_ntohl(local);
	}
	return bpf_skb_set_tunnel_key(skb, &key, sizeof(key), flags);
}

static __always_inline int select_peer(struct __sk_buff *skb)
{
	const int ip = is_ip(skb);
	enum abi_drop reason = ABI_DROP_TX_PROTOCOL;
	struct inner in = {};
	struct abi_peer_stats *stats;
	struct abi_peer *peer;
	__u32 id;

	if (ip) {
		enum parse p = parse_inner(skb, &in);

		if (p != PARSE_OK)
			return drop(p == PARSE_TRUNCATED ? ABI_DROP_TX_TRUNCATED : ABI_DROP_TX_MALFORMED);
		id = route_to_peer(skb, &in, &reason);
		if (!id)
			return drop(reason);
	} else if (skb->protocol == bpf_htons(ABI_ETH_P_NHRP)) { /* the daemon's socket chose by SO_MARK */
		id = skb->mark & ABI_PEER_MASK;
		if (!id)
			return drop(ABI_DROP_TX_NHRP_NO_PEER);
		in.tos = NHRP_TOS;
		in.length = skb->len;
	} else {
		return drop(ABI_DROP_TX_PROTOCOL);
	}

	peer = bpf_map_lookup_elem(&peers, &id);
	if (!peer)
		return drop(ABI_DROP_TX_UNKNOWN_PEER);
	if (peer->ifindex != skb->ifindex)
		return drop(ABI_DROP_TX_WRONG_DEVICE);
	if (peer->adjust_mss && in.protocol == IPPROTO_TCP)
		clamp_mss(skb, in.l4_offset, peer->adjust_mss);
	/* ECN (RFC 6040) is the tunnel device's; an IPv4 packet that may be fragmented may be so outside too. */
	if (set_tunnel(skb, peer, in.tos & 0xfc, in.do_not_fragment))
		return drop(ABI_DROP_TX_TUNNEL_KEY);
	skb->mark = (skb->mark & ~ABI_PEER_MASK) | id;

	stats = bpf_map_lookup_elem(&peer_stats, &id);
	if (stats) {
		stats->tx_packets += segments(skb);
		stats->tx_bytes += in.length;
		if (ip)
			stats->last_tx_ns = bpf_ktime_get_coarse_ns();
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int peer_select(struct __sk_buff *skb)
{
	return select_peer(skb);
}

/* Not attached anywhere: the loader runs them once to learn what this kernel's helpers accept. */
SEC("tc")
int probe_skip_neighbour(struct __sk_buff *skb)
{
	struct bpf_fib_lookup fib = {.family = ABI_IPV4, .ifindex = skb->ifindex};

	return bpf_fib_lookup(skb, &fib, sizeof(fib), BPF_FIB_LOOKUP_SKIP_NEIGH) < 0;
}

SEC("tc")
int probe_no_tunnel_key(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};

	return bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_NO_TUNNEL_KEY) < 0;
}
