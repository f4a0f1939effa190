/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Map `peer_stats`: peer id -> traffic, one copy a CPU.  The daemon makes the entry before that of `peers`. */
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
};
ABI_SIZE(struct abi_peer_stats, 40);

#endif
