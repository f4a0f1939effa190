// SPDX-License-Identifier: Apache-2.0
// Two carriers, or one and a plain socket, on the loopback interface.
#ifndef FLEXVPN_TESTS_UNIT_OS_TCP_TCP_FIXTURE_H_
#define FLEXVPN_TESTS_UNIT_OS_TCP_TCP_FIXTURE_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/net/tcp_stream.h"
#include "os/tcp/tcp_carrier.h"

namespace flexvpn::os {

using Kind = net::TcpStream::Kind;
inline const net::IpAddress kHub = net::IpAddress::V4(0x7f000002), kSpoke = net::IpAddress::V4(0x7f000001);
constexpr uint32_t kAnswerTime = 20;  // seconds: a test that waits longer has failed

inline sockaddr_in Address(const net::IpAddress& a, uint16_t port) {
  sockaddr_in s{};
  s.sin_family = AF_INET;
  s.sin_port = htons(port);
  s.sin_addr.s_addr = htonl(a.v4());
  return s;
}

// A port nobody has just now.
inline uint16_t FreePort() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in s = Address(net::IpAddress::V4(0), 0);
  socklen_t size = sizeof s;
  bind(fd.get(), reinterpret_cast<sockaddr*>(&s), size);
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&s), &size);
  return ntohs(s.sin_port);
}

inline Bytes Ike(size_t size = 100, uint8_t fill = 1) { return Bytes(size, fill); }
inline Bytes Esp(size_t size, uint8_t fill) { return Bytes(size, static_cast<uint8_t>(fill | 1)); }

struct Got {
  net::Endpoint local, remote;
  Bytes bytes;
};

// What a carrier has told.
struct Side {
  std::unique_ptr<TcpCarrier> carrier;
  std::vector<Got> ike, esp;
  std::vector<Got> lost;
  std::vector<std::string> why;
  std::function<void(const Got&)> on_ike, on_esp, on_lost;
};

// A plain TCP socket that plays the peer.  Blocking, with a limit in time.
class Plain {
 public:
  explicit Plain(Fd fd) : fd_(std::move(fd)) {
    const timeval limit{kAnswerTime, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  static Plain Connect(const net::IpAddress& from, uint16_t from_port, const net::IpAddress& to, uint16_t port) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in source = Address(from, from_port), destination = Address(to, port);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source), 0);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&destination), sizeof destination), 0);
    return Plain(std::move(fd));
  }
  void Send(BytesView octets) {
    EXPECT_EQ(send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL), static_cast<ssize_t>(octets.size()));
  }
  void SendPrefix() { Send(net::kTcpPrefix); }
  void SendFrame(Kind kind, BytesView content) { Send(*net::TcpFrame(kind, content)); }
  Bytes Read(size_t size) {
    Bytes out(size);
    const ssize_t n = recv(fd_.get(), out.data(), size, MSG_WAITALL);
    out.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return out;
  }
  // The other side closes, orderly or not.  Not: it is still open after a while.
  bool Ended() {
    Bytes rest(65536);
    ssize_t n;
    while ((n = recv(fd_.get(), rest.data(), rest.size(), 0)) > 0) {
    }
    return n == 0 || errno == ECONNRESET;
  }
  uint16_t port() const {
    sockaddr_in s{};
    socklen_t size = sizeof s;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&s), &size);
    return ntohs(s.sin_port);
  }
  void Reset() {
    const linger hard{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_ = Fd();
  }
  void Close() { fd_ = Fd(); }
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

class Listener {
 public:
  explicit Listener(int backlog = 16) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in s = Address(kHub, 0);
    socklen_t size = sizeof s;
    bind(fd_.get(), reinterpret_cast<sockaddr*>(&s), size);
    listen(fd_.get(), backlog);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&s), &size);
    port_ = ntohs(s.sin_port);
    const timeval limit{kAnswerTime, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Plain Accept() { return Plain(Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC))); }
  uint16_t port() const { return port_; }

 private:
  Fd fd_;
  uint16_t port_ = 0;
};

