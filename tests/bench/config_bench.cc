// SPDX-License-Identifier: Apache-2.0
// A configuration of many peers: parse and validate, diff, and one line changed in a node that has sessions with some
// of them.  No kernel, no files; prints JSON.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/config/candidate.h"
#include "core/config/diff.h"
#include "core/node/node.h"
#include "nlohmann/json.hpp"

namespace {

using namespace flexvpn;
using namespace flexvpn::config;
using Clock = std::chrono::steady_clock;

std::string AddressOf(int peer) { return absl::StrCat("10.", peer >> 16, ".", (peer >> 8) & 255, ".", peer & 255); }

std::string Text(int peers) {
  std::string t = "hostname big\naaa new-model\naaa authorization network L local\ncrypto ikev2 keyring K\n";
  for (int i = 0; i < peers; ++i)
    absl::StrAppend(&t, " peer P", i, "\n  address ", AddressOf(i), "\n  identity fqdn p", i, ".example.net\n",
                    "  pre-shared-key secret-of-", i, "\n !\n");
  for (int i = 0; i < peers; ++i) {
    const std::string net = absl::StrCat(i >> 8, ".", i & 255);
    absl::StrAppend(&t, "ip local pool POOL", i, " 100.", net, ".1 100.", net, ".254\nip access-list standard NETS", i,
                    "\n permit 20.", net, ".0 0.0.0.255\n permit 21.", net, ".0 0.0.0.255\n");
  }
  return t + "ip access-list standard LANS\n permit 172.16.0.0 0.15.255.255\ncrypto ikev2 authorization policy A\n"
             " route set access-list LANS\n route accept any\ncrypto ikev2 profile P\n"
             " match identity remote fqdn domain example.net\n authentication local pre-share\n"
             " authentication remote pre-share\n keyring local K\n aaa authorization group psk list L A\n"
             " virtual-template 1\ncrypto ipsec profile P\n set ikev2-profile P\n"
             "interface Loopback0\n ip address 10.255.0.1 255.255.255.255\ninterface Virtual-Template1 type tunnel\n"
             " ip unnumbered Loopback0\n ip nhrp network-id 1\n ip nhrp redirect\n tunnel source eth0\n"
             " tunnel protection ipsec profile P\n";
}

constexpr char kHub[] = "192.0.2.1";

// The far end of the session of one peer; it announces a network.
std::string SpokeText(int peer) {
  return absl::StrCat("aaa new-model\naaa authorization network L local\ncrypto ikev2 authorization policy A\n"
                      " route set remote ipv4 172.16.", peer >> 6, ".", (peer & 63) << 2, " 255.255.255.252\n"
                      "crypto ikev2 profile P\n aaa authorization group psk list L A\n match identity remote any\n"
                      " identity local fqdn p", peer,
                      ".example.net\n authentication local pre-share key secret-of-", peer,
                      "\n authentication remote pre-share key secret-of-", peer,
                      "\ncrypto ipsec profile P\n set ikev2-profile P\ninterface Tunnel0\n ip address 10.254.0.1 255.255.255.0\n"
                      " tunnel source eth0\n tunnel destination ", kHub, "\n tunnel protection ipsec profile P\n");
}

// Nodes without a network and a kernel: everything asked for is done at once.
class Pair {
 public:
  explicit Pair(const Model& hub) : hub_(node::Node::Options{}, hub, rng_, *crypto_) { Begin(hub_, kHub); }

  // True if the peer's session is up at the hub.
  bool Connect(int peer) {
    node::Node spoke(node::Node::Options{}, Parse(SpokeText(peer)).model, rng_, *crypto_);
    const size_t before = hub_.Peers().size();
    spoke_ = &spoke;
    Begin(spoke, AddressOf(peer));
    spoke_ = nullptr;
    return hub_.Peers().size() == before + 1;
  }
  // What the daemon's driver does with a new configuration.
  void Configure(Model model) {
    inputs_.emplace_back(&hub_, node::NewConfig{std::move(model), {}});
    Run();
  }
  const node::Node::Restarts& restarts() const { return hub_.restarts(); }

