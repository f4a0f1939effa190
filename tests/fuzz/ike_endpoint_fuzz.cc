// SPDX-License-Identifier: Apache-2.0
// Two IKE endpoints under a script of the fuzzer: it moves, loses, repeats and bends datagrams, lets time pass, gives
// orders, and speaks as an authentic peer with payloads of its own.  Nothing may crash, grow without bound or leave
// a session without its timers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "core/ike/codec/fragment.h"
#include "core/ike/endpoint.h"
#include "core/ike/proposal.h"
#include "support/toy_crypto.h"

namespace flexvpn::ike {
namespace {

const net::IpAddress kAddress[] = {net::IpAddress::V4(0xc0000201), net::IpAddress::V4(0xc0000202)};

Suite IkeSuite() {
  return {crypto::Encr::kAesGcm16, 128, crypto::Integ::kNone, crypto::Prf::kHmacSha256, crypto::KeMethod::kEcp256,
          false};
}

Suite Additional(Suite s) {
  s.additional[0] = crypto::KeMethod::kEcp384;
  return s;
}

SessionPolicy MakePolicy(const char* id) {
  SessionPolicy p;
  p.profile = "p";
  p.local_id = {IdType::kFqdn, ToBytes(id)};
  p.local_psk = p.remote_psk = ToSecret(AsView("secret"));
  p.child.proposals = {{crypto::Encr::kAesGcm16, 128, {}, {}, {}, false}};
  p.child.pfs = {};
  p.child.local = p.child.remote = {TsPolicy{true, 47, {}}, TsPolicy{false, 0, *net::Prefix::Parse("10.0.0.0/8")}};
  p.child.lifetime = seconds(20);
  p.lifetime = seconds(60);
  p.dpd = {seconds(5), seconds(1), true};
  return p;
}

class FuzzPolicy : public Policy {
 public:
  explicit FuzzPolicy(const char* id) : session(MakePolicy(id)) {}
  SessionPolicy session;
  std::vector<Suite> InitSuites(const net::Endpoint&, const net::Endpoint&) override {
    return {Additional(IkeSuite()), IkeSuite()};
  }
  bool OffersPpk(const net::Endpoint&, const net::Endpoint&) override { return session.ppk.has_value(); }
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

struct Side {
  FuzzPolicy policy;
  SeededRng rng;
  Endpoint endpoint;
  IkeSaId session;
  ChildId child;
  size_t live_children = 0;
  Side(const char* id, uint64_t seed, uint16_t mtu, const crypto::Provider& crypto)
      : policy(id), rng(seed), endpoint(WithMtu(mtu), policy, crypto, rng) {}
  static Endpoint::Config WithMtu(uint16_t mtu) {
    Endpoint::Config c;
    c.fragmentation_mtu = mtu;
    return c;
  }
};

class Script {
 public:
  Script(const crypto::Provider& crypto, BytesView data)
      : crypto_(crypto), in_(data), sides_{{"a", 1, 1280, crypto}, {"b", 2, 200, crypto}} {}

  void Run() {
    for (int step = 0; step < 400 && in_.left() > 0; ++step) Step();
    Settle();
  }

 private:
  struct Pending {
    size_t to;
    Datagram datagram;
  };

  void Step() {
    if (!logins_.empty() && in_.left() % 2 == 0) AnswerLogin();
    const uint8_t op = in_.U8();
    const size_t side = op >> 7;
    switch (op & 0x0f) {
      case 0: return Deliver(false);
      case 1: return Deliver(true);
      case 2: if (!net_.empty()) net_.pop_front(); return;
      case 3: return Pass(milliseconds(10) * in_.U8());
      case 4: return Pass(milliseconds(500) * in_.U8());
      case 5: return Initiate(side, op >> 4 & 7);
      case 6: return Order(side, [&](Endpoint& e, Actions& o) { e.RekeyChild(sides_[side].child, now_, o); });
      case 7: return Order(side, [&](Endpoint& e, Actions& o) { e.RekeyIke(sides_[side].session, now_, o); });
      case 8: return Order(side, [&](Endpoint& e, Actions& o) { e.Terminate(sides_[side].session, "x", now_, o); });
      case 9: return Bend();
      case 10: return Raw(side);
      case 11: return Authentic(side, (op & 0x40) != 0);
      case 12: while (!net_.empty() && budget_ > 0) Deliver(false); return;
      case 13: return Order(side, [&](Endpoint& e, Actions& o) { e.Forget(sides_[side].session, now_, o); });
      case 14: return RunJob();
      default: return Order(side, [&](Endpoint& e, Actions& o) {
        e.SendConfigSet(sides_[side].session, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, now_, o);
      });
    }
  }

  template <class F>
  void Order(size_t side, F f) {
    Actions out;
    f(sides_[side].endpoint, out);
    Apply(side, out);
  }

