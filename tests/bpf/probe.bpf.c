// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests and benchmarks only.  A test run cannot look at the tunnel key a program gave its packet, so
 * select_and_report runs peer_select and writes down what the tunnel device would see.
 */
#include "peer_select.bpf.c"

#include "probe_report.h"

#ifndef BPF_F_TUNINFO_FLAGS
#define BPF_F_TUNINFO_FLAGS (1ULL << 4)
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct probe_report);
} report SEC(".maps");

SEC("tc")
int select_and_report(struct __sk_buff *skb)
{
	int verdict = select_peer(skb);
	struct bpf_tunnel_key key = {};
	__u32 zero = 0;
	struct probe_report *r = bpf_map_lookup_elem(&report, &zero);

	if (!r)
		return TC_ACT_SHOT;
	__builtin_memset(r, 0, sizeof(*r));
	if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_FLAGS)) {
		r->family = ABI_IPV4;
		r->source[0] = bpf_htonl(key.remote_ipv4); /* the helper's names are the receiver's */
		r->destination[0] = bpf_htonl(key.local_ipv4);
	} else if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_FLAGS | BPF_F_TUNINFO_IPV6)) {
		r->family = ABI_IPV6;
		__builtin_memcpy(r->source, key.remote_ipv6, 16);
		__builtin_memcpy(r->destination, key.local_ipv6, 16);
	}
	r->key = key.tunnel_id;
	r->flags = bpf_ntohs(key.tunnel_flags);
	r->tos = key.tunnel_tos;
	r->ttl = key.tunnel_ttl;
	return verdict;
}

/* The floor of every measurement. */
SEC("tc")
int nop(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
