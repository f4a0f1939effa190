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

/* What the tunnel device needs of a peer, in the form bpf_skb_set_tunnel_key takes. */
static __always_inline void fill_tunnel(struct abi_selection *s, const struct abi_peer *peer)
{
	struct bpf_tunnel_key *key = (struct bpf_tunnel_key *)s->tunnel_key;

	_Static_assert(sizeof(s->tunnel_key) == sizeof(struct bpf_tunnel_key), "abi_selection.tunnel_key");
	__builtin_memset(key, 0, sizeof(*key));
	key->tunnel_ttl = TUNNEL_TTL;
	/* ZERO_CSUM_TX: or the GRE checksum bit is set and peers drop the packet */
	s->tunnel_flags = BPF_F_ZERO_CSUM_TX;
	if (peer->has_key)
		key->tunnel_id = peer->gre_key;
	else
		s->tunnel_flags |= BPF_F_NO_TUNNEL_KEY;
	if (peer->family == ABI_IPV6) {
		s->tunnel_flags |= BPF_F_TUNINFO_IPV6;
		__builtin_memcpy(key->remote_ipv6, peer->remote, 16);
		__builtin_memcpy(key->local_ipv6, peer->local, 16);
	} else {
		__u32 remote, local;

		__builtin_memcpy(&remote, peer->remote, 4);
		__builtin_memcpy(&local, peer->local, 4);
		key->remote_ipv4 = bpf_ntohl(remote); /* the helper takes IPv4 in host order */
		key->local_ipv4 = bpf_ntohl(local);
	}
	s->adjust_mss = peer->adjust_mss;
	s->stats_slot = peer->stats_slot;
	s->tcp_mark = peer->in_tcp ? ABI_TCP_MARK : 0;
}

/* Fills `s` for peer `id`, or gives the reason why that peer cannot be used. */
static __always_inline int use_peer(struct __sk_buff *skb, __u32 id, struct abi_selection *s, enum abi_drop *reason)
{
	struct abi_peer *peer = bpf_map_lookup_elem(&peers, &id);

	s->peer = 0; /* no other program of this CPU sees a half-filled entry, but an early return must not leave one */
	*reason = ABI_DROP_TX_UNKNOWN_PEER;
	if (!peer)
		return 0;
	*reason = ABI_DROP_TX_WRONG_DEVICE;
	if (peer->ifindex != skb->ifindex)
		return 0;
	fill_tunnel(s, peer);
	s->peer = id;
	return 1;
}

/* Sends the packet to the peer of `s`. */
static __always_inline int send(struct __sk_buff *skb, const struct inner *in, struct abi_selection *s)
{
	struct bpf_tunnel_key *key = (struct bpf_tunnel_key *)s->tunnel_key;
	__u32 slot = s->stats_slot, now = (__u32)bpf_jiffies64();
	struct abi_peer_stats *stats;

	if (s->adjust_mss && in->protocol == IPPROTO_TCP)
		clamp_mss(skb, in->l4_offset, s->adjust_mss);
	key->tunnel_tos = in->tos & TOS_WITHOUT_ECN; /* ECN (RFC 6040) is the tunnel device's */
	/* An IPv4 packet that may be fragmented may be so outside too. */
	if (bpf_skb_set_tunnel_key(skb, key, sizeof(*key),
				   s->tunnel_flags | (in->do_not_fragment ? BPF_F_DONT_FRAGMENT : 0)))
		return drop(ABI_DROP_TX_TUNNEL_KEY);
	skb->mark = (skb->mark & ~(ABI_PEER_MASK | ABI_TCP_MARK)) | s->peer | s->tcp_mark;

	stats = bpf_map_lookup_elem(&peer_stats, &slot);
	if (!stats)
		return TC_ACT_UNSPEC;
	stats->tx_packets += segments(skb);
	stats->tx_bytes += in->length;
	if (in->family && (stats->last_tx_jiffies != now || !stats->last_tx_ns)) {
		stats->last_tx_jiffies = now;
		stats->last_tx_ns = bpf_ktime_get_coarse_ns();
	}
	return TC_ACT_UNSPEC;
}

/* NHRP of the daemon's packet socket, which chose the peer by SO_MARK. */
static __always_inline int send_nhrp(struct __sk_buff *skb)
{
	struct inner in = {.tos = NHRP_TOS, .length = skb->len};
	struct abi_selection s = {};
	__u32 id = skb->mark & ABI_PEER_MASK;
	enum abi_drop reason;

	if (!id)
		return drop(ABI_DROP_TX_NHRP_NO_PEER);
	if (!use_peer(skb, id, &s, &reason))
		return drop(reason);
	return send(skb, &in, &s);
}

static __always_inline int selected(const struct abi_selection *s, struct __sk_buff *skb, const struct inner *in,
				    const int v4)
{
	return s->peer && s->ifindex == skb->ifindex && s->generation == generation && !expired(s->expiry) &&
	       s->family == in->family && s->tos == (in->tos & TOS_WITHOUT_ECN) &&
	       same_address(s->destination, in->destination, v4) && same_address(s->source, in->source, v4);
}

static __always_inline int send_ip(struct __sk_buff *skb, const int v4)
{
	__u32 current_generation = generation; /* read before the maps */
	enum abi_drop reason;
	struct inner in;
	struct abi_selection *s;
	enum parse p;
	__u32 slot, id;

	p = parse_inner(skb, &in, v4, 0);
	if (p != PARSE_OK)
		return drop(p == PARSE_TRUNCATED ? ABI_DROP_TX_TRUNCATED : ABI_DROP_TX_MALFORMED);

	slot = cache_slot(fold(in.destination, v4) ^ fold(in.source, v4) >> 3);
	s = bpf_map_lookup_elem(&selections, &slot);
	if (!s)
		return drop(ABI_DROP_TX_NO_ROUTE); /* never: the slot is in range */
	if (!selected(s, skb, &in, v4)) {
		id = route_to_peer(skb, &in, &reason);
		if (!id || !use_peer(skb, id, s, &reason))
			return drop(reason);
		s->ifindex = skb->ifindex;
		s->generation = current_generation;
		s->expiry = (__u32)bpf_jiffies64() + selection_jiffies;
		s->family = (__u8)in.family;
		s->tos = in.tos & TOS_WITHOUT_ECN;
		__builtin_memcpy(s->source, in.source, 16);
		__builtin_memcpy(s->destination, in.destination, 16);
	}
	return send(skb, &in, s);
}

static __always_inline int select_peer(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return send_ip(skb, 1);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return send_ip(skb, 0);
	return skb->protocol == bpf_htons(ABI_ETH_P_NHRP) ? send_nhrp(skb) : drop(ABI_DROP_TX_PROTOCOL);
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
