/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the BPF programs and the daemon share.  One header a map; C and C++.  Only fixed-size fields, no holes,
 * sizes asserted wherever a header is included.  Integers are in host order; addresses are 16 octets in network
 * order, IPv4 in the first four and the rest zero.  `bpftool map dump pinned PIN_DIR/<map>` prints these names.
 */
#ifndef FLEXVPN_ABI_BASE_H_
#define FLEXVPN_ABI_BASE_H_

#include <linux/types.h>

#ifdef __cplusplus
#define ABI_SIZE(type, size) static_assert(sizeof(type) == (size), "size of " #type)
#else
#define ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#endif

/* Changes with every incompatible change of a pinned map; a daemon that finds another version pinned starts
 * with empty maps. */
#define ABI_VERSION 2

/* Bits of skb->mark that hold a peer id; the same as kPeerMarkMask of core/net/peer_id.h. */
#define ABI_PEER_MASK 0x000fffffU

/* Set in skb->mark beside the peer id when the peer's ESP goes in TCP: a policy rule leads it to the daemon.  The same
 * as kTcpMark of core/net/peer_id.h. */
#define ABI_TCP_MARK 0x00100000U

/* EtherType of NHRP, also its GRE protocol type (RFC 2332 section 5.1). */
#define ABI_ETH_P_NHRP 0x2001

enum abi_family { /* the numbers of AF_INET and AF_INET6 */
	ABI_IPV4 = 2,
	ABI_IPV6 = 10,
};

#endif
