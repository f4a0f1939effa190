/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Map `peer_stats` (array, one copy a CPU): traffic of the peer whose stats_slot is the index.  An array because the
 * kernel compiles its lookup into the program; a hash lookup costs more than all else of an accepted packet.
 */
#ifndef FLEXVPN_ABI_PEER_STATS_H_
#define FLEXVPN_ABI_PEER_STATS_H_

#include "abi/base.h"

/* Octets are those of the inner IP packet, of NHRP those of the NHRP packet on the way out and including the
 * outer headers on the way in.  A packet the kernel merged or will segment counts as its segments. */
struct abi_peer_stats {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 last_tx_ns; /* CLOCK_MONOTONIC_COARSE of the last IP packet sent; 0 = never.  NHRP does not count. */
	__u32 last_tx_jiffies; /* when last_tx_ns was read: once a jiffy is enough */
	__u32 peer;            /* the peer's id; 0 = the slot is free */
};
ABI_SIZE(struct abi_peer_stats, 48);

#endif
