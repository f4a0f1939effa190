/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Map `next_hops`: overlay next hop on a cloud's device -> peer id (__u32). */
#ifndef FLEXVPN_ABI_NEXT_HOPS_H_
#define FLEXVPN_ABI_NEXT_HOPS_H_

#include "abi/base.h"

/* The all-zero address of a family is the default peer of the device: it takes every packet whose next hop has
 * no entry of its own (a spoke with one tunnel, multicast). */
struct abi_next_hop {
	__u32 ifindex;
	enum abi_family family;
	__u8 address[16];
};
ABI_SIZE(struct abi_next_hop, 24);

#endif
