// SPDX-License-Identifier: Apache-2.0
// Many nodes of the product in one process: a network that loses and delays, and for each router a kernel that is no
// more than the dataplane objects it was told to hold.  A run is a function of its seed.
#ifndef FLEXVPN_TESTS_SIM_WORLD_H_
#define FLEXVPN_TESTS_SIM_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/crypto/provider.h"
#include "core/node/node.h"

namespace flexvpn::sim {

struct Settings {
  uint64_t seed = 1;
  double loss = 0.0;               // of every datagram and ESP packet on the underlay
  Duration delay = milliseconds(10);
  Duration jitter = milliseconds(5);
};

inline constexpr size_t kHub = 0;  // the router added first, where that is the hub

class World {
 public:
  explicit World(Settings settings);
  ~World();

  // A router with this configuration, one underlay address on eth0 and one LAN.
  size_t Add(const std::string& config, const net::IpAddress& underlay, const net::Prefix& lan);
  void Kill(size_t router);     // power off: all state is gone, nobody is told
  void Restart(size_t router);  // power on, with an empty kernel
  // A new configuration, as reload and commit bring it.
  void Configure(size_t router, config::Model model);
  bool alive(size_t router) const;
  // eth0 has this underlay address instead of the one it had; nothing reaches the old one any more.
  void Readdress(size_t router, const net::IpAddress& underlay);

  // From now on a host name stands for these addresses; without any there is no such name.
  void SetName(const std::string& name, std::vector<net::IpAddress> addresses);
  // No name server answers any more, or they do again, those who have asked meanwhile too.
  void SilenceNames(bool silent);

  // What is in the way of this router passes TCP only, or everything again.
  void BlockUdp(size_t router, bool block = true);
  // All TCP connections break; both ends notice.
  void CutTcp();

  // Runs until `done` or for `limit` of virtual time; true if `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  void RunFor(Duration d);
  Instant now() const { return now_; }

  // One inner packet from a host in the LAN of `from` to a host in the LAN of `to`.  Follows the routers' kernels;
  // the result is seen in delivered() once it has arrived.
  void Ping(size_t from, size_t to);
  struct Delivery {
    size_t from = 0, to = 0;
    int hops = 0;  // tunnels crossed: 2 through the hub, 1 direct
  };
  const std::vector<Delivery>& delivered() const { return delivered_; }
  uint64_t clear_drops() const { return no_sa_drops_; }  // inner packets dropped because no SA was there

  const node::Node& node(size_t router) const;
  const dataplane::State& kernel(size_t router) const;
  size_t routers() const { return routers_.size(); }
  // IKE SAs that are READY and tunnels that are up.
  size_t PeersUp(size_t router) const;
  // Runs until `router` has exactly `peers` of these, and on until routes are told; false if it has not within `limit`.
  bool ComesUp(size_t router, size_t peers, Duration limit = std::chrono::seconds(60));
  // Pings; whether exactly that packet arrives, and crosses `hops` tunnels.
  bool Reaches(size_t from, size_t to, int hops);
  bool HasShortcut(size_t from, size_t to) const;  // route of metric "shortcut" at `from` covering the LAN of `to`
  net::IpAddress Host(size_t router) const;        // the LAN host

  // Checked after every event on the router it concerned; the first violation is kept.
  const std::string& violation() const { return violation_; }
  // Every ESP SA has its counterpart at the living other end; checked when the network is quiet.
  std::string CheckSaPairs() const;
  // What the shell of a living router prints.
  std::string Show(size_t router, const std::string& command, uint64_t session = 0);
  // The same as JSON.
  show::Json ShowJson(size_t router, const std::string& command);
  // What a session of the router's shell that typed `debug` has been told: "IKEv2: text".
  const std::vector<std::string>& DebugLines(size_t router) const;
  // A digest of everything that was sent and decided: equal for equal seeds.
  uint64_t transcript() const { return transcript_; }
  const std::vector<std::string>& log() const { return log_; }
  size_t Lines(const std::string& part) const;  // of the log that contain `part`

 private:
  struct Router;
  void AnswerName(size_t router, uint64_t epoch, const node::LookUp& asked);
  struct Event {
    Instant at;
    uint64_t order = 0;
    std::function<void()> run;
    bool operator>(const Event& o) const { return std::tie(at, order) > std::tie(o.at, o.order); }
  };
  struct Inner {  // inner packet on its way
    size_t from = 0, to = 0;
    net::IpAddress source, destination;
    int hops = 0;
  };

  void Start(Router& r);
  void FeedNetwork(Router& r);
  void Feed(size_t router, const node::Input& input);
  void Carry(Router& r, node::Action& action);
  void At(Instant at, std::function<void()> run);
  void Tick(size_t router);
  void Arm(Router& r);
  bool Lost();
  Duration Delay();
  void SendIke(Router& r, const ike::SendDatagram& d);
  // tcp.cc
  struct TcpConnection {
    size_t dialler = 0, acceptor = 0;
    net::Endpoint local, remote;  // as the dialler sees them
    uint16_t port = 0;            // of the dialler
    net::Endpoint seen_local() const;   // the ends as the acceptor sees them
    net::Endpoint seen_remote() const;
  };
  void SendTcp(Router& r, const ike::SendDatagram& d);
  TcpConnection* FindTcp(const Router& r, const ike::SendDatagram& d);
  void CloseTcp(const Router& r);  // all connections of it
  void LoseTcp(size_t router, const net::Endpoint& local, const net::Endpoint& remote);
  // Whether ESP of `r` to the other router gets through what is in the way.
  bool Passes(const Router& r, const Router& other, net::PeerId peer) const;

  void SendNhrp(Router& r, const node::SendNhrp& p);
  // The router and peer number at which ESP of `r` towards `peer` comes out; nullopt: no SA, or the other end has
  // none that fits, or it is dead.
  bool FlowMatches(const Router& r, const dataplane::Sa& out) const;
  std::optional<std::pair<size_t, net::PeerId>> EspPath(const Router& r, net::PeerId peer) const;
  void Forward(size_t router, net::PeerId ingress, Inner packet);
  void CheckInvariants(const Router& r);
  void Note(const std::string& line);

  Settings settings_;
  SeededRng rng_;
  std::unique_ptr<crypto::Provider> crypto_;
  std::vector<std::unique_ptr<Router>> routers_;
  std::map<net::IpAddress, size_t> by_address_;
  std::map<uint16_t, TcpConnection> tcp_;  // by the dialler's port
  uint16_t next_tcp_port_ = 40000;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  uint64_t next_order_ = 0;
  Instant now_{};
  std::vector<Delivery> delivered_;
  uint64_t no_sa_drops_ = 0;
  std::string violation_;
  std::map<std::string, std::vector<net::IpAddress>> names_;
  bool names_silent_ = false;
  std::vector<std::function<void()>> names_asked_;  // while they are silent
  uint64_t transcript_ = 1469598103934665603ULL;
  std::vector<std::string> log_;
  show::Document reply_;
};

}  // namespace flexvpn::sim

#endif  // FLEXVPN_TESTS_SIM_WORLD_H_
