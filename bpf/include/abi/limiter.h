/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Map `limiter` (LRU): when an event of this kind was last given to the daemon, CLOCK_MONOTONIC_COARSE in ns. */
#ifndef FLEXVPN_ABI_LIMITER_H_
#define FLEXVPN_ABI_LIMITER_H_

#include "abi/base.h"

struct abi_limiter_key {
	__u32 peer; /* ingress peer of a traffic indication; ABI_LIMITER_DEVICE | ifindex for an unknown next hop */
	enum abi_family family;
	__u8 destination[16]; /* inner destination, or the next hop */
};
ABI_SIZE(struct abi_limiter_key, 24);

#define ABI_LIMITER_DEVICE 0x80000000U

#endif
