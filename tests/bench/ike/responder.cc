// SPDX-License-Identifier: Apache-2.0
// ike_bench responder: answers until its standard input ends.  Orders on standard input, one JSON line each
// back:
//   stats   sessions, half-open SAs, datagrams received, counters
//   show    List() and the rendering of "show crypto ikev2 sa"
#include <sys/epoll.h>
#include <unistd.h>

#include <iostream>

#include "bench/ike/commands.h"
#include "bench/ike/host.h"
#include "core/show/rows.h"
#include "nlohmann/json.hpp"

namespace flexvpn::bench {
namespace {

using nlohmann::json;

double MsSince(Instant start) { return static_cast<double>((os::Loop::Now() - start).count()) / 1e6; }

show::IkeSaRow RowOf(const ike::SaInfo& sa) {
  const ike::SessionInfo& s = sa.session;
  show::IkeSaRow r;
  r.tunnel_id = r.session_id = static_cast<uint32_t>(s.id.value());
  r.profile = s.profile;
  r.local = s.local;
  r.remote = s.remote;
  r.status = sa.state;
  r.initiator = s.initiator;
  r.local_spi = s.spi_r.value();
  r.remote_spi = s.spi_i.value();
  r.encr = static_cast<uint16_t>(s.suite.encr);
  r.key_bits = s.suite.encr_key_bits;
  r.prf = static_cast<uint16_t>(s.suite.prf);
  r.group = static_cast<uint16_t>(s.suite.ke);
  r.local_id = s.local_id.ToString();
  r.remote_id = s.remote_id.ToString();
  r.lifetime = seconds(WholeSeconds(sa.lifetime));
  r.active = seconds(WholeSeconds(sa.age));
  r.local_next_msg_id = r.local_queued = sa.local_request_id;
  r.remote_next_msg_id = r.remote_queued = sa.remote_request_id;
  r.local_window = sa.local_window;
  r.remote_window = sa.remote_window;
  r.children = static_cast<uint32_t>(sa.children.size());
  return r;
}

class Responder {
 public:
  explicit Responder(const Options& o)
      : host_(EndpointConfig(o), {IkeSuite("x25519"), IkeSuite("ecp256"), IkeSuite("modp2048")},
              [this](const ike::Action& a) { Note(a); },
              o.pki.empty() ? MakePolicy(Fqdn("hub.bench")) : MakeCertificatePolicy(o.pki, "hub")) {
    const absl::Status s = host_.loop().Add(STDIN_FILENO, EPOLLIN, [this](uint32_t) { OnInput(); });
    if (!s.ok()) Die(s.ToString());
  }

  int Run() {
    std::cout << json{{"ready", true}} << std::endl;
    host_.Run();
    return 0;
  }

 private:
  void Note(const ike::Action& action) {
    if (std::holds_alternative<ike::SessionUp>(action)) ++sessions_;
    if (std::holds_alternative<ike::SessionDown>(action)) --sessions_;
    if (std::holds_alternative<ike::ChildUp>(action)) ++children_;
  }

  void OnInput() {
    char buffer[256];
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
    if (n <= 0) return host_.loop().Stop();
    for (const char* c = buffer; c < buffer + n; ++c) {
      if (*c != '\n') {
        line_.push_back(*c);
        continue;
      }
      std::cout << (line_ == "show" ? Show() : Stats()) << std::endl;
      line_.clear();
    }
  }

  json Stats() {
    return {{"sessions", sessions_},
            {"children", children_},
            {"half_open", host_.endpoint().half_open()},
            {"datagrams", host_.received()},
            {"counters", host_.endpoint().counters().all()}};
  }

  json Show() {
    const Instant start = os::Loop::Now();
    const std::vector<ike::SaInfo> list = host_.endpoint().List(start);
    const double list_ms = MsSince(start);
    std::vector<show::IkeSaRow> rows;
    rows.reserve(list.size());
    for (const ike::SaInfo& sa : list) rows.push_back(RowOf(sa));
    const show::Document document = show::MakeIkeSas(std::move(rows), false);  // freed after the answer is out
    const std::string text = show::RenderText(document);
    return {{"sessions", list.size()},
            {"list_ms", list_ms},
            {"total_ms", MsSince(start)},
            {"octets", text.size()}};
  }

  static ike::Endpoint::Config EndpointConfig(const Options& o) {
    ike::Endpoint::Config config;
    if (o.protect) return config;
    config.cookie_threshold = config.max_half_open = config.max_half_open_per_source = 1'000'000;
    config.half_open_timeout = seconds(600);
    return config;
  }

  int64_t sessions_ = 0, children_ = 0;
  std::string line_;
  Host host_;
};

}  // namespace

int RunResponder(const Options& o) { return Responder(o).Run(); }

}  // namespace flexvpn::bench
