/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Map `decisions` (array, one copy a CPU): direct-mapped cache of packets that need no traffic indication, so that
 * they cost no FIB lookup.  Only negative verdicts are kept.  An entry holds until `expiry`, or until the daemon
 * changes `peers` or `next_hops`, which changes the generation; so a route change is noticed after the lifetime
 * (about a second) at the latest.
 */
#ifndef FLEXVPN_ABI_DECISIONS_H_
#define FLEXVPN_ABI_DECISIONS_H_

#include "abi/base.h"

#define ABI_DECISIONS 2048 /* a power of two */

struct abi_decision {
	__u32 peer;       /* ingress peer; 0 = empty */
	__u32 ifindex;    /* ingress device */
	__u32 generation;
	__u32 expiry;     /* jiffies, low 32 bits */
	__u8 destination[16];
	__u16 adjust_mss; /* of the peer */
	__u16 family;     /* enum abi_family */
	__u32 unused;
};
ABI_SIZE(struct abi_decision, 40);

#endif