 private:
  void Begin(node::Node& n, const std::string& address) {
    inputs_.emplace_back(&n, node::LocalNetwork{{{"eth0", *net::IpAddress::Parse(address), 24}}, {}});
    Run();
    node::Actions out;
    n.OnTick(now_, out);  // tunnels call
    for (node::Action& a : out) Carry(n, a);
    Run();
  }
  void Run() {
    while (!inputs_.empty()) {
      auto [to, input] = std::move(inputs_.front());
      inputs_.pop_front();
      node::Actions out;
      to->Handle(std::move(input), now_, out);
      for (node::Action& a : out) Carry(*to, a);
    }
  }
  void Carry(node::Node& from, node::Action& action) {
    if (auto* send = std::get_if<node::SendIke>(&action)) {
      ike::SendDatagram& d = send->datagram;
      node::Node* to = &from == &hub_ ? spoke_ : &hub_;
      if (to != nullptr) inputs_.emplace_back(to, node::IkeDatagram{{d.remote, d.local, std::move(d.bytes)}});
    } else if (auto* job = std::get_if<node::StartJob>(&action)) {
      inputs_.emplace_back(&from, node::CryptoDone{job->id, crypto_->Run(job->job)});
    } else if (auto* apply = std::get_if<node::Apply>(&action)) {
      inputs_.emplace_back(&from, node::ApplyDone{apply->token, absl::OkStatus()});
    }
  }

  std::unique_ptr<crypto::Provider> crypto_ = crypto::NewOpensslProvider();
  SeededRng rng_{1};
  Instant now_{std::chrono::hours(1)};
  std::deque<std::pair<node::Node*, node::Input>> inputs_;
  node::Node* spoke_ = nullptr;
  node::Node hub_;
};

template <class F>
double Milliseconds(F f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Result {
  double parse = 1e9, diff = 1e9;        // of the whole
  double one_line = 1e9, in_node = 1e9;  // of a change: checked, in force
  size_t sessions = 0;
};

// As the daemon does it: the running model stays what it is until the candidate is checked.  Each run changes the key of
// another peer, whose session ends.
bool ChangeOneLine(const Model& running, Pair& pair, int peer, Result* r) {
  ParseResult next;
  std::vector<Change> changes;
  r->one_line = std::min(r->one_line, Milliseconds([&] {
    next = ParseCandidate(running, absl::StrCat("crypto ikev2 keyring K\n peer P", peer, "\n  pre-shared-key new\n"));
    changes = Diff(running, next.model);
  }));
  if (!next.ok() || changes.size() != 1) return false;
  r->in_node = std::min(r->in_node, Milliseconds([&] { pair.Configure(std::move(next.model)); }));
  const size_t concerned = static_cast<size_t>(peer) < r->sessions ? 1 : 0;
  const bool one_ended = pair.restarts().restarted == concerned;
  pair.Configure(running);
  return one_ended;
}

bool Measure(const std::string& text, Result* r, Model* model) {
  for (int run = 0; run < 3; ++run) {
    ParseResult first;
    r->parse = std::min(r->parse, Milliseconds([&] { first = Parse(text); }));
    const ParseResult again = Parse(text);
    std::vector<Change> changes;
    r->diff = std::min(r->diff, Milliseconds([&] { changes = Diff(first.model, again.model); }));
    for (const Diagnostic& d : first.diagnostics) std::fputs(FormatDiagnostic(d, "bench", text).c_str(), stderr);
    if (!first.ok() || !changes.empty()) return false;
    *model = std::move(first.model);
  }
  return true;
}

double PeakMib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  const int peers = argc > 1 ? std::atoi(argv[1]) : 10000;
  const int sessions = std::min(peers, argc > 2 ? std::atoi(argv[2]) : 1000);
  const std::string text = Text(peers);
  Result r;
  Model model;
  if (!Measure(text, &r, &model)) return 1;
  const double peak = PeakMib();
  Pair pair(model);
  for (int i = 0; i < sessions; ++i) r.sessions += pair.Connect(i) ? 1 : 0;
  if (r.sessions != static_cast<size_t>(sessions)) {
    std::fprintf(stderr, "config_bench: %zu of %d sessions came up\n", r.sessions, sessions);
    return 1;
  }
  for (int run = 0; run < 5; ++run)
    if (!ChangeOneLine(model, pair, sessions / 2 + run, &r)) return 1;
  const nlohmann::ordered_json out = {{"peers", peers},
                                      {"octets", text.size()},
                                      {"lines", std::count(text.begin(), text.end(), '\n')},
                                      {"sessions", r.sessions},
                                      {"parse_validate_ms", r.parse},
                                      {"diff_ms", r.diff},
                                      {"one_line_parse_validate_diff_ms", r.one_line},
                                      {"one_line_node_ms", r.in_node},
                                      {"peak_rss_mib", peak},
                                      {"sessions_peak_rss_mib", PeakMib()}};
  std::puts(out.dump(1).c_str());
  return 0;
}
