// SPDX-License-Identifier: GPL-2.0-only
/* The one object the daemon loads: both programs, sharing their maps. */
#include "peer_select.bpf.c"
#include "spoke_classify.bpf.c"

char LICENSE[] SEC("license") = "GPL";
