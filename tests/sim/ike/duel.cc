// SPDX-License-Identifier: Apache-2.0
#include "sim/ike/duel.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"

namespace flexvpn::ike::sim {
namespace {

constexpr size_t kWidth = 44;  // of the space between the two sides in the drawing
constexpr Duration kLong = seconds(200);

struct Side : Policy {
  size_t index = 0;
  net::IpAddress address;
  SessionPolicy session;
  std::vector<Suite> suites;
  std::unique_ptr<SeededRng> rng;
  std::unique_ptr<Endpoint> endpoint;
  IkeSaId id;
  IkeSpi first_spi;
  ChildId first_child;
  bool up = false;
  int announced = 0;  // SessionDown

  std::vector<Suite> InitSuites(const net::Endpoint&, const net::Endpoint&) override { return suites; }
  absl::StatusOr<SessionPolicy> SelectProfile(const SessionInfo&, const std::optional<Identity>&) override {
    return session;
  }
  absl::StatusOr<std::vector<ConfigAttribute>> OnConfigRequest(const SessionInfo&,
                                                               const std::vector<ConfigAttribute>& r) override {
    return r;
  }
  std::vector<ConfigAttribute> OnConfigSet(const SessionInfo&, const std::vector<ConfigAttribute>& s) override {
    return s;
  }
};

// What a message is about, in few words.
std::string Words(const Header& h, const Payloads& payloads) {
  if (const NotifyPayload* error = FindError(payloads)) return NotifyName(error->type);
  for (const Payload& p : payloads)
    if (const auto* del = std::get_if<DeletePayload>(&p))
      return absl::StrCat(h.is_response() ? "deleted " : "delete ", del->protocol == ProtocolId::kIke ? "IKE" : "child");
  const bool sa = Find<SaPayload>(payloads) != nullptr;
  if (sa && h.is_response()) return FindTs(payloads, true) != nullptr ? "new child" : "new IKE";
  if (sa) return FindTs(payloads, true) != nullptr ? "rekey child" : "rekey IKE";
  return h.is_response() ? "ok" : "alive?";
}

class Duel {
 public:
  explicit Duel(const Play& play) : play_(play), crypto_(play.seed, true) {
    SeededRng seeds(play.seed);
    for (size_t i : {size_t{0}, size_t{1}}) {
      Side& s = sides_[i];
      s.index = i;
      s.address = net::IpAddress::V4(0xc0000201 + static_cast<uint32_t>(i));
      s.suites = {{crypto::Encr::kAesGcm16, 128, {}, crypto::Prf::kHmacSha256, crypto::KeMethod::kEcp256, false}};
      s.session.profile = "duel";
      s.session.local_id = {IdType::kFqdn, ToBytes(i == 0 ? "a" : "b")};
      s.session.local_psk = s.session.remote_psk = ToSecret(AsView("secret"));
      s.session.child.proposals = {{crypto::Encr::kAesGcm16, 128, {}, {}, {}, false}};
      s.session.child.local = s.session.child.remote = {TsPolicy{true, 47, {}}};
      s.session.child.lifetime = s.session.lifetime = seconds(864000);
      if (play.pfs) s.session.child.pfs = {crypto::KeMethod::kEcp256};
      s.session.window = play.window;
      s.rng = std::make_unique<SeededRng>(seeds.U64());
      s.endpoint = std::make_unique<Endpoint>(Endpoint::Config{}, s, crypto_, *s.rng);
    }
    watch_.SetFlight(milliseconds(1));
  }

  Ending Run() {
    Connect();
    quiet_ = false;
    ending_.sent = 0;
    const Instant end = now_ + kLong;
    Tell(sides_[0], play_.a);
    Tell(sides_[1], play_.b);
    while (watch_.violation().empty()) {
      if (!net_.empty()) {
        Deliver(Choose());
        continue;
      }
      const auto next = Earlier(sides_[0].endpoint->NextDeadline(), sides_[1].endpoint->NextDeadline());
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      for (Side& s : sides_) Do(s, [&](Endpoint& e, Actions& out) { e.OnTick(now_, out); });
    }
    Conclude();
    return ending_;
  }

