/* SPDX-License-Identifier: GPL-2.0-only */
/* `ip tcp adjust-mss`: lowers the MSS option of TCP SYN packets (RFC 9293 section 3.7.1). */
#ifndef FLEXVPN_MSS_BPF_H_
#define FLEXVPN_MSS_BPF_H_

#include <linux/tcp.h>

#include "packet.bpf.h"

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2
#define TCP_SYN 0x02

struct tcp_words { /* the fixed TCP header */
	__u32 w[5];
};

/*
 * Octets from skb->data to the inner IP header, which no helper tells: on egress of a GRE device 0, on ingress the
 * outer headers (IPv4 or IPv6, GRE with or without key), under a test run an Ethernet header.  Found by looking for
 * the TCP header that was read relative to the network header; -1 if it is nowhere.
 */
static __always_inline int data_to_network(struct __sk_buff *skb, __u32 l4, const struct tcp_words *tcp)
{
	struct tcp_words here;
	int i;

	for (i = 0; i < 24; i++) {
		__u32 offset = i == 0 ? 0 : i == 1 ? ETH_HLEN : 16 + i * 4;

		if (bpf_skb_load_bytes(skb, offset + l4, &here, sizeof(here)))
			return -1;
		if (here.w[0] == tcp->w[0] && here.w[1] == tcp->w[1] && here.w[2] == tcp->w[2] &&
		    here.w[3] == tcp->w[3] && here.w[4] == tcp->w[4])
			return (int)offset;
	}
	return -1;
}

/* Offset of the MSS option from the TCP header, 0 if there is none. */
static __always_inline __u32 find_mss(struct __sk_buff *skb, __u32 l4, __u32 header, __u16 *mss)
{
	__u32 offset = 20;
	__u8 option[4];
	int i;

	for (i = 0; i < 12; i++) {
		if (offset + sizeof(option) > header)
			return 0;
		if (bpf_skb_load_bytes_relative(skb, l4 + offset, option, sizeof(option), BPF_HDR_START_NET))
			return 0;
		if (option[0] == TCPOPT_NOP) {
			offset += 1;
			continue;
		}
		if (option[0] == TCPOPT_EOL || option[1] < 2)
			return 0;
		if (option[0] == TCPOPT_MSS && option[1] == 4) {
			*mss = (__u16)(option[2] << 8 | option[3]);
			return offset;
		}
		offset += option[1];
	}
	return 0;
}

/* Global, so that the verifier looks at it once and not again for every way that leads here. */
__noinline int clamp_mss(struct __sk_buff *skb, __u32 l4, __u32 limit)
{
	struct tcp_words tcp;
	__u8 *octets = (__u8 *)&tcp;
	__be16 from, to;
	__u32 option;
	__u16 mss = 0;
	int base;

	if (bpf_skb_load_bytes_relative(skb, l4, &tcp, sizeof(tcp), BPF_HDR_START_NET))
		return 0;
	if (!(octets[13] & TCP_SYN))
		return 0;
	option = find_mss(skb, l4, (octets[12] >> 4) * 4U, &mss);
	if (!option || mss <= limit)
		return 0;
	base = data_to_network(skb, l4, &tcp);
	if (base < 0)
		return 0;
	from = bpf_htons(mss);
	to = bpf_htons((__u16)limit);
	if (bpf_skb_store_bytes(skb, base + l4 + option + 2, &to, sizeof(to), 0))
		return 0;
	if (option & 1) { /* the sum is over words that the option straddles */
		from = __builtin_bswap16(from);
		to = __builtin_bswap16(to);
	}
	bpf_l4_csum_replace(skb, base + l4 + 16, from, to, sizeof(to));
	count(ABI_COUNT_MSS_CLAMPED);
	return 1;
}

#endif
