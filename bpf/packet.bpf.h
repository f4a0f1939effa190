/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inner packet, its overlay next hop, counters and events: what both programs do alike.
 *
 * On the ingress of a GRE device skb->data is the outer IP header and skb->len counts the outer headers too, so
 * the inner packet is read relative to the network header and measured by its own length field.
 */
#ifndef FLEXVPN_PACKET_BPF_H_
#define FLEXVPN_PACKET_BPF_H_

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>

#include "maps.bpf.h"

#define ONE_SECOND_NS (1000ULL * 1000 * 1000)
#define TOS_WITHOUT_ECN 0xfc
#define IP_DF 0x4000
#define IP_OFFSET 0x1fff

/* What is needed of the inner IP header. */
struct inner {
	__u32 family;      /* enum abi_family */
	__u32 length;      /* octets, by the header */
	__u32 l4_offset;   /* octets from the IP header; IPv6: behind the fixed header */
	__u8 protocol;     /* IPv6: first next header; 0 for a fragment that is not the first */
	__u8 hops;         /* TTL or hop limit */
	__u8 tos;          /* or traffic class */
	__u8 do_not_fragment;
	__u32 source[4];      /* network order; IPv4 in the first word */
	__u32 destination[4];
};

static __always_inline int drop(enum abi_drop reason)
{
	__u32 zero = 0;
	__u64 *packets = bpf_map_lookup_elem(&drops, &zero);

	if (packets && reason < ABI_DROP_MAX)
		packets[reason] += 1;
	return TC_ACT_SHOT;
}

static __always_inline void count(enum abi_counter what)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&counters, &zero);

	if (n && what < ABI_COUNT_MAX)
		n[what] += 1;
}

enum parse { PARSE_OK, PARSE_TRUNCATED, PARSE_MALFORMED };

#define GRE_KEY 0x2000

/* Octets from skb->data to the inner IP header of a packet that enters by a device, 0 if only the kernel knows. */
static __always_inline __u32 ingress_offset(struct __sk_buff *skb)
{
	const struct abi_device *device = &devices[skb->ifindex & (ABI_DEVICES - 1)];
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	__u16 flags;

	if (device->ifindex != skb->ifindex)
		return 0;
	if (device->framing == ABI_FRAMING_ETHERNET)
		return ETH_HLEN;
	if (device->framing != ABI_FRAMING_IPV4_GRE || data + 24 > end || data[0] != 0x45 || data[9] != IPPROTO_GRE)
		return 0;
	flags = *(const __u16 *)(data + 20);
	if (*(const __u16 *)(data + 22) != (__u16)skb->protocol || flags & ~bpf_htons(GRE_KEY))
		return 0;
	return flags ? 28 : 24;
}

/*
 * The inner IP header.  With `ingress`, which is a constant, it is read in place where its place is certain: a helper
 * costs a third of all the work for an accepted packet.
 */
static __always_inline long load_header(struct __sk_buff *skb, void *header, const __u32 size, const int ingress)
{
	__u32 offset = ingress ? ingress_offset(skb) : 0;
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	if (offset && data + offset + size <= end) {
		__builtin_memcpy(header, data + offset, size);
		return 0;
	}
	return bpf_skb_load_bytes_relative(skb, 0, header, size, BPF_HDR_START_NET);
}

static __always_inline enum parse parse_ipv4(struct __sk_buff *skb, struct inner *in, const int ingress)
{
	struct iphdr ip;

	if (load_header(skb, &ip, sizeof(ip), ingress))
		return PARSE_TRUNCATED;
	if (ip.version != 4 || ip.ihl < 5)
		return PARSE_MALFORMED;
	in->family = ABI_IPV4;
	in->length = bpf_ntohs(ip.tot_len);
	if (in->length < sizeof(ip))
		return PARSE_MALFORMED;
	in->l4_offset = ip.ihl * 4;
	in->protocol = ip.frag_off & bpf_htons(IP_OFFSET) ? 0 : ip.protocol;
	in->hops = ip.ttl;
	in->tos = ip.tos;
	in->do_not_fragment = (ip.frag_off & bpf_htons(IP_DF)) != 0;
	in->source[0] = ip.saddr;
	in->destination[0] = ip.daddr;
	in->source[1] = in->source[2] = in->source[3] = 0;
	in->destination[1] = in->destination[2] = in->destination[3] = 0;
	return PARSE_OK;
}

static __always_inline enum parse parse_ipv6(struct __sk_buff *skb, struct inner *in, const int ingress)
{
	struct ipv6hdr ip;

	if (load_header(skb, &ip, sizeof(ip), ingress))
		return PARSE_TRUNCATED;
	if (ip.version != 6)
		return PARSE_MALFORMED;
	in->family = ABI_IPV6;
	in->length = bpf_ntohs(ip.payload_len) + sizeof(ip);
	in->l4_offset = sizeof(ip);
	in->protocol = ip.nexthdr;
	in->hops = ip.hop_limit;
	in->tos = (__u8)(ip.priority << 4 | ip.flow_lbl[0] >> 4);
	in->do_not_fragment = 1;
	__builtin_memcpy(in->source, &ip.saddr, 16);
	__builtin_memcpy(in->destination, &ip.daddr, 16);
	return PARSE_OK;
}

/* `v4` here and below is a constant where it is called: each program has its path for either family. */
static __always_inline enum parse parse_inner(struct __sk_buff *skb, struct inner *in, const int v4,
					      const int ingress)
{
	return v4 ? parse_ipv4(skb, in, ingress) : parse_ipv6(skb, in, ingress);
}

