// SPDX-License-Identifier: Apache-2.0
// ike_bench load: `count` peers, each with its own address and identity, call the hub; `window` of them at
// once. In a storm every first message is made before the first is sent, as if each peer had a processor of
// its own.  Prints one JSON line when the last one is up or has failed.
#include <iostream>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "bench/ike/commands.h"
#include "bench/ike/host.h"
#include "nlohmann/json.hpp"

namespace flexvpn::bench {
namespace {

class Load {
 public:
  explicit Load(const Options& o)
      : o_(o),
        hub_(Address(o.hub)),
        base_(Address(o.base)),
        host_(ike::Endpoint::Config{}, {IkeSuite(o.suite)}, [this](const ike::Action& a) { Note(a); }) {
    if (!o.pki.empty()) spoke_ = MakeCertificatePolicy(o.pki, "spoke");
    if (o.storm) host_.held = &first_messages_;
    if (!o.half_open) return;
    host_.timers = false;
    host_.intercept = [this](const ike::Datagram& d) { OnAnswer(d); };
  }

  int Run() {
    start_ = os::Loop::Now();
    host_.loop().Post([this] { Fill(); });
    host_.Run([this] { Release(); });
    const double wall = static_cast<double>((os::Loop::Now() - start_).count()) / 1e9;
    const Counters& c = host_.endpoint().counters();
    std::cout << nlohmann::json{{"up", up_},
                                {"failed", failed_},
                                {"wall_s", wall},
                                {"retransmissions", c.Get("retransmissions")},
                                {"cookies", c.Get("cookies obeyed")},
                                {"why", why_}}
              << std::endl;
    return 0;
  }

 private:
  static net::IpAddress Address(const std::string& text) {
    const auto a = net::IpAddress::Parse(text);
    if (!a) Die("no address: " + text);
    return *a;
  }

  void Fill() {
    while (next_ < o_.count && (o_.storm || next_ - up_ - failed_ < o_.window)) Call(o_.first + next_++);
    if (up_ + failed_ == o_.count) host_.loop().Stop();
  }

  void Release() {
    if (host_.held == nullptr || static_cast<int>(first_messages_.size()) < o_.count) return;
    host_.held = nullptr;
    start_ = os::Loop::Now();
    for (const ike::SendDatagram& d : first_messages_) host_.Send(d);
  }

  void Call(int n) {
    ike::InitiateRequest r;
    r.local = {base_.Plus(static_cast<uint64_t>(n)), 500};
    r.remote = {hub_, 500};
    r.suites = {IkeSuite(o_.suite)};
    r.policy = spoke_ ? *spoke_ : MakePolicy(Fqdn(absl::StrFormat("spoke%06d.bench", n)));
    ike::Actions actions;
    host_.endpoint().Initiate(std::move(r), os::Loop::Now(), actions);
    host_.Carry(actions);
  }

  void OnAnswer(const ike::Datagram& d) {
    const auto header = ike::DecodeHeader(d.bytes);
    if (!header.ok() || !header->is_response()) return;
    if (!header->responder_spi) Die("the hub answers IKE_SA_INIT with an error or a cookie");
    Settled(true);
  }

  // Calls what comes next from the loop, not from inside the endpoint.
  void Settled(bool up) {
    ++(up ? up_ : failed_);
    if (std::exchange(filling_, true)) return;
    host_.loop().Post([this] {
      filling_ = false;
      Fill();
    });
  }

  void Note(const ike::Action& action) {
    if (std::holds_alternative<ike::ChildUp>(action)) return Settled(true);
    const auto* down = std::get_if<ike::SessionDown>(&action);
    if (down == nullptr) return;
    if (why_.empty()) why_ = down->reason;
    Settled(false);
  }

  Options o_;
  net::IpAddress hub_, base_;
  int next_ = 0, up_ = 0, failed_ = 0;
  bool filling_ = false;
  std::optional<ike::SessionPolicy> spoke_;  // of all, with certificates
  std::vector<ike::SendDatagram> first_messages_;
  std::string why_;
  Instant start_{};
  Host host_;
};

}  // namespace

int RunLoad(const Options& o) { return Load(o).Run(); }

}  // namespace flexvpn::bench
