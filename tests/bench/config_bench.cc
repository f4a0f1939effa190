// SPDX-License-Identifier: Apache-2.0
// A configuration of many peers: parse and validate, diff, one line applied.  core/config alone; prints JSON.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "core/config/candidate.h"
#include "core/config/diff.h"
#include "nlohmann/json.hpp"

namespace {

using namespace flexvpn::config;
using Clock = std::chrono::steady_clock;

std::string Text(int peers) {
  std::string t = "hostname big\naaa new-model\naaa authorization network L local\ncrypto ikev2 keyring K\n";
  for (int i = 0; i < peers; ++i)
    absl::StrAppend(&t, " peer P", i, "\n  address 10.", i >> 16, ".", (i >> 8) & 255, ".", i & 255, "\n  identity fqdn p", i,
                    ".example.net\n  pre-shared-key secret-of-", i, "\n !\n");
  for (int i = 0; i < peers; ++i) {
    const std::string net = absl::StrCat(i >> 8, ".", i & 255);
    absl::StrAppend(&t, "ip local pool POOL", i, " 100.", net, ".1 100.", net, ".254\nip access-list standard NETS", i,
                    "\n permit 20.", net, ".0 0.0.0.255\n permit 21.", net, ".0 0.0.0.255\n");
  }
  return t + "crypto ikev2 profile P\n match identity remote fqdn domain example.net\n authentication local pre-share\n"
             " authentication remote pre-share\n keyring local K\ncrypto ipsec profile P\n set ikev2-profile P\n"
             "interface Loopback0\n ip address 10.255.0.1 255.255.255.255\ninterface Virtual-Template1 type tunnel\n"
             " ip unnumbered Loopback0\n tunnel source eth0\n tunnel protection ipsec profile P\n";
}

template <class F>
double Milliseconds(F f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const int peers = argc > 1 ? std::atoi(argv[1]) : 10000;
  const std::string text = Text(peers);
  ParseResult first, again, one;
  std::vector<Change> changes;
  double parse = 1e9, diff = 1e9, apply = 1e9;
  for (int run = 0; run < 3; ++run) {
    parse = std::min(parse, Milliseconds([&] { first = Parse(text); }));
    again = Parse(text);
    diff = std::min(diff, Milliseconds([&] { changes = Diff(first.model, again.model); }));
    if (!first.ok() || !changes.empty()) {
      for (const Diagnostic& d : first.diagnostics) std::fputs(FormatDiagnostic(d, "bench", text).c_str(), stderr);
      return 1;
    }
    // As the daemon does it: the running model stays what it is until the candidate is checked.
    apply = std::min(apply, Milliseconds([&] {
      one = ParseCandidate(first.model, absl::StrCat("crypto ikev2 keyring K\n peer P", peers / 2, "\n  pre-shared-key new\n"));
      changes = Diff(first.model, one.model);
    }));
    if (!one.ok() || changes.size() != 1) return 1;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const nlohmann::ordered_json out = {
      {"peers", peers}, {"octets", text.size()}, {"lines", std::count(text.begin(), text.end(), '\n')},
      {"parse_validate_ms", parse}, {"diff_ms", diff}, {"one_line_ms", apply},
      {"peak_rss_mib", static_cast<double>(usage.ru_maxrss) / 1024}};
  std::puts(out.dump(1).c_str());
  return 0;
}
