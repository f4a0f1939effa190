// SPDX-License-Identifier: Apache-2.0
// One IKE node of the benchmark: the real endpoint on real UDP sockets and a real loop.  Only the kernel's
// SAs are missing: Child SAs are counted, not installed.
#ifndef FLEXVPN_BENCH_IKE_HOST_H_
#define FLEXVPN_BENCH_IKE_HOST_H_

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "core/crypto/provider.h"
#include "core/ike/endpoint.h"
#include "os/loop/loop.h"
#include "os/udp/udp.h"

namespace flexvpn::bench {

// AES-128-GCM, HMAC-SHA-256 and the group called `name` (x25519, ecp256, modp2048); dies on another name.
ike::Suite IkeSuite(const std::string& name);

// What a spoke of this benchmark and its hub have configured: GRE between their outer addresses, transport
// mode.
ike::SessionPolicy MakePolicy(const ike::Identity& local);
// The same with the certificate NAME.pem of directory `pki`, for identity NAME.bench; every peer may have the same.
ike::SessionPolicy MakeCertificatePolicy(const std::string& pki, const std::string& name);
// The octets of a file; dies if it cannot be read.
Bytes ReadFile(const std::string& path);
ike::Identity Fqdn(const std::string& name);

class Host : public ike::Policy {
 public:
  // `on_action` sees every action but datagrams and jobs, which the host carries out itself.
  using OnAction = std::function<void(const ike::Action&)>;
  Host(const ike::Endpoint::Config& config, std::vector<ike::Suite> suites, OnAction on_action,
       ike::SessionPolicy hub_policy = MakePolicy(Fqdn("hub.bench")));

  ike::Endpoint& endpoint() { return endpoint_; }
  os::Loop& loop() { return *loop_; }
  // Until the loop is stopped; `before_wait` is called whenever there is nothing to do at once.
  void Run(const std::function<void()>& before_wait = [] {});
  // Carries out what a call of the endpoint asked for.
  void Carry(ike::Actions& actions);
  // Instead of the endpoint: for a generator that leaves its SAs half-open.
  std::function<void(const ike::Datagram&)> intercept;
  bool timers = true;
  // While set, datagrams are kept there instead of being sent.
  std::vector<ike::SendDatagram>* held = nullptr;
  void Send(ike::SendDatagram d);
  uint64_t received() const { return received_; }

  std::vector<ike::Suite> InitSuites(const net::Endpoint&, const net::Endpoint&) override { return suites_; }
  std::vector<Bytes> Authorities(const net::Endpoint&, const net::Endpoint&) override;
  absl::StatusOr<ike::SessionPolicy> SelectProfile(const ike::SessionInfo&,
                                                   const std::optional<ike::Identity>&) override;
  absl::StatusOr<std::vector<ike::ConfigAttribute>> OnConfigRequest(
      const ike::SessionInfo&, const std::vector<ike::ConfigAttribute>&) override;
  std::vector<ike::ConfigAttribute> OnConfigSet(const ike::SessionInfo&,
                                                const std::vector<ike::ConfigAttribute>&) override;

 private:
  void Open(uint16_t port);
  void Receive(os::UdpSocket& socket);
  std::optional<Instant> BeforeWait();
  bool Idle() const { return finishing_.empty() && beginning_.empty(); }
  void RunJobs();

  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<crypto::Provider> crypto_;
  std::unique_ptr<Rng> rng_;
  std::vector<ike::Suite> suites_;
  OnAction on_action_;
  ike::SessionPolicy hub_policy_;
  ike::Endpoint endpoint_;
  std::array<std::unique_ptr<os::UdpSocket>, 2> sockets_;  // ports 500 and 4500
  std::deque<ike::StartJob> finishing_, beginning_;  // as the daemon's WorkerPool orders them
  ike::Actions actions_;                             // reused
  uint64_t received_ = 0;
};

[[noreturn]] void Die(const std::string& why);

}  // namespace flexvpn::bench

#endif  // FLEXVPN_BENCH_IKE_HOST_H_
