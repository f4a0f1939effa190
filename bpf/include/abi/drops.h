/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Maps `drops` and `counters`: one value a CPU, a field for each reason, so that a dump reads by itself. */
#ifndef FLEXVPN_ABI_DROPS_H_
#define FLEXVPN_ABI_DROPS_H_

#include "abi/base.h"

/* Every exit but pass.  X(NAME, field, text of `show dataplane drops`, meaning) */
#define ABI_DROPS(X)                                                                                              \
	X(RX_CLEAR, rx_clear, "rx-without-ipsec", "arrived on the tunnel device without an SA of ours")             \
	X(RX_UNKNOWN_PEER, rx_unknown_peer, "rx-unknown-peer", "the SA's peer is not in the map")                   \
	X(RX_WRONG_DEVICE, rx_wrong_device, "rx-wrong-device", "the SA's peer belongs to another tunnel device")    \
	X(RX_TRUNCATED, rx_truncated, "rx-truncated", "shorter than its IP header")                                 \
	X(RX_MALFORMED, rx_malformed, "rx-malformed", "IP version or header length is wrong")                       \
	X(TX_PROTOCOL, tx_protocol, "tx-unknown-protocol", "neither IPv4, IPv6 nor NHRP")                           \
	X(TX_TRUNCATED, tx_truncated, "tx-truncated", "shorter than its IP header")                                 \
	X(TX_MALFORMED, tx_malformed, "tx-malformed", "IP version or header length is wrong")                       \
	X(TX_NO_ROUTE, tx_no_route, "tx-no-route", "no route through the device and no default peer")               \
	X(TX_FORWARDING_OFF, tx_forwarding_off, "tx-forwarding-off", "forwarding is off on the tunnel device")      \
	X(TX_UNKNOWN_NEXT_HOP, tx_unknown_next_hop, "tx-unknown-next-hop",                                          \
	  "no peer for the overlay next hop and no default peer")                                                  \
	X(TX_NHRP_NO_PEER, tx_nhrp_no_peer, "tx-nhrp-without-peer", "an NHRP packet without a mark")                \
	X(TX_UNKNOWN_PEER, tx_unknown_peer, "tx-unknown-peer", "the chosen peer is not in the map")                 \
	X(TX_WRONG_DEVICE, tx_wrong_device, "tx-wrong-device", "the chosen peer belongs to another tunnel device")  \
	X(TX_TUNNEL_KEY, tx_tunnel_key, "tx-tunnel-key", "the kernel refused the tunnel key")

/* What is counted without a drop. */
#define ABI_COUNTERS(X)                                                                                           \
	X(EVENTS_SENT, events_sent, "events-sent", "events given to the daemon")                                    \
	X(EVENTS_LIMITED, events_limited, "events-limited", "events withheld by the rate limit")                    \
	X(EVENTS_LOST, events_lost, "events-lost", "events lost because the ring buffer was full")                  \
	X(MSS_CLAMPED, mss_clamped, "mss-clamped", "TCP SYN packets whose maximum segment size was lowered")

#define ABI_FIELD(name, field, text, meaning) __u64 field;
struct abi_drops {
	ABI_DROPS(ABI_FIELD)
};
struct abi_counters {
	ABI_COUNTERS(ABI_FIELD)
};
#undef ABI_FIELD

/* Index of the field. */
#define ABI_DROP_ENUM(name, field, text, meaning) ABI_DROP_##name,
#define ABI_COUNT_ENUM(name, field, text, meaning) ABI_COUNT_##name,
enum abi_drop { ABI_DROPS(ABI_DROP_ENUM) ABI_DROP_MAX };
enum abi_counter { ABI_COUNTERS(ABI_COUNT_ENUM) ABI_COUNT_MAX };
#undef ABI_DROP_ENUM
#undef ABI_COUNT_ENUM

ABI_SIZE(struct abi_drops, 8 * ABI_DROP_MAX);
ABI_SIZE(struct abi_counters, 8 * ABI_COUNT_MAX);

#endif
