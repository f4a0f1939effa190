/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Global `devices`: what stands before the inner IP header when a packet enters by a device, set by the loader. */
#ifndef FLEXVPN_ABI_DEVICES_H_
#define FLEXVPN_ABI_DEVICES_H_

#include "abi/base.h"

enum abi_framing {
	ABI_FRAMING_UNKNOWN = 0,  /* ask the kernel for the network header, by a helper */
	ABI_FRAMING_IPV4_GRE = 1, /* ARPHRD_IPGRE: skb->data is the outer IPv4 header, GRE follows */
	ABI_FRAMING_ETHERNET = 2, /* ARPHRD_ETHER: an Ethernet header */
};

#define ABI_DEVICES 64 /* a power of two; index is ifindex modulo this */

struct abi_device {
	__u32 ifindex;
	enum abi_framing framing;
};
ABI_SIZE(struct abi_device, 8);

#endif
