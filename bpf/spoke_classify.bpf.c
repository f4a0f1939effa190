// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC ingress on a cloud's GRE device: nothing enters but through an SA of ours, and the daemon learns of traffic
 * that goes from one peer to another and so wants a shortcut.
 * Part of flexvpn.bpf.c, which makes one object of both programs.
 */
#include "mss.bpf.h"

static __always_inline struct abi_decision *decision_slot(__u32 peer, const struct inner *in)
{
	__u32 h = in->destination[0] ^ in->destination[1] ^ in->destination[2] ^ in->destination[3] ^ (peer << 12);
	__u32 slot = (h * 2654435769U) >> (32 - 11); /* multiplicative hashing, top bits */

	_Static_assert(ABI_DECISIONS == 1 << 11, "the shift above");
	return bpf_map_lookup_elem(&decisions, &slot);
}

static __always_inline int decided(const struct abi_decision *d, struct __sk_buff *skb, __u32 peer,
				   const struct inner *in)
{
	const __u32 *destination = (const __u32 *)d->destination;

	return d->peer == peer && d->ifindex == skb->ifindex && d->generation == generation &&
	       (__s32)(d->expiry - (__u32)bpf_jiffies64()) > 0 && d->family == in->family &&
	       destination[0] == in->destination[0] && destination[1] == in->destination[1] &&
	       destination[2] == in->destination[2] && destination[3] == in->destination[3];
}

static __always_inline void decide(struct abi_decision *d, struct __sk_buff *skb, __u32 peer,
				   const struct inner *in, __u32 current_generation, __u16 adjust_mss)
{
	d->peer = peer;
	d->ifindex = skb->ifindex;
	d->generation = current_generation;
	d->expiry = (__u32)bpf_jiffies64() + decision_jiffies;
	__builtin_memcpy(d->destination, in->destination, 16);
	d->family = (__u16)in->family;
	d->adjust_mss = adjust_mss;
}

/* Destinations no shortcut can lead to. */
static __always_inline int never_redirected(const struct inner *in)
{
	__u32 d = bpf_ntohl(in->destination[0]);

	if (in->family == ABI_IPV4)
		return d >= 0xe0000000U /* 224/4, 240/4 and broadcast */ || d >> 16 == 0xa9fe /* 169.254/16 */;
	return d >> 24 == 0xff || d >> 22 == 0xfe80U >> 6 /* fe80::/10 */;
}

/* Tells the daemon when the packet leaves to another peer of the same NHRP network.  0 = it does not. */
static __always_inline int indicate(struct __sk_buff *skb, const struct inner *in, __u32 id,
				    const struct abi_peer *from)
{
	struct abi_limiter_key key = {};
	struct abi_next_hop hop = {};
	struct notice what = {};
	struct abi_peer *to;
	__u32 to_id;

	if (!from->redirect || !from->network_id || never_redirected(in))
		return 0;
	if (find_next_hop(skb, in, 0, &hop) != BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	to_id = peer_of_next_hop(&hop);
	if (!to_id || to_id == id)
		return 0;
	to = bpf_map_lookup_elem(&peers, &to_id);
	if (!to || to->network_id != from->network_id || to->ifindex != hop.ifindex)
		return 0;
	if (in->hops <= 1) /* the stack answers with Time Exceeded */
		return 1;
	what.type = ABI_EVENT_TRAFFIC_INDICATION;
	what.ingress_peer = id;
	what.egress_peer = to_id;
	what.network_id = from->network_id;
	key.peer = id;
	key.family = in->family;
	__builtin_memcpy(key.destination, in->destination, 16);
	notify(skb, in, &hop, &what, &key, redirect_interval_ns);
	return 1;
}

static __always_inline int accept(struct __sk_buff *skb, __u32 id, __u32 length)
{
	struct abi_peer_stats *stats = bpf_map_lookup_elem(&peer_stats, &id);

	if (stats) {
		stats->rx_packets += segments(skb);
		stats->rx_bytes += length;
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int spoke_classify(struct __sk_buff *skb)
{
	/* Set by the inbound SA (output-mark); it survives the GRE decapsulation. */
	__u32 id = skb->mark & ABI_PEER_MASK;
	__u32 current_generation = generation; /* read before the maps */
	const int ip = is_ip(skb);
	struct abi_decision *cached = 0;
	struct abi_peer *peer;
	struct inner in = {};
	__u16 adjust_mss;

	if (!id)
		return drop(ABI_DROP_RX_CLEAR);
	if (ip) {
		enum parse p = parse_inner(skb, &in);

		if (p != PARSE_OK)
			return drop(p == PARSE_TRUNCATED ? ABI_DROP_RX_TRUNCATED : ABI_DROP_RX_MALFORMED);
		cached = decision_slot(id, &in);
	}
	if (cached && decided(cached, skb, id, &in)) {
		adjust_mss = cached->adjust_mss;
	} else {
		peer = bpf_map_lookup_elem(&peers, &id);
		if (!peer)
			return drop(ABI_DROP_RX_UNKNOWN_PEER);
		if (peer->ifindex != skb->ifindex)
			return drop(ABI_DROP_RX_WRONG_DEVICE);
		if (!ip) /* NHRP; what else may come is the stack's to refuse */
			return accept(skb, id, skb->len);
		/* Anti-spoofing belongs here: the inner source must be one this peer may use. */
		adjust_mss = peer->adjust_mss;
		if (!indicate(skb, &in, id, peer) && cached)
			decide(cached, skb, id, &in, current_generation, adjust_mss);
	}
	if (adjust_mss && in.protocol == IPPROTO_TCP)
		clamp_mss(skb, in.l4_offset, adjust_mss);
	return accept(skb, id, in.length);
}
