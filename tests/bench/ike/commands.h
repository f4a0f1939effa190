// SPDX-License-Identifier: Apache-2.0
// The parts of ike_bench, each a process of its own; tools/bench ike starts them and reads their JSON lines.
#ifndef FLEXVPN_BENCH_IKE_COMMANDS_H_
#define FLEXVPN_BENCH_IKE_COMMANDS_H_

#include <string>

namespace flexvpn::bench {

struct Options {
  std::string suite = "x25519";
  std::string hub = "198.18.0.1";
  std::string base = "10.64.0.0";  // peer n has base + n
  // Certificates instead of the pre-shared key: ca.pem, hub.pem, hub.key, spoke.pem, spoke.key there, all ECDSA P-256.
  std::string pki;
  int first = 1, count = 100;      // peers first..first+count-1
  int window = 64;                 // set up at once
  bool storm = false;              // all at once
  bool half_open = false;          // IKE_SA_INIT only
  bool protect = false;            // responder: default limits and cookies
};

int RunResponder(const Options& options);
int RunLoad(const Options& options);
int RunBare(const Options& options);

}  // namespace flexvpn::bench

#endif  // FLEXVPN_BENCH_IKE_COMMANDS_H_