 private:
  struct Flying {
    size_t to;
    int number;
    Datagram datagram;
  };

  void Connect() {
    InitiateRequest r;
    r.local = {sides_[0].address, 500};
    r.remote = {sides_[1].address, 500};
    r.suites = sides_[0].suites;
    r.policy = sides_[0].session;
    Do(sides_[0], [&](Endpoint& e, Actions& out) { e.Initiate(std::move(r), now_, out); });
    while (!net_.empty()) Deliver(0);
    for (Side& s : sides_)
      if (!s.up) watch_.Violate("no session to begin with");
  }

  template <class F>
  void Do(Side& s, F f) {
    Actions out;
    f(*s.endpoint, out);
    Apply(s, out);
  }

  void Tell(Side& s, Move move) {
    Do(s, [&](Endpoint& e, Actions& out) {
      switch (move) {
        case Move::kNothing: return;
        case Move::kRekeyChild: return e.RekeyChild(s.first_child, now_, out);
        case Move::kRekeyIke: return e.RekeyIke(s.id, now_, out);
        case Move::kDeleteChild: return e.DeleteChild(s.first_child, now_, out);
        case Move::kDeleteIke: return e.Terminate(s.id, "order", now_, out);
      }
    });
  }

  size_t Choose() {
    if (net_.size() == 1) return 0;
    const size_t at = ending_.options.size();
    ending_.options.push_back(net_.size());
    return at < play_.order.size() ? std::min(play_.order[at], net_.size() - 1) : 0;
  }

  void Deliver(size_t which) {
    const Flying f = std::move(net_[which]);
    net_.erase(net_.begin() + static_cast<ptrdiff_t>(which));
    now_ += milliseconds(1);
    if (!quiet_) Draw(1 - f.to, absl::StrCat(f.number), false, true);
    Do(sides_[f.to], [&](Endpoint& e, Actions& out) { e.Handle(f.datagram, now_, out); });
  }

  // Sent: the text stands at the sender; arrived: the number stands at the receiver.
  void Draw(size_t from, const std::string& text, bool lost, bool arrived) {
    std::string line;
    if (from == 0)
      line = arrived ? absl::StrCat(text, " -->|") : absl::StrCat("|-- ", text, lost ? " --x" : " -->");
    else
      line = arrived ? absl::StrCat("|<-- ", text) : absl::StrCat(lost ? "x-- " : "<-- ", text, " --|");
    const size_t fill = kWidth - std::min(kWidth, line.size() + 1);
    const bool right = (from == 0) == arrived;
    line = right ? absl::StrCat("|", std::string(fill, ' '), line) : absl::StrCat(line, std::string(fill, ' '), "|");
    absl::StrAppend(&ending_.arrows, line, "\n");
  }

  void Apply(Side& s, Actions& actions) {
    for (Action& a : actions) {
      if (auto* send = std::get_if<SendDatagram>(&a)) {
        Send(s, std::move(*send));
      } else if (auto* job = std::get_if<StartJob>(&a)) {
        Do(s, [&](Endpoint& e, Actions& out) { e.JobDone(job->id, crypto_.Run(job->job), now_, out); });
      } else {
        Record(s, a);
      }
    }
    watch_.EndEvent();
  }

  void Send(Side& s, SendDatagram d) {
    watch_.Sent(s.index, d.bytes);
    bool lost = false;
    const int number = ++ending_.sent;
    if (!quiet_) {
      lost = number - 1 == play_.lost;
      Draw(s.index, absl::StrCat(number, " ", Words(*DecodeHeader(d.bytes), crypto_.Read(d.bytes))), lost, false);
    }
    if (!lost) net_.push_back({1 - s.index, number, Datagram{d.remote, d.local, std::move(d.bytes)}});
  }

