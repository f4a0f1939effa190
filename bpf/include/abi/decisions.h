/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Maps `decisions` (ingress) and `selections` (egress): direct-mapped caches, arrays with one copy a CPU, so that the
 * packets of a flow cost no FIB and no hash lookups but now and then.  An entry holds until `expiry` or until the
 * daemon says that peers, next hops or routes changed, by a new generation.  So a change of the daemon's holds from
 * the next packet, and a route changed by someone else is noticed after the lifetime.
 */
#ifndef FLEXVPN_ABI_DECISIONS_H_
#define FLEXVPN_ABI_DECISIONS_H_

#include "abi/base.h"

#define ABI_CACHE_BITS 10
#define ABI_CACHE_ENTRIES (1 << ABI_CACHE_BITS)

/* Of a (peer, destination): does it want a traffic indication? */
struct abi_decision {
	__u32 peer;       /* ingress peer; 0 = empty */
	__u32 ifindex;    /* ingress device */
	__u32 generation;
	__u32 expiry;     /* jiffies, low 32 bits */
	__u8 destination[16];
	__u16 adjust_mss; /* of the peer */
	__u8 family;      /* enum abi_family */
	__u8 indicated;   /* 1: goes from spoke to spoke, and the limiter was asked; 0: does not */
	__u32 stats_slot; /* of the peer */
};
ABI_SIZE(struct abi_decision, 40);

/* Of a flow: which peer and which tunnel.  The route can depend on the source and the traffic class. */
struct abi_selection {
	__u32 peer;       /* egress peer; 0 = empty */
	__u32 ifindex;    /* egress device */
	__u32 generation;
	__u32 expiry;     /* jiffies, low 32 bits */
	__u8 source[16];
	__u8 destination[16];
	__u8 family;      /* enum abi_family */
	__u8 tos;         /* without ECN */
	__u16 adjust_mss; /* of the peer */
	__u32 stats_slot; /* of the peer */
	__u32 tunnel_flags; /* BPF_F_* of bpf_skb_set_tunnel_key, without DF */
	__u32 tunnel_key[11]; /* struct bpf_tunnel_key */
	__u32 tcp_mark;     /* ABI_TCP_MARK or 0 */
};
ABI_SIZE(struct abi_selection, 108);

#endif
