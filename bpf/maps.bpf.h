/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps both programs share, and the settings the loader writes. */
#ifndef FLEXVPN_MAPS_BPF_H_
#define FLEXVPN_MAPS_BPF_H_

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi/decisions.h"
#include "abi/devices.h"
#include "abi/drops.h"
#include "abi/events.h"
#include "abi/limiter.h"
#include "abi/next_hops.h"
#include "abi/peer_stats.h"
#include "abi/peers.h"

#define FLEXVPN_MAX_PEERS 16384 /* the loader may set another size */

/* Set before load. */
const volatile __u64 redirect_interval_ns = 8ULL * 1000 * 1000 * 1000; /* between indications of one (peer, destination) */
const volatile __u64 unknown_interval_ns = 1ULL * 1000 * 1000 * 1000;  /* between events of one unknown next hop */
const volatile __u32 decision_jiffies = 250; /* lifetime of a cached decision: 1 s at HZ=250 */
const volatile __u32 selection_jiffies = 25; /* lifetime of a cached selection: 100 ms at HZ=250 */

/* Written while running. */
__u32 generation = 1; /* the daemon adds one after every change of peers, next_hops or its routes */
__u32 fib_flags = 0;  /* flags every FIB lookup may use on this kernel */
struct abi_device devices[ABI_DEVICES] = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FLEXVPN_MAX_PEERS);
	__type(key, __u32);
	__type(value, struct abi_peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4 * FLEXVPN_MAX_PEERS); /* IPv4, IPv6 and further addresses of one peer */
	__type(key, struct abi_next_hop);
	__type(value, __u32);
} next_hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLEXVPN_MAX_PEERS);
	__type(key, __u32);
	__type(value, struct abi_peer_stats);
} peer_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct abi_limiter_key);
	__type(value, __u64);
} limiter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* set by the loader */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi_drops);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_CACHE_ENTRIES);
	__type(key, __u32);
	__type(value, struct abi_decision);
} decisions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_CACHE_ENTRIES);
	__type(key, __u32);
	__type(value, struct abi_selection);
} selections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} abi_version SEC(".maps");

#endif
