/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What select_and_report saw; shared with the tests. */
#ifndef FLEXVPN_TESTS_BPF_PROBE_REPORT_H_
#define FLEXVPN_TESTS_BPF_PROBE_REPORT_H_

#include "abi/base.h"

#define PROBE_CSUM 0x0001           /* GRE checksum present; TUNNEL_* of linux/if_tunnel.h in host order */
#define PROBE_KEY 0x0004            /* GRE key present */
#define PROBE_DONT_FRAGMENT 0x0100  /* outer DF */

struct probe_report {
	__u32 family; /* enum abi_family of the outer header; 0 = no tunnel key was set */
	__u32 source[4];
	__u32 destination[4];
	__u32 key;
	__u32 flags; /* PROBE_* */
	__u16 tos;
	__u16 ttl;
};
ABI_SIZE(struct probe_report, 48);

#endif
