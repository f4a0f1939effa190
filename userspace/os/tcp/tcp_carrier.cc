// SPDX-License-Identifier: Apache-2.0
#include "os/tcp/tcp_carrier.h"

#include <sys/epoll.h>

#include <algorithm>
#include <vector>

#include "os/tcp/tcp_socket.h"

namespace flexvpn::os {
namespace {

constexpr int kAcceptsAtOnce = 64;
constexpr size_t kManyPauses = 256;

net::Endpoint At(const net::IpAddress& address, uint16_t port, bool dialled) {
  return {address, port, {}, dialled ? net::Carrier::kTcpDialled : net::Carrier::kTcpAccepted};
}

}  // namespace

TcpCarrier::TcpCarrier(Loop& loop, Receiver receiver, Clock clock)
    : loop_(loop), receiver_(std::move(receiver)), clock_(std::move(clock)) {}

TcpCarrier::~TcpCarrier() {
  Listen(0).IgnoreError();
  while (!links_.empty()) Close(LinkPtr(links_.begin()->second), How::kOrderly);
}

absl::Status TcpCarrier::Listen(uint16_t port) {
  if (port == port_) return absl::OkStatus();
  Fd fd;
  if (port != 0) {
    auto made = ListenTcp(port);
    if (!made.ok()) return made.status();
    fd = *std::move(made);
    absl::Status s = loop_.Add(fd.get(), EPOLLIN, [this](uint32_t) { Accept(); });
    if (!s.ok()) return s;
  }
  if (listener_.valid()) loop_.Remove(listener_.get());
  listener_ = std::move(fd);
  port_ = port;
  accept_again_.reset();
  return absl::OkStatus();
}

void TcpCarrier::SendIke(const net::Endpoint& local, const net::Endpoint& remote, BytesView message) {
  if (remote.vrf != net::VrfId{}) return counters_.Add("IKE messages for a VRF");
  const Name name = NameOf(local, remote);
  LinkPtr link = Find(name);
  if (!link) {
    if (remote.carrier != net::Carrier::kTcpDialled) return counters_.Add("IKE messages without a connection");
    const auto pause = pauses_.find(name);
    if (pause != pauses_.end() && clock_() < pause->second.until)
      return counters_.Add("IKE messages while a peer is not dialled again");
    Dial(name);
    if ((link = Find(name)) == nullptr) return counters_.Add("IKE messages without a connection");
  }
  const bool dialling = link->connection.state() == TcpConnection::State::kConnecting;
  if (dialling && link->dialling_messages >= kMaxQueuedDialling) return counters_.Add("IKE messages while dialling");
  const size_t limit = link->stranger && !link->known ? kMaxQueuedStranger : kMaxQueued;
  switch (link->connection.Send(net::TcpStream::Kind::kIke, message, limit)) {
    case TcpConnection::Outcome::kTaken:
      if (dialling) ++link->dialling_messages;
      return WatchWriting(*link);
    case TcpConnection::Outcome::kUnfit: return counters_.Add("IKE messages too long for TCP");
    case TcpConnection::Outcome::kFull:
      if (dialling) return counters_.Add("IKE messages while dialling");
      return Lose(link, "the peer does not read");
    case TcpConnection::Outcome::kBroken: return Lose(link, link->connection.error());
  }
}

bool TcpCarrier::SendEsp(const net::Endpoint& local, const net::Endpoint& remote, BytesView esp) {
  const LinkPtr link = Find(NameOf(local, remote));
  if (!link || link->connection.state() == TcpConnection::State::kConnecting) {
    counters_.Add("ESP packets without a connection");
    return false;
  }
  const size_t limit = link->stranger ? kMaxQueuedStranger : kMaxQueuedEsp;
  switch (link->connection.Send(net::TcpStream::Kind::kEsp, esp, limit)) {
    case TcpConnection::Outcome::kTaken: WatchWriting(*link); return true;
    case TcpConnection::Outcome::kUnfit: counters_.Add("ESP packets that TCP cannot carry"); break;
    case TcpConnection::Outcome::kFull: counters_.Add("ESP packets with a full queue"); break;
    case TcpConnection::Outcome::kBroken: Lose(link, link->connection.error()); break;
  }
  return false;
}

void TcpCarrier::Vouch(const net::Endpoint& local, const net::Endpoint& remote, bool in_use) {
  const Name name = NameOf(local, remote);
  auto it = vouched_.find(name);
  if (in_use) {
    if (it != vouched_.end()) {
      ++it->second;
      return;
    }
    vouched_[name] = 1;
  } else {
    if (it == vouched_.end() || --it->second > 0) return;
    vouched_.erase(it);
  }
  const LinkPtr link = Find(name);
  if (!link) return;
  link->vouched = in_use;
  link->known |= in_use;
  SetStranger(*link, !in_use && !link->dialled);
  if (link->connection.state() == TcpConnection::State::kConnecting) return;  // the time for dialling stays
  if (in_use) {
    SetDeadline(*link, std::nullopt);
  } else {
    SetDeadline(*link, clock_() + kIdleTime);
  }
}

std::optional<Instant> TcpCarrier::NextDeadline() const {
  if (deadlines_.empty()) return accept_again_;
  return Earlier(deadlines_.begin()->first, accept_again_);
}

void TcpCarrier::OnTick(Instant now) {
  if (accept_again_ && *accept_again_ <= now) {
    accept_again_.reset();
    if (listener_.valid()) loop_.Modify(listener_.get(), EPOLLIN).IgnoreError();
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) Expire(Find(deadlines_.begin()->second));
}

void TcpCarrier::Expire(const LinkPtr& link) {
  if (link->connection.state() == TcpConnection::State::kConnecting) return Lose(link, "no answer");
  counters_.Add(link->dialled ? "connections closed that nobody used" : "callers closed that nobody vouched for");
  Close(link, How::kOrderly);
}

TcpCarrier::Stats TcpCarrier::stats() const {
  Stats s = ended_;
  s.port = port_;
  s.connections = links_.size();
  s.strangers = strangers_;
  for (const auto& [name, link] : links_) {
    s.octets_in += link->connection.octets_in();
    s.octets_out += link->connection.octets_out();
  }
  return s;
}

TcpCarrier::LinkPtr TcpCarrier::Find(const Name& name) const {
  const auto it = links_.find(name);
  return it == links_.end() ? nullptr : it->second;
}

bool TcpCarrier::Enter(const LinkPtr& link, Duration time) {
  link->watches_writing = link->connection.wants_to_write();
  const auto events = static_cast<uint32_t>(EPOLLIN) | (link->watches_writing ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  const auto on_event = [this, weak = std::weak_ptr<Link>(link)](uint32_t) {
    if (const LinkPtr strong = weak.lock()) OnEvent(strong);
  };
  if (!loop_.Add(link->connection.fd(), events, on_event).ok()) return false;
  links_[link->name] = link;
  link->vouched = link->known = vouched_.contains(link->name);
  SetStranger(*link, !link->vouched && !link->dialled);
  if (!link->vouched || link->dialled) SetDeadline(*link, clock_() + time);
  return true;
}

void TcpCarrier::Dial(const Name& name) {
  ++ended_.dialled;
  auto fd = DialTcp(name.local, name.remote, name.port);
  if (fd.ok() && Enter(std::make_shared<Link>(name, *std::move(fd), true), kDialTime)) return;
  counters_.Add("dials that failed");
  DialFailed(name);
  PostLost(name, true, fd.ok() ? "no room in the loop" : std::string(fd.status().message()));
}

// The pause before the next dial; it ends for good with the first message the peer sends.
void TcpCarrier::DialFailed(const Name& name) {
  const Instant now = clock_();
  if (pauses_.size() >= kManyPauses)  // of peers that nobody dials any more
    absl::erase_if(pauses_, [now](const auto& entry) { return entry.second.until + kLongestPause <= now; });
  const auto [it, first] = pauses_.try_emplace(name, Pause{now, kFirstPause});
  if (!first) it->second.length = std::min(2 * it->second.length, kLongestPause);
  it->second.until = now + it->second.length;
}

void TcpCarrier::Accept() {
  for (int i = 0; i < kAcceptsAtOnce && listener_.valid(); ++i) {
    auto call = AcceptTcp(listener_.get());
    if (call.ok()) {
      Admit(std::move(call->fd), {call->local, call->remote, call->remote_port}, call->local_port);
    } else if (absl::IsResourceExhausted(call.status())) {
      // The caller waits in the kernel; asking for him again at once would only spin.
      counters_.Add("pauses in accepting without descriptors");
      accept_again_ = clock_() + kAcceptPause;
      loop_.Modify(listener_.get(), 0).IgnoreError();
      return;
    } else if (absl::IsUnavailable(call.status())) {
      return;
    }
  }
}

void TcpCarrier::Admit(Fd fd, const Name& name, uint16_t local_port) {
  if (const LinkPtr old = Find(name)) {
    // The kernel has one connection of these addresses and ports: the old one has ended, we have only not seen it yet.
    if (old->dialled || old->local_port != local_port) return counters_.Add("callers refused: there is a connection");
    Lose(old, "replaced by a new one");
  }
  if (!vouched_.contains(name)) {
    const auto of_source = strangers_of_.find(name.remote);
    if (strangers_ >= kMaxStrangers) return counters_.Add("callers refused: too many");
    if (of_source != strangers_of_.end() && of_source->second >= kMaxStrangersOfSource)
      return counters_.Add("callers refused: too many from one address");
  }
  const auto link = std::make_shared<Link>(name, std::move(fd), false);
  link->local_port = local_port;
  if (Enter(link, kFirstMessageTime)) ++ended_.accepted;
}

// What kind of event it is does not matter: errors and the end show when reading or writing.
void TcpCarrier::OnEvent(const LinkPtr& link) {
  const bool dialling = link->connection.state() == TcpConnection::State::kConnecting;
  if (link->closed) return;
  if (link->connection.wants_to_write()) {
    const auto state = link->connection.OnWritable();
    if (state == TcpConnection::State::kConnecting) return;
    if (state == TcpConnection::State::kBroken) return Lose(link, link->connection.error());
    if (dialling) SetDeadline(*link, link->vouched ? std::nullopt : std::optional(clock_() + kIdleTime));
    WatchWriting(*link);
  }
  Read(link);
}

void TcpCarrier::Read(const LinkPtr& link) {
  const uint64_t ignored = link->connection.ignored();
  const auto state = link->connection.Read([this, &link](net::TcpStream::Kind kind, BytesView content) {
    if (!link->closed) OnMessage(*link, kind, content);
  });
  if (const uint64_t n = link->connection.ignored() - ignored) counters_.Add("frames without a message", n);
  if (state == TcpConnection::State::kBroken && !link->closed) Lose(link, link->connection.error());
}

void TcpCarrier::OnMessage(Link& link, net::TcpStream::Kind kind, BytesView content) {
  const net::Endpoint local = At(link.name.local, net::kTcpPort, link.dialled);
  const net::Endpoint remote = At(link.name.remote, link.name.port, link.dialled);
  if (link.dialled && !std::exchange(link.answered, true)) pauses_.erase(link.name);
  if (kind == net::TcpStream::Kind::kIke) {
    if (link.dialled && !link.vouched) SetDeadline(link, clock_() + kIdleTime);
    if (link.stranger && !std::exchange(link.answered, true)) SetDeadline(link, clock_() + kStrangerTime);
    if (receiver_.ike) receiver_.ike(local, remote, content);
  } else if (!link.vouched) {
    counters_.Add("ESP packets of strangers");
  } else if (receiver_.esp) {
    receiver_.esp(local, remote, content);
  }
}

void TcpCarrier::WatchWriting(Link& link) {
  const bool wanted = link.connection.wants_to_write();
  if (wanted == link.watches_writing) return;
  link.watches_writing = wanted;
  const auto events = static_cast<uint32_t>(EPOLLIN) | (wanted ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  loop_.Modify(link.connection.fd(), events).IgnoreError();
}

void TcpCarrier::SetDeadline(Link& link, std::optional<Instant> deadline) {
  if (link.deadline) deadlines_.erase({*link.deadline, link.name});
  link.deadline = deadline;
  if (deadline) deadlines_.insert({*deadline, link.name});
}

void TcpCarrier::SetStranger(Link& link, bool stranger) {
  if (link.stranger == stranger) return;
  link.stranger = stranger;
  if (stranger) {
    ++strangers_;
    ++strangers_of_[link.name.remote];
    return;
  }
  --strangers_;
  const auto it = strangers_of_.find(link.name.remote);
  if (--it->second == 0) strangers_of_.erase(it);
}

void TcpCarrier::Lose(const LinkPtr& link, const std::string& why) {
  counters_.Add("connections lost");
  if (link->dialled && !link->answered) DialFailed(link->name);
  const bool matters = link->vouched || link->dialled;
  Close(link, How::kAtOnce);
  if (matters) PostLost(link->name, link->dialled, why);
}

void TcpCarrier::PostLost(const Name& name, bool dialled, const std::string& why) {
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), name, dialled, why] {
    if (alive.expired() || !receiver_.lost) return;
    receiver_.lost(At(name.local, net::kTcpPort, dialled), At(name.remote, name.port, dialled), why);
  });
}

void TcpCarrier::Close(const LinkPtr& link, How how) {
  link->closed = true;
  loop_.Remove(link->connection.fd());
  SetDeadline(*link, std::nullopt);
  SetStranger(*link, false);
  if (how == How::kOrderly) {
    link->connection.CloseOrderly();
  } else {
    link->connection.Close();
  }
  ended_.octets_in += link->connection.octets_in();
  ended_.octets_out += link->connection.octets_out();
  links_.erase(link->name);
}

}  // namespace flexvpn::os