  // `extras`: additional key exchanges, childless, post-quantum pre-shared key; the last two together: the caller is not
  // authenticated.  Some callers log in by EAP.
  void Initiate(size_t side, int extras) {
    const bool null = (extras & 6) == 6, eap = !null && in_.left() % 8 == 5;
    for (Side& s : sides_) {
      SessionPolicy& p = s.policy.session;
      p.child.pfs.clear();
      p.child.additional.clear();
      if ((extras & 1) != 0) {
        p.child.pfs = {crypto::KeMethod::kEcp256};
        p.child.additional = {Additional(IkeSuite()).additional};
      }
      p.childless = (extras & 2) != 0 ? Childless::kPrefer : Childless::kNever;
      p.ppk.reset();
      if ((extras & 4) != 0) p.ppk = Ppk{ToBytes("id"), ToSecret(AsView("ppk")), false};
      p.accept_eap = eap;
      p.local_eap = eap && &s == &sides_[side];
      p.accept_null = null;
      p.local_null = null && &s == &sides_[side];
      p.local_id = p.local_null ? Identity{IdType::kNull, {}}
                                : Identity{IdType::kFqdn, ToBytes(&s == &sides_[0] ? "a" : "b")};
    }
    InitiateRequest r;
    r.local = {kAddress[side], 500};
    r.remote = {kAddress[1 - side], 500};
    r.suites = {(extras & 1) != 0 ? Additional(IkeSuite()) : IkeSuite()};
    r.policy = sides_[side].policy.session;
    r.config_request = {{CfgAttr::kIp4Address, {}}};
    Order(side, [&](Endpoint& e, Actions& o) { sides_[side].session = e.Initiate(r, now_, o); });
  }

  void Deliver(bool keep) {
    if (net_.empty() || --budget_ < 0) return;
    Pending p = net_.front();
    if (!keep) net_.pop_front();
    Hand(p.to, p.datagram);
  }
  void Hand(size_t side, const Datagram& d) {
    Actions out;
    sides_[side].endpoint.Handle(d, now_, out);
    Apply(side, out);
  }
  void Bend() {
    if (net_.empty()) return;
    Bytes& bytes = net_.front().datagram.bytes;
    const size_t at = in_.U16();
    if (!bytes.empty()) bytes[at % bytes.size()] ^= static_cast<uint8_t>(in_.U8());
  }
  void Raw(size_t side) {
    const BytesView bytes = in_.Take(std::min<size_t>(in_.U8(), in_.left()));
    Hand(side, {{kAddress[side], 500}, {kAddress[1 - side], 500}, Bytes(bytes.begin(), bytes.end())});
  }

  // As the peer of `side` on the first IKE SA: the toy key exchange is no secret.  In fragments, some of them missing.
  void Authentic(size_t side, bool fragments) {
    static constexpr ExchangeType kExchanges[] = {ExchangeType::kIkeAuth, ExchangeType::kCreateChildSa,
                                                  ExchangeType::kInformational, ExchangeType::kIkeIntermediate,
                                                  ExchangeType::kIkeFollowupKe};
    const uint8_t kind = in_.U8();
    const ExchangeType exchange = kExchanges[kind < 250 ? kind % 3 : 3 + kind % 2];
    const uint8_t id = in_.U8(), flags = in_.U8(), first = in_.U8();
    const size_t space = fragments ? 120u + in_.U8() : 0;
    const uint8_t missing = fragments ? in_.U8() : 0;
    const BytesView body = in_.Take(std::min<size_t>(in_.U8(), in_.left()));
    const auto payloads = DecodePayloads(first, body);
    if (!keys_ || !payloads.ok()) return;
    Header h;
    h.initiator_spi = spi_i_, h.responder_spi = spi_r_;
    h.exchange = exchange;
    h.message_id = id % 16;
    const bool as_initiator = side != initiator_;
    h.flags = static_cast<uint8_t>((as_initiator ? kFlagInitiator : 0) | ((flags & 1) != 0 ? kFlagResponse : 0));
    const auto wire = ProtectWithin(crypto_, as_initiator ? keys_->initiator : keys_->responder, h,
                                    EncodePlain(*payloads), space, serial_, sides_[0].rng);
    for (size_t i = 0; wire.ok() && i < wire->size(); ++i)
      if ((missing >> i % 8 & 1) == 0) Hand(side, {{kAddress[side], 500}, {kAddress[1 - side], 500}, (*wire)[i]});
  }
  void Learn(size_t from, const Bytes& bytes) {
    const auto h = DecodeHeader(bytes);
    if (!h.ok() || h->exchange != ExchangeType::kIkeSaInit) return;
    const auto p = DecodePayloads(h->next_payload, BytesView(bytes).subspan(kHeaderSize));
    if (!p.ok() || ike::Find<KePayload>(*p) == nullptr || ike::Find<NoncePayload>(*p) == nullptr) return;
    if (!h->is_response()) {
      request_ = *p;
      return;
    }
    if (keys_ || request_.empty()) return;
    const auto* ke = ike::Find<KePayload>(request_);
    const auto shared = crypto_.Run(
        crypto::DeriveSecret{{ke->method, ke->public_value, nullptr}, ike::Find<KePayload>(*p)->public_value});
    if (!shared.ok()) return;
    spi_i_ = h->initiator_spi, spi_r_ = h->responder_spi;
    initiator_ = 1 - from;
    keys_ = DeriveIkeKeys(crypto_, IkeSuite(), std::get<SecretBytes>(*shared),
                          ike::Find<NoncePayload>(request_)->nonce, ike::Find<NoncePayload>(*p)->nonce, spi_i_, spi_r_);
  }