static __always_inline int same_address(const __u8 *cached, const __u32 *address, const int v4)
{
	const __u32 *c = (const __u32 *)cached;

	return c[0] == address[0] && (v4 || (c[1] == address[1] && c[2] == address[2] && c[3] == address[3]));
}

/* One word of an address that tells most from others. */
static __always_inline __u32 fold(const __u32 *a, const int v4)
{
	return v4 ? a[0] : a[0] ^ a[1] ^ a[2] ^ a[3];
}

/* Slot of a cache: multiplicative hashing, top bits. */
static __always_inline __u32 cache_slot(__u32 folded)
{
	return (folded * 2654435769U) >> (32 - ABI_CACHE_BITS);
}

static __always_inline int expired(__u32 expiry)
{
	return (__s32)(expiry - (__u32)bpf_jiffies64()) <= 0;
}

/* Packets on the wire that this skb stands for. */
static __always_inline __u32 segments(const struct __sk_buff *skb)
{
	__u32 n = skb->gso_segs;

	return n ? n : 1;
}

/*
 * Overlay next hop of the packet: the route's gateway (of either family), or the destination where the route has
 * none.  Returns BPF_FIB_LKUP_RET_SUCCESS or the helper's reason.  tot_len stays 0: a packet over the route's MTU
 * has a next hop all the same, and the stack tells the sender.
 */
static __always_inline long find_next_hop(struct __sk_buff *skb, const struct inner *in, __u32 flags,
					  struct abi_next_hop *hop)
{
	struct bpf_fib_lookup fib = {};
	long r;

	fib.family = (__u8)in->family;
	fib.ifindex = skb->ifindex;
	if (in->family == ABI_IPV4) {
		fib.tos = in->tos & TOS_WITHOUT_ECN;
		fib.ipv4_src = in->source[0];
		fib.ipv4_dst = in->destination[0];
	} else {
		__builtin_memcpy(fib.ipv6_src, in->source, 16);
		__builtin_memcpy(fib.ipv6_dst, in->destination, 16);
	}
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), flags | fib_flags);
	if (r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH && r != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return r;
	__builtin_memset(hop, 0, sizeof(*hop));
	hop->ifindex = fib.ifindex;
	if (fib.family == ABI_IPV4) {
		hop->family = ABI_IPV4;
		__builtin_memcpy(hop->address, &fib.ipv4_dst, 4);
	} else {
		hop->family = ABI_IPV6;
		__builtin_memcpy(hop->address, fib.ipv6_dst, 16);
	}
	return BPF_FIB_LKUP_RET_SUCCESS;
}

/* Peer id behind a next hop, else the device's default peer of `family`, else 0. */
static __always_inline __u32 peer_of_next_hop(const struct abi_next_hop *hop)
{
	struct abi_next_hop any;
	__u32 *id = bpf_map_lookup_elem(&next_hops, hop);

	if (id)
		return *id;
	__builtin_memset(&any, 0, sizeof(any));
	any.ifindex = hop->ifindex;
	any.family = hop->family;
	id = bpf_map_lookup_elem(&next_hops, &any);
	return id ? *id : 0;
}

/* At most once per key and interval; takes `now`, so its rule can be tested without waiting. */
static __always_inline int due(const struct abi_limiter_key *key, __u64 now, __u64 interval)
{
	__u64 *last = bpf_map_lookup_elem(&limiter, key);
	__u64 seen;

	if (!last)
		return bpf_map_update_elem(&limiter, key, &now, BPF_NOEXIST) == 0;
	seen = *last;
	if (now - seen < interval)
		return 0;
	return __sync_val_compare_and_swap(last, seen, now) == seen; /* one CPU wins */
}

struct notice {
	enum abi_event_type type;
	__u32 ingress_peer, egress_peer, network_id;
};

/* Gives the daemon an event with the head of the inner packet, if its limiter allows.  0 = it was lost. */
static __always_inline int notify(struct __sk_buff *skb, const struct inner *in, const struct abi_next_hop *hop,
				   const struct notice *what, const struct abi_limiter_key *key, __u64 interval)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct abi_event *event;
	__u32 n = in->length;

	if (!due(key, now, interval)) {
		count(ABI_COUNT_EVENTS_LIMITED);
		return 1;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		bpf_map_delete_elem(&limiter, key); /* the next packet may try again */
		count(ABI_COUNT_EVENTS_LOST);
		return 0;
	}
	event->time_ns = now;
	event->type = what->type;
	event->ingress_peer = what->ingress_peer;
	event->egress_peer = what->egress_peer;
	event->network_id = what->network_id;
	event->ifindex = hop->ifindex;
	event->family = in->family;
	event->next_hop_family = hop->family;
	__builtin_memcpy(event->next_hop, hop->address, 16);
	if (n > ABI_EVENT_PACKET)
		n = ABI_EVENT_PACKET;
	n -= 1; /* 1..128 in a form every verifier since 5.x understands */
	barrier_var(n);
	n &= ABI_EVENT_PACKET - 1;
	barrier_var(n);
	n += 1;
	__builtin_memset(event->packet, 0, sizeof(event->packet));
	event->caplen = bpf_skb_load_bytes_relative(skb, 0, event->packet, n, BPF_HDR_START_NET) ? 0 : n;
	bpf_ringbuf_submit(event, 0);
	count(ABI_COUNT_EVENTS_SENT);
	return 1;
}

#endif
