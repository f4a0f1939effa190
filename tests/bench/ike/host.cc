// SPDX-License-Identifier: Apache-2.0
#include "bench/ike/host.h"

#include <sys/epoll.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>

#include "base/overloaded.h"
#include "core/crypto/openssl_rng.h"

namespace flexvpn::bench {
namespace {

constexpr const char* kPsk = "a pre-shared key of the benchmark";
constexpr int kJobsBetweenReads = 16;

template <class T>
T Must(absl::StatusOr<T> v) {
  if (!v.ok()) Die(v.status().ToString());
  return *std::move(v);
}

}  // namespace

void Die(const std::string& why) {
  std::fprintf(stderr, "ike_bench: %s\n", why.c_str());
  std::exit(1);
}

ike::Suite IkeSuite(const std::string& name) {
  using crypto::KeMethod;
  ike::Suite s{crypto::Encr::kAesGcm16, 128, crypto::Integ::kNone, crypto::Prf::kHmacSha256, KeMethod::kNone};
  if (name == "x25519") s.ke = KeMethod::kCurve25519;
  if (name == "ecp256") s.ke = KeMethod::kEcp256;
  if (name == "modp2048") s.ke = KeMethod::kModp2048;
  if (s.ke == KeMethod::kNone) Die("no such group: " + name);
  return s;
}

ike::Identity Fqdn(const std::string& name) { return {ike::IdType::kFqdn, ToBytes(name)}; }

ike::SessionPolicy MakePolicy(const ike::Identity& local) {
  ike::SessionPolicy p;
  p.profile = "bench";
  p.local_id = local;
  p.local_psk = p.remote_psk = ToSecret(AsView(kPsk));
  p.child.proposals = {{crypto::Encr::kAesGcm16, 128, {}, {}, {}, false}};
  p.child.local = p.child.remote = {ike::TsPolicy{true, 47, {}}};
  return p;
}

Bytes ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die("cannot read " + path);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

ike::SessionPolicy MakeCertificatePolicy(const std::string& pki, const std::string& name) {
  ike::SessionPolicy p = MakePolicy(Fqdn(name + ".bench"));
  p.local_psk = p.remote_psk = {};
  p.accept_psk = false;
  p.accept_elliptic = true;
  p.initial_contact = false;
  const auto authorities = Must(crypto::ParseCertificates(ReadFile(pki + "/ca.pem")));
  const auto trust = Must(crypto::MakeTrustStore(authorities, {}, {}));
  p.trust = {trust};
  auto credential = std::make_shared<crypto::Credential>();
  credential->chain = Must(crypto::ParseCertificates(ReadFile(pki + "/" + name + ".pem")));
  credential->key = Must(crypto::ParseSigningKey(ReadFile(pki + "/" + name + ".key"), {}));
  credential->authorities = trust->authorities();
  p.credentials = {std::move(credential)};
  return p;
}

Host::Host(const ike::Endpoint::Config& config, std::vector<ike::Suite> suites, OnAction on_action,
           ike::SessionPolicy hub_policy)
    : loop_(Must(os::Loop::Make())),
      crypto_(crypto::NewOpensslProvider()),
      rng_(std::make_unique<crypto::OpensslRng>()),
      suites_(std::move(suites)),
      on_action_(std::move(on_action)),
      hub_policy_(std::move(hub_policy)),
      endpoint_(config, *this, *crypto_, *rng_) {
  hub_policy_.initial_contact = false;
  endpoint_.SetTimeOfDay(std::time(nullptr), os::Loop::Now());
  Open(500);
  Open(4500);
}

void Host::Open(uint16_t port) {
  using Encap = os::UdpSocket::Encap;
  auto& socket = sockets_[port == 500 ? 0 : 1];
  socket = Must(os::UdpSocket::Make(net::Family::kIpv4, port, port == 500 ? Encap::kNone : Encap::kEspInUdp));
  const absl::Status s = loop_->Add(socket->fd(), EPOLLIN, [this, &socket](uint32_t) { Receive(*socket); });
  if (!s.ok()) Die(s.ToString());
}

void Host::Receive(os::UdpSocket& socket) {
  socket.Receive([this](const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes) {
    ++received_;
    const ike::Datagram d{local, remote, Bytes(bytes.begin(), bytes.end())};
    if (intercept) return intercept(d);
    actions_.clear();
    endpoint_.Handle(d, os::Loop::Now(), actions_);
    Carry(actions_);
  });
}

void Host::Send(ike::SendDatagram d) {
  if (held != nullptr) return held->push_back(std::move(d));
  sockets_[d.local.port == 500 ? 0 : 1]->Queue(d.local, d.remote, std::move(d.bytes));
}

void Host::Carry(ike::Actions& actions) {
  for (ike::Action& action : actions) {
    std::visit(Overloaded{[this](ike::SendDatagram& d) { Send(std::move(d)); },
                          [this](ike::StartJob& job) {
                            (std::holds_alternative<crypto::AnswerKey>(job.job) ? beginning_ : finishing_)
                                .push_back(std::move(job));
                          },
                          [this, &action](auto&) { on_action_(action); }},
               action);
  }
}

// Datagrams are read between the jobs: an IKE_AUTH is not kept waiting by a queue of Diffie-Hellman.
std::optional<Instant> Host::BeforeWait() {
  RunJobs();
  if (!Idle()) return Instant{};
  if (!timers) return std::nullopt;
  actions_.clear();
  const auto due = endpoint_.NextDeadline();
  const Instant now = os::Loop::Now();
  if (due && *due <= now) endpoint_.OnTick(now, actions_);
  Carry(actions_);
  return Idle() ? endpoint_.NextDeadline() : Instant{};
}

void Host::RunJobs() {
  for (int i = 0; i < kJobsBetweenReads && !Idle(); ++i) {
    auto& queue = finishing_.empty() ? beginning_ : finishing_;
    const ike::StartJob job = std::move(queue.front());
    queue.pop_front();
    actions_.clear();
    endpoint_.JobDone(job.id, crypto_->Run(job.job), os::Loop::Now(), actions_);
    Carry(actions_);
  }
}

void Host::Run(const std::function<void()>& before_wait) {
  loop_->Run([&] {
    const auto deadline = BeforeWait();
    if (Idle()) before_wait();
    for (auto& socket : sockets_) socket->Flush().IgnoreError();
    return deadline;
  });
}

std::vector<Bytes> Host::Authorities(const net::Endpoint&, const net::Endpoint&) {
  return hub_policy_.trust.empty() ? std::vector<Bytes>{} : hub_policy_.trust.front()->authorities();
}

absl::StatusOr<ike::SessionPolicy> Host::SelectProfile(const ike::SessionInfo&,
                                                       const std::optional<ike::Identity>&) {
  return hub_policy_;
}

absl::StatusOr<std::vector<ike::ConfigAttribute>> Host::OnConfigRequest(
    const ike::SessionInfo&, const std::vector<ike::ConfigAttribute>&) {
  return std::vector<ike::ConfigAttribute>{};
}

std::vector<ike::ConfigAttribute> Host::OnConfigSet(const ike::SessionInfo&,
                                                    const std::vector<ike::ConfigAttribute>& set) {
  return set;
}

}  // namespace flexvpn::bench
