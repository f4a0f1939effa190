/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps `drops` and `counters`: one copy a CPU (__u64), the entries made by the daemon when it loads. */
#ifndef FLEXVPN_ABI_DROPS_H_
#define FLEXVPN_ABI_DROPS_H_

#include "abi/base.h"

/* Every exit but pass.  X(name, text of `show dataplane drops`, meaning) */
#define ABI_DROPS(X)                                                                                              \
	X(RX_CLEAR, "rx-without-ipsec", "arrived on the tunnel device without an SA of ours")                       \
	X(RX_UNKNOWN_PEER, "rx-unknown-peer", "the SA's peer is not in the map")                                    \
	X(RX_WRONG_DEVICE, "rx-wrong-device", "the SA's peer belongs to another tunnel device")                     \
	X(RX_TRUNCATED, "rx-truncated", "shorter than its IP header")                                               \
	X(RX_MALFORMED, "rx-malformed", "IP version or header length is wrong")                                     \
	X(TX_PROTOCOL, "tx-unknown-protocol", "neither IPv4, IPv6 nor NHRP")                                        \
	X(TX_TRUNCATED, "tx-truncated", "shorter than its IP header")                                               \
	X(TX_MALFORMED, "tx-malformed", "IP version or header length is wrong")                                     \
	X(TX_NO_ROUTE, "tx-no-route", "no route through the device and no default peer")                            \
	X(TX_FORWARDING_OFF, "tx-forwarding-off", "forwarding is off on the tunnel device")                         \
	X(TX_UNKNOWN_NEXT_HOP, "tx-unknown-next-hop", "no peer for the overlay next hop and no default peer")       \
	X(TX_NHRP_NO_PEER, "tx-nhrp-without-peer", "an NHRP packet without a mark")                                 \
	X(TX_UNKNOWN_PEER, "tx-unknown-peer", "the chosen peer is not in the map")                                  \
	X(TX_WRONG_DEVICE, "tx-wrong-device", "the chosen peer belongs to another tunnel device")                   \
	X(TX_TUNNEL_KEY, "tx-tunnel-key", "the kernel refused the tunnel key")

enum abi_drop {
	ABI_DROP_NONE = 0,
#define ABI_ENUM(name, text, meaning) ABI_DROP_##name,
	ABI_DROPS(ABI_ENUM)
#undef ABI_ENUM
	ABI_DROP_MAX,
};

/* What is counted without a drop. */
#define ABI_COUNTERS(X)                                                                                           \
	X(EVENTS_SENT, "events-sent", "events given to the daemon")                                                 \
	X(EVENTS_LIMITED, "events-limited", "events withheld by the rate limit")                                    \
	X(EVENTS_LOST, "events-lost", "events lost because the ring buffer was full")                               \
	X(MSS_CLAMPED, "mss-clamped", "TCP SYN packets whose maximum segment size was lowered")

enum abi_counter {
	ABI_COUNT_NONE = 0,
#define ABI_ENUM(name, text, meaning) ABI_COUNT_##name,
	ABI_COUNTERS(ABI_ENUM)
#undef ABI_ENUM
	ABI_COUNT_MAX,
};

#endif