// The loop has its own thread; carriers and what they told are touched on it only, by On() and Wait().
class Tcp : public testing::Test {
 protected:
  void SetUp() override {
    loop_ = *Loop::Make();
    for (Side* side : {&hub_, &spoke_}) {
      TcpCarrier::Receiver r;
      r.ike = [side](const net::Endpoint& local, const net::Endpoint& remote, BytesView b) {
        side->ike.push_back({local, remote, Bytes(b.begin(), b.end())});
        if (side->on_ike) side->on_ike(side->ike.back());
      };
      r.esp = [side](const net::Endpoint& local, const net::Endpoint& remote, BytesView b) {
        side->esp.push_back({local, remote, Bytes(b.begin(), b.end())});
        if (side->on_esp) side->on_esp(side->esp.back());
      };
      r.lost = [side](const net::Endpoint& local, const net::Endpoint& remote, const std::string& why) {
        side->lost.push_back({local, remote, {}});
        side->why.push_back(why);
        if (side->on_lost) side->on_lost(side->lost.back());
      };
      side->carrier = std::make_unique<TcpCarrier>(*loop_, r, [this] { return now_; });
    }
    for (int i = 0; i < 10 && port_ == 0; ++i) {
      const uint16_t port = FreePort();
      if (hub_.carrier->Listen(port).ok()) port_ = port;
    }
    ASSERT_NE(port_, 0);
    thread_ = std::thread([this] {
      loop_->Run([this]() -> std::optional<Instant> {
        if (waited_for_ && waited_for_()) {
          waited_for_ = nullptr;
          reached_.set_value();
        }
        return std::nullopt;
      });
    });
  }
  void TearDown() override {
    On([&] { hub_.carrier.reset(), spoke_.carrier.reset(), loop_->Stop(); });
    thread_.join();
  }
  void On(const std::function<void()>& what) {
    std::promise<void> done;
    loop_->Post([&] { what(), done.set_value(); });
    done.get_future().wait();
  }
  // Until `condition` holds, which is looked at after everything that happens.
  bool Wait(std::function<bool()> condition) {
    std::future<void> reached;
    On([&] {
      reached_ = {};
      reached = reached_.get_future();
      waited_for_ = std::move(condition);
    });
    if (reached.wait_for(std::chrono::seconds(kAnswerTime)) == std::future_status::ready) return true;
    On([&] { waited_for_ = nullptr; });
    return false;
  }
  void Advance(Duration d) {
    On([&] {
      now_ += d;
      hub_.carrier->OnTick(now_);
      spoke_.carrier->OnTick(now_);
    });
  }
  bool Counted(Side& side, absl::string_view name, uint64_t n = 1) {
    return Wait([&side, name, n] { return side.carrier->counters().Get(name) >= n; });
  }
  size_t Connections(Side& side) {
    size_t n = 0;
    On([&] { n = side.carrier->stats().connections; });
    return n;
  }
  net::Endpoint DialTo(uint16_t port) const { return {kHub, port, {}, net::Carrier::kTcpDialled}; }
  net::Endpoint Local(const net::IpAddress& a, net::Carrier c) const { return {a, net::kTcpPort, {}, c}; }
  net::Endpoint SpokeLocal() const { return Local(kSpoke, net::Carrier::kTcpDialled); }
  void SpokeSends(uint16_t port, const Bytes& message) {
    On([&] { spoke_.carrier->SendIke(SpokeLocal(), DialTo(port), message); });
  }
  // Spoke and hub have a connection that both vouch for.
  void Establish() {
    SpokeSends(port_, Ike());
    ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 1; }));
    On([&] {
      hub_.carrier->Vouch(hub_.ike[0].local, hub_.ike[0].remote, true);
      spoke_.carrier->Vouch(SpokeLocal(), DialTo(port_), true);
    });
  }
  // A plain socket whose connection the hub has accepted.
  Plain Call() {
    const size_t before = Connections(hub_);
    Plain peer = Plain::Connect(kSpoke, 0, kHub, port_);
    EXPECT_TRUE(Wait([this, before] { return hub_.carrier->stats().connections > before; }));
    return peer;
  }
  net::Endpoint Caller(const Plain& peer) const { return {kSpoke, peer.port(), {}, net::Carrier::kTcpAccepted}; }
  net::Endpoint HubLocal() const { return Local(kHub, net::Carrier::kTcpAccepted); }

  std::unique_ptr<Loop> loop_;
  Instant now_{};
  Side hub_, spoke_;
  uint16_t port_ = 0;
  std::thread thread_;
  std::function<bool()> waited_for_;
  std::promise<void> reached_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_TESTS_UNIT_OS_TCP_TCP_FIXTURE_H_