  // What a method of EAP may say, fitting or not.
  void AnswerLogin() {
    const auto [side, id, question] = logins_.front();
    logins_.pop_front();
    const uint8_t what = in_.U8();
    EapStep step;
    step.kind = (what & 7) == 0 ? EapStep::Kind::kFailure : (what & 7) < 4 ? EapStep::Kind::kSuccess : EapStep::Kind::kMessage;
    if ((what & 0x10) == 0) step.message = {static_cast<uint8_t>(side == initiator_ ? 2 : step.kind == EapStep::Kind::kSuccess ? 3 : 1), 1, 0, 4};
    if ((what & 0x20) == 0) step.msk = ToSecret(AsView("msk"));
    if ((what & 0x40) == 0) step.identity = Identity{IdType::kFqdn, ToBytes("user")};
    Order(side, [&, id = id, question = question](Endpoint& e, Actions& o) { e.EapAnswer(id, question, std::move(step), now_, o); });
  }

  void RunJob() {
    if (jobs_.empty()) return;
    auto [side, job] = std::move(jobs_.front());
    jobs_.pop_front();
    Actions out;
    sides_[side].endpoint.JobDone(job.id, crypto_.Run(job.job), now_, out);
    Apply(side, out);
  }

  void Pass(Duration d) {
    const Instant end = now_ + d;
    while (budget_ > 0) {
      std::optional<Instant> next = Earlier(sides_[0].endpoint.NextDeadline(), sides_[1].endpoint.NextDeadline());
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      Tick();
    }
    now_ = std::max(now_, end);
  }
  void Tick() {
    --budget_;
    for (size_t side : {size_t{0}, size_t{1}}) {
      Actions out;
      sides_[side].endpoint.OnTick(now_, out);
      Apply(side, out);
    }
  }

  void Apply(size_t side, Actions& actions) {
    for (Action& a : actions) {
      if (auto* send = std::get_if<SendDatagram>(&a)) {
        Learn(side, send->bytes);
        if (net_.size() < 64 && send->bytes.size() > 1)
          net_.push_back({1 - side, Datagram{send->remote, send->local, std::move(send->bytes)}});
      } else if (auto* job = std::get_if<StartJob>(&a)) {
        jobs_.emplace_back(side, std::move(*job));
        if (in_.left() % 4 != 0) RunJob();
      } else if (auto* login = std::get_if<EapReceived>(&a)) {
        logins_.emplace_back(side, login->session.id, login->question);
      } else if (auto* up = std::get_if<SessionUp>(&a)) {
        sides_[side].session = up->session.id;
      } else if (auto* child = std::get_if<ChildUp>(&a)) {
        if (child->inbound && child->child.encr_in.empty()) std::abort();
        if (child->outbound && child->child.encr_out.empty()) std::abort();
        sides_[side].child = child->child.id;
      }
    }
  }

  // Left alone for long, every session either lives by its liveness checks or is gone; nothing stays half-way.
  void Settle() {
    while (!jobs_.empty()) RunJob();
    net_.clear();
    budget_ = std::max(budget_, 2000);
    Pass(seconds(600));
    for (Side& s : sides_) {
      if (s.endpoint.half_open() != 0) std::abort();
      if (budget_ > 0 && !s.endpoint.List(now_).empty()) std::abort();
    }
  }

  const crypto::Provider& crypto_;
  ByteReader in_;
  Side sides_[2];
  std::deque<Pending> net_;
  std::deque<std::pair<size_t, StartJob>> jobs_;
  std::deque<std::tuple<size_t, IkeSaId, EapQuestion>> logins_;  // whose method has a message
  Instant now_{seconds(1000)};
  int budget_ = 3000;
  Payloads request_;
  IkeSpi spi_i_, spi_r_;
  size_t initiator_ = 0;
  std::optional<IkeKeys> keys_;
  uint64_t serial_ = 1 << 20;
};

}  // namespace
}  // namespace flexvpn::ike

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const flexvpn::crypto::ToyProvider crypto(1);
  if (size > 4096) return 0;
  flexvpn::ike::Script(crypto, {data, size}).Run();
  return 0;
}
