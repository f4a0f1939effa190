// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC ingress on a cloud's GRE device: nothing enters but through an SA of ours, and the daemon learns of traffic
 * that goes from one peer to another and so wants a shortcut.
 * Part of flexvpn.bpf.c, which makes one object of both programs.
 */
#include "mss.bpf.h"

static __always_inline int decided(const struct abi_decision *d, struct __sk_buff *skb, __u32 peer,
				   const struct inner *in, const int v4)
{
	return d->peer == peer && d->ifindex == skb->ifindex && d->generation == generation && !expired(d->expiry) &&
	       d->family == in->family && same_address(d->destination, in->destination, v4);
}

/* Destinations no shortcut can lead to. */
static __always_inline int never_redirected(const struct inner *in)
{
	__u32 d = bpf_ntohl(in->destination[0]);

	if (in->family == ABI_IPV4)
		return d >= 0xe0000000U /* 224/4, 240/4 and broadcast */ || d >> 16 == 0xa9fe /* 169.254/16 */;
	return d >> 24 == 0xff || d >> 22 == 0xfe80U >> 6 /* fe80::/10 */;
}

enum verdict {
	NOT_SPOKE_TO_SPOKE = 0,
	INDICATED = 1, /* the daemon was told, or was told a short while ago */
	ASK_AGAIN,     /* with the next packet */
};

/* Tells the daemon when the packet leaves to another peer of the same NHRP network. */
static __always_inline enum verdict indicate(struct __sk_buff *skb, const struct inner *in, __u32 id,
					     const struct abi_peer *from)
{
	struct abi_limiter_key key = {};
	struct abi_next_hop hop = {};
	struct notice what = {};
	struct abi_peer *to;
	__u32 to_id;

	if (!from->redirect || !from->network_id || never_redirected(in))
		return NOT_SPOKE_TO_SPOKE;
	if (find_next_hop(skb, in, 0, &hop) != BPF_FIB_LKUP_RET_SUCCESS)
		return NOT_SPOKE_TO_SPOKE;
	to_id = peer_of_next_hop(&hop);
	if (!to_id || to_id == id)
		return NOT_SPOKE_TO_SPOKE;
	to = bpf_map_lookup_elem(&peers, &to_id);
	if (!to || to->network_id != from->network_id || to->ifindex != hop.ifindex)
		return NOT_SPOKE_TO_SPOKE;
	if (in->hops <= 1) /* the stack answers with Time Exceeded */
		return ASK_AGAIN;
	what.type = ABI_EVENT_TRAFFIC_INDICATION;
	what.ingress_peer = id;
	what.egress_peer = to_id;
	what.network_id = from->network_id;
	key.peer = id;
	key.family = in->family;
	__builtin_memcpy(key.destination, in->destination, 16);
	if (!notify(skb, in, &hop, &what, &key, redirect_interval_ns))
		return ASK_AGAIN;
	/* A cached "told" holds as long as a decision: not for intervals shorter than that. */
	return redirect_interval_ns < ONE_SECOND_NS ? ASK_AGAIN : INDICATED;
}

static __always_inline int accept(struct __sk_buff *skb, __u32 stats_slot, __u32 length)
{
	struct abi_peer_stats *stats = bpf_map_lookup_elem(&peer_stats, &stats_slot);

	if (stats) {
		stats->rx_packets += segments(skb);
		stats->rx_bytes += length;
	}
	return TC_ACT_UNSPEC;
}

/* The peer's entry if it may send on this device. */
static __always_inline struct abi_peer *ingress_peer(struct __sk_buff *skb, __u32 id, enum abi_drop *reason)
{
	struct abi_peer *peer = bpf_map_lookup_elem(&peers, &id);

	*reason = ABI_DROP_RX_UNKNOWN_PEER;
	if (peer && peer->ifindex != skb->ifindex) {
		*reason = ABI_DROP_RX_WRONG_DEVICE;
		return 0;
	}
	return peer;
}

static __always_inline int classify_ip(struct __sk_buff *skb, __u32 id, const int v4)
{
	__u32 current_generation = generation; /* read before the maps */
	struct inner in;
	struct abi_decision *d;
	struct abi_peer *peer;
	enum abi_drop reason;
	enum verdict verdict;
	__u16 adjust_mss;
	__u32 slot;
	enum parse p = parse_inner(skb, &in, v4, 1);

	if (p != PARSE_OK)
		return drop(p == PARSE_TRUNCATED ? ABI_DROP_RX_TRUNCATED : ABI_DROP_RX_MALFORMED);
	slot = cache_slot(fold(in.destination, v4) ^ id);
	d = bpf_map_lookup_elem(&decisions, &slot);
	if (!d)
		return drop(ABI_DROP_RX_UNKNOWN_PEER); /* never: the slot is in range */
	if (decided(d, skb, id, &in, v4)) {
		if (d->indicated)
			count(ABI_COUNT_EVENTS_LIMITED);
		adjust_mss = d->adjust_mss;
		slot = d->stats_slot;
	} else {
		peer = ingress_peer(skb, id, &reason);
		if (!peer)
			return drop(reason);
		/* Anti-spoofing belongs here: the inner source must be one this peer may use. */
		verdict = indicate(skb, &in, id, peer);
		adjust_mss = peer->adjust_mss;
		slot = peer->stats_slot;
		d->peer = verdict == ASK_AGAIN ? 0 : id;
		d->ifindex = skb->ifindex;
		d->generation = current_generation;
		d->expiry = (__u32)bpf_jiffies64() + decision_jiffies;
		__builtin_memcpy(d->destination, in.destination, 16);
		d->adjust_mss = adjust_mss;
		d->family = (__u8)in.family;
		d->indicated = verdict == INDICATED;
		d->stats_slot = slot;
	}
	if (adjust_mss && in.protocol == IPPROTO_TCP)
		clamp_mss(skb, in.l4_offset, adjust_mss);
	return accept(skb, slot, in.length);
}

SEC("tc")
int spoke_classify(struct __sk_buff *skb)
{
	/* Set by the inbound SA (output-mark); it survives the GRE decapsulation. */
	__u32 id = skb->mark & ABI_PEER_MASK;
	struct abi_peer *peer;
	enum abi_drop reason;

	if (!id)
		return drop(ABI_DROP_RX_CLEAR);
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return classify_ip(skb, id, 1);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return classify_ip(skb, id, 0);
	/* NHRP; what else may come is the stack's to refuse. */
	peer = ingress_peer(skb, id, &reason);
	return peer ? accept(skb, peer->stats_slot, skb->len) : drop(reason);
}