  void Record(Side& s, const Action& a) {
    const Life life{s.index, 0};
    if (const auto* up = std::get_if<SessionUp>(&a)) {
      watch_.SessionUp(life, up->session.id);
      s.id = up->session.id;
      s.first_spi = up->session.spi_i;
      s.up = true;
    } else if (const auto* down = std::get_if<SessionDown>(&a)) {
      watch_.SessionDown(life, down->session.id);
      s.up = false;
      if (++s.announced > 1) watch_.Violate("a session went down twice");
    } else if (const auto* child = std::get_if<ChildUp>(&a)) {
      watch_.ChildUp(life, *child, now_);
      if (!s.first_child) s.first_child = child->child.id;
    } else if (const auto* gone = std::get_if<ChildDown>(&a)) {
      watch_.ChildDown(life, *gone, now_);
    }
  }

  void Conclude() {
    ending_.violation = watch_.violation();
    if (!ending_.violation.empty()) return;
    std::vector<SaInfo> lists[2];
    for (Side& s : sides_) {
      lists[s.index] = s.endpoint->List(now_);
      const Endpoint::Usage u = s.endpoint->usage();
      const size_t sessions = s.up ? 1 : 0;
      ending_.won += s.endpoint->counters().Get("rekey collisions won");
      ending_.lost += s.endpoint->counters().Get("rekey collisions lost");
      if (lists[s.index].size() != sessions || u.sessions != sessions || u.ike_sas != sessions || u.requests != 0 ||
          u.queued != 0 || u.jobs != 0 || (s.up && u.children != lists[s.index][0].children.size()) ||
          u.esp_spis != u.children)
        ending_.violation = absl::StrCat(s.index == 0 ? "A" : "B", " is left with ", u.sessions, " sessions, ",
                                         u.ike_sas, " IKE SAs, ", u.children, " Child SAs, ", u.esp_spis, " SPIs, ",
                                         u.requests + u.queued + u.jobs, " exchanges");
    }
    if (!ending_.violation.empty()) return;
    if (sides_[0].up != sides_[1].up) ending_.violation = "only one of them has the session";
    ending_.up = sides_[0].up;
    if (ending_.violation.empty() && ending_.up) Compare(lists[0][0], lists[1][0]);
  }

  void Compare(const SaInfo& a, const SaInfo& b) {
    if (a.session.spi_i != b.session.spi_i || a.session.spi_r != b.session.spi_r)
      ending_.violation = "they use different IKE SAs";
    ending_.ike_replaced = a.session.spi_i != sides_[0].first_spi;
    ending_.children = a.children.size();
    if (a.children.size() != b.children.size()) {
      ending_.violation = "one has more Child SAs than the other";
      return;
    }
    for (const ChildInfo& c : a.children) {
      const bool found = std::any_of(b.children.begin(), b.children.end(), [&](const ChildInfo& d) {
        return c.child.spi_in == d.child.spi_out && c.child.spi_out == d.child.spi_in;
      });
      if (!found) ending_.violation = "a Child SA has no other half";
      ending_.child_replaced = ending_.child_replaced || c.child.id != sides_[0].first_child;
    }
  }

  Play play_;
  Wiretap crypto_;
  Watch watch_;
  Side sides_[2];
  std::deque<Flying> net_;
  Instant now_{std::chrono::hours(1)};
  bool quiet_ = true;
  Ending ending_;
};

}  // namespace

const char* MoveName(Move move) {
  switch (move) {
    case Move::kNothing: return "nothing";
    case Move::kRekeyChild: return "rekey child";
    case Move::kRekeyIke: return "rekey IKE";
    case Move::kDeleteChild: return "delete child";
    case Move::kDeleteIke: return "delete IKE";
  }
  return "?";
}

Ending RunPlay(const Play& play) { return Duel(play).Run(); }

}  // namespace flexvpn::ike::sim
