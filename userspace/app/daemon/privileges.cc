// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/privileges.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdint>

namespace flexvpn::app {
namespace {

struct Need {
  int number;  // linux/capability.h
  const char* text;
};
constexpr Need kNeeds[] = {
    {10, "CAP_NET_BIND_SERVICE (UDP ports 500 and 4500)"},
    {12, "CAP_NET_ADMIN (IPsec SAs, policies, routes, devices, packet marks)"},
    {13, "CAP_NET_RAW (NHRP packets)"},
    {39, "CAP_BPF (classifier and tunnel selection in the kernel)"},
};

}  // namespace

std::vector<std::string> MissingCapabilities() {
  unsigned long long effective = 0;
  if (FILE* f = fopen("/proc/self/status", "re")) {
    char line[256];
    while (fgets(line, sizeof line, f) != nullptr)
      if (sscanf(line, "CapEff: %llx", &effective) == 1) break;
    fclose(f);
  }
  // CAP_SYS_ADMIN (21) includes CAP_BPF.
  if ((effective >> 21 & 1) != 0) effective |= 1ULL << 39;
  std::vector<std::string> missing;
  for (const Need& n : kNeeds)
    if ((effective >> n.number & 1) == 0) missing.emplace_back(n.text);
  return missing;
}

void ProtectMemory() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

}  // namespace flexvpn::app
