/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Ring buffer `events`: what the programs tell the daemon. */
#ifndef FLEXVPN_ABI_EVENTS_H_
#define FLEXVPN_ABI_EVENTS_H_

#include "abi/base.h"

enum abi_event_type {
	/* A packet came from one peer and leaves to another of the same NHRP network: a Traffic Indication is due
	 * to ingress_peer (draft-detienne-dmvpn section 5.1). */
	ABI_EVENT_TRAFFIC_INDICATION = 1,
	/* A packet was dropped because no peer is known for its overlay next hop. */
	ABI_EVENT_UNKNOWN_NEXT_HOP = 2,
};

#define ABI_EVENT_PACKET 128

struct abi_event {
	__u64 time_ns; /* CLOCK_MONOTONIC_COARSE */
	enum abi_event_type type;
	__u32 ingress_peer; /* 0 with UNKNOWN_NEXT_HOP */
	__u32 egress_peer;  /* 0 with UNKNOWN_NEXT_HOP */
	__u32 network_id;   /* 0 with UNKNOWN_NEXT_HOP */
	__u32 ifindex;      /* device the packet leaves by */
	enum abi_family family;          /* of the inner packet */
	enum abi_family next_hop_family; /* of next_hop */
	__u32 caplen;                    /* octets of packet[] that are valid */
	__u8 next_hop[16];               /* overlay next hop */
	__u8 packet[ABI_EVENT_PACKET];   /* the inner packet from its IP header */
};
ABI_SIZE(struct abi_event, 184);

#endif
