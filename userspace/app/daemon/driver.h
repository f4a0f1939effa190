// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_DRIVER_H_
#define FLEXVPN_APP_DAEMON_DRIVER_H_

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "app/daemon/config_file.h"
#include "app/daemon/config_session.h"
#include "app/daemon/options.h"
#include "app/daemon/request.h"
#include "app/daemon/worker_pool.h"
#include "core/crypto/provider.h"
#include "core/node/node.h"
#include "os/bpf/bpf_datapath.h"
#include "os/control/server.h"
#include "os/dataplane/bpf_map_writer.h"
#include "os/dataplane/dataplane.h"
#include "os/dataplane/expire_watch.h"
#include "os/dataplane/kernel_watch.h"
#include "os/http/fetcher.h"
#include "os/names/resolver.h"
#include "os/loop/loop.h"
#include "os/raw/nhrp_socket.h"
#include "os/tcp/esp_tun.h"
#include "os/tcp/tcp_carrier.h"
#include "os/udp/udp.h"

namespace flexvpn::app {

// Joins the pure node to sockets, kernel, workers and the control socket.  Decides nothing: inputs in, actions
// out, in order.
class Driver final : private RunningConfig {
 public:
  // Opens everything; errors name what is missing and what to do.
  static absl::StatusOr<std::unique_ptr<Driver>> Make(Options options, LoadedConfig config, std::unique_ptr<MasterKey> key);
  ~Driver();

  // Until SIGTERM or SIGINT.  On the way out sessions are deleted and the kernel is cleaned up.  False if the kernel
  // refuses what every session needs; the reason is logged.
  bool Run();

 private:
  Driver(Options options, std::unique_ptr<os::Loop> loop, std::unique_ptr<crypto::Provider> crypto);
  SecretBytes CrashDetectionSecret();
  absl::Status Open();
  absl::Status OpenSockets();
  absl::Status OpenSocket(net::Family family, uint16_t port, net::VrfId vrf, const std::string& device);
  void SyncVrfSockets();
  void OpenVrfSockets(net::VrfId id, const std::string& device);
  absl::Status OpenSignals();
  absl::Status OpenClock();
  void WatchClock();
  void Start();

  void Feed(node::Input input);
  void Drain();
  void Carry(node::Action& action);
  void SendIke(ike::SendDatagram& d);
  // driver_tcp.cc
  void ListenTcp(const node::ListenIn& listen);
  void TcpFailed(const absl::Status& status);
  void CloseTcp();
  void AppendTcpDrops(std::vector<show::DropRow>& rows) const;
  void FlushUdp();
  void SendNhrp(const node::SendNhrp& p);
  void Apply(const node::Apply& apply);
  void Measure(uint64_t token);
  void Reply(node::Reply& reply);
  void Stream(const node::DebugLine& line);
  void Respond(uint64_t connection, bool ok, const show::Json& text, const show::Json& data);
  void OnControl(const os::ControlRequest& request);
  void OnSignal();
  const config::Model& Running() const override { return node_->model(); }
  node::Node::Restarts Apply(LoadedConfig config) override;
  void Stop();
  void FeedNetwork();
  void OpenNhrp(const std::string& device);
  void CloseNhrp(const std::string& device);
  std::vector<show::DeviceRow> Devices() const;

  Options options_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<crypto::Provider> crypto_;
  std::unique_ptr<Rng> rng_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<ConfigSession> session_;
  std::unique_ptr<os::BpfDatapath> bpf_;
  std::unique_ptr<os::BpfMapWriter> maps_;
  std::unique_ptr<os::Dataplane> dataplane_;
  std::unique_ptr<os::KernelWatch> watch_;
  std::unique_ptr<os::ExpireWatch> expiries_;
  std::unique_ptr<os::ControlServer> control_;
  using SocketKey = std::tuple<net::VrfId, net::Family, uint16_t>;
  std::map<SocketKey, std::unique_ptr<os::UdpSocket>> sockets_;
  std::map<std::string, net::VrfId> vrfs_;       // whose datagrams the node wants
  std::map<net::VrfId, int> vrf_devices_;        // index of the device the VRF's sockets are bound to
  // Both or none: while IKE and ESP may go in TCP.
  std::unique_ptr<os::EspTun> tun_;
  std::unique_ptr<os::TcpCarrier> tcp_;
  node::ListenIn tcp_wanted_;
  std::optional<Instant> tcp_retry_;  // what was wanted last has failed: try it again then
  std::string tcp_error_;             // why, as it was logged
  std::map<std::string, std::unique_ptr<os::NhrpSocket>> nhrp_;
  std::set<std::string> nhrp_failed_;  // devices of which a failure to send was told
  os::Fd signals_;
  os::Fd clock_;  // becomes readable when the wall clock is set
  std::map<std::string, std::string> notes_;  // of devices: what the operator should know
  struct PendingCommand {
    uint64_t connection = 0;
    AnswerForm form{};
  };
  std::map<uint64_t, PendingCommand> commands_;
  uint64_t next_command_ = 1;
  std::deque<node::Input> inputs_;
  bool draining_ = false;
  bool running_ = false;
  std::string startup_error_;
  // Last: their threads use crypto_ and loop_.
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<os::HttpFetcher> fetcher_;
  std::unique_ptr<os::Resolver> resolver_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_DRIVER_H_
