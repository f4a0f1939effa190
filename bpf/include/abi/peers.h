/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Map `peers`: peer id -> where peer_select sends its packets and what spoke_classify knows of it. */
#ifndef FLEXVPN_ABI_PEERS_H_
#define FLEXVPN_ABI_PEERS_H_

#include "abi/base.h"

struct abi_peer {
	__u32 ifindex;          /* the cloud's device; the peer exists on no other */
	enum abi_family family; /* of the outer addresses */
	__u8 local[16];         /* outer source */
	__u8 remote[16];        /* outer destination */
	__u32 gre_key;          /* 0 unless has_key */
	__u32 network_id;       /* NHRP network-id; 0 = NHRP off: never classified */
	__u16 adjust_mss;       /* `ip tcp adjust-mss`, both directions; 0 = off */
	__u8 has_key;           /* 0 or 1: GRE packets carry a key (RFC 2890) */
	__u8 redirect;          /* 0 or 1: `ip nhrp redirect` */
	__u32 stats_slot;       /* index into peer_stats */
	__u32 in_tcp;           /* 0 or 1: its ESP goes in TCP, see ABI_TCP_MARK */
};
ABI_SIZE(struct abi_peer, 60);

#endif
