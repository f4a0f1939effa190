// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/driver.h"

#include <errno.h>
#include <net/if.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/daemon/config_file.h"
#include "app/daemon/key_log_file.h"
#include "app/daemon/logger.h"
#include "app/daemon/request.h"
#include "app/daemon/secret_file.h"
#include "base/overloaded.h"
#include "base/status_macros.h"
#include "core/config/exec.h"
#include "core/crypto/openssl_rng.h"
#include "core/show/document.h"
#include "os/control/frame.h"

namespace flexvpn::app {
namespace {

constexpr uint16_t kNatTPort = 4500;
constexpr uint16_t kIkePorts[] = {500, kNatTPort};

absl::Status MakeDirectory(const std::string& path, mode_t mode, const char* hint) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("mkdir ", path, hint));
}

// What this kernel probably lacks when it refuses an object, and what to do.
const char* FeatureHint(absl::string_view message) {
  if (absl::StrContains(message, "flex-gre6")) return ": needs CONFIG_IPV6_GRE (modprobe ip6_gre)";
  if (absl::StrContains(message, "flex-gre")) return ": needs CONFIG_NET_IPGRE and CONFIG_NET_IPGRE_DEMUX (modprobe ip_gre)";
  if (absl::StrContains(message, "flex-lo")) return ": needs CONFIG_DUMMY (modprobe dummy)";
  if (absl::StrContains(message, " rule ")) return ": needs CONFIG_IP_MULTIPLE_TABLES";
  if (absl::StrContains(message, " sa ")) return ": needs CONFIG_INET_ESP and the cipher (modprobe esp4; modprobe seqiv gcm)";
  return "";
}

// Non-zero counters of /proc/net/xfrm_stat: what the kernel's IPsec dropped, and why.
void AppendXfrmDrops(std::vector<show::DropRow>& rows) {
  FILE* f = fopen("/proc/thread-self/net/xfrm_stat", "re");
  if (f == nullptr) return;
  char name[64];
  unsigned long long value = 0;
  while (fscanf(f, "%63s %llu", name, &value) == 2)
    if (value != 0) rows.push_back({"xfrm", name, value, ""});
  fclose(f);
}

}  // namespace

Driver::Driver(Options options, std::unique_ptr<os::Loop> loop, std::unique_ptr<crypto::Provider> crypto)
    : options_(std::move(options)), loop_(std::move(loop)), crypto_(std::move(crypto)) {}

Driver::~Driver() = default;

absl::StatusOr<std::unique_ptr<Driver>> Driver::Make(Options options, LoadedConfig config,
                                                       std::unique_ptr<MasterKey> key) {
  ASSIGN_OR_RETURN(auto loop, os::Loop::Make());
  std::unique_ptr<Driver> d(new Driver(std::move(options), std::move(loop), crypto::NewOpensslProvider()));
  d->rng_ = std::make_unique<crypto::OpensslRng>();
  node::Node::Options node_options;
  node_options.instance = d->options_.instance;
  utsname u{};
  uname(&u);
  node_options.kernel = u.release;
  node_options.openssl = OpenSSL_version(OPENSSL_VERSION_STRING);
  node_options.config_file = d->options_.config;
  node_options.administrators = d->options_.admin_group;
  node_options.ike.qcd_secret = d->CrashDetectionSecret();
  d->node_ = std::make_unique<node::Node>(node_options, std::move(config.model), *d->rng_, *d->crypto_,
                                          std::move(config.pki));
  d->session_ = std::make_unique<ConfigSession>(
      ConfigSession::Paths{d->options_.config, d->options_.instance_dir()}, std::move(key),
      static_cast<RunningConfig&>(*d));
  d->node_->SetKeyCipher(d->session_->cipher());
  RETURN_IF_ERROR(d->Open());
  return d;
}

// Without a place to keep it we run on, only peers do not learn of a restart at once.
SecretBytes Driver::CrashDetectionSecret() {
  constexpr size_t kSize = 32;
  absl::Status status = MakeDirectory(options_.state_dir, 0700, "");
  if (status.ok()) {
    auto secret = LoadOrMakeSecret(absl::StrCat(options_.state_dir, "/qcd-", options_.instance, ".secret"), kSize, *rng_);
    if (secret.ok()) return *std::move(secret);
    status = secret.status();
  }
  LogLine(Level::kWarning, absl::StrCat("quick crash detection is off: ", status.message()));
  return {};
}

absl::Status Driver::Open() {
  RETURN_IF_ERROR(MakeDirectory(options_.run_dir, 0755, ""));
  RETURN_IF_ERROR(MakeDirectory(options_.bpf_dir, 0700, " (is a bpf file system there? mount -t bpf bpf /sys/fs/bpf)"));
  // The control socket first: a second daemon of this instance must not touch the kernel.
  ASSIGN_OR_RETURN(control_, os::ControlServer::Make(*loop_, options_.socket_path(),
                                                     [this](const os::ControlRequest& r) { OnControl(r); },
                                                     {os::kOperators, options_.admin_group}));
  // Waits for its turn: the loop feeds it before it sleeps.
  control_->SetClosed([this](uint64_t id) { inputs_.push_back(node::SessionEnded{id}); });
  if (!control_->warning().empty()) LogLine(Level::kWarning, control_->warning());
  Duration redirect = seconds(8);
  for (const auto& [name, i] : node_->model().interfaces)
    if (i.nhrp.network_id != 0) redirect = std::min<Duration>(redirect, i.nhrp.redirect_timeout);
  os::BpfOptions bpf;
  bpf.pin_dir = options_.pin_dir();
  bpf.redirect_interval = redirect;
  ASSIGN_OR_RETURN(bpf_, os::BpfDatapath::Load(bpf));
  maps_ = std::make_unique<os::BpfMapWriter>(*bpf_);
  ASSIGN_OR_RETURN(dataplane_, os::Dataplane::Create(options_.instance, maps_.get()));
  ASSIGN_OR_RETURN(watch_, os::KernelWatch::Create());
  ASSIGN_OR_RETURN(expiries_, os::ExpireWatch::Create());
  RETURN_IF_ERROR(OpenSockets());
  RETURN_IF_ERROR(OpenSignals());
  RETURN_IF_ERROR(OpenClock());
  RETURN_IF_ERROR(loop_->Add(bpf_->event_fd(), EPOLLIN, [this](uint32_t) {
    auto n = bpf_->PollEvents([this](const os::BpfEvent& e) {
      if (e.type == os::BpfEvent::Type::kTrafficIndication)
        Feed(node::SpokeToSpoke{e.ingress, Bytes(e.packet.begin(), e.packet.end())});
      else
        LogLine(Level::kDebug, absl::StrCat("no peer for next hop ", e.next_hop.ToString()));
    });
    if (!n.ok()) LogLine(Level::kError, absl::StrCat("event ring: ", n.status().message()));
  }));
  RETURN_IF_ERROR(loop_->Add(watch_->event_fd(), EPOLLIN, [this](uint32_t) {
    auto change = watch_->Process();
    if (!change.ok()) LogLine(Level::kError, absl::StrCat("kernel events: ", change.status().message()));
    if (!change.ok() || change->routes) bpf_->RoutesChanged();
    if (!change.ok() || change->vrfs) SyncVrfSockets();
    if (!change.ok() || change->addresses || change->routes || change->vrfs) FeedNetwork();
  }));
  RETURN_IF_ERROR(loop_->Add(expiries_->event_fd(), EPOLLIN, [this](uint32_t) {
    const absl::Status s = expiries_->Process([this](uint32_t spi, const net::IpAddress& destination, bool) {
      Feed(node::SaExpired{spi, destination});
    });
    if (!s.ok()) LogLine(Level::kWarning, absl::StrCat("SA expiries: ", s.message()));
  }));
  workers_ = std::make_unique<WorkerPool>(std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 4));
  ASSIGN_OR_RETURN(fetcher_, os::HttpFetcher::Make());
  resolver_ = std::make_unique<os::Resolver>();
  return absl::OkStatus();
}

absl::Status Driver::OpenSockets() {
  for (net::Family family : net::kFamilies) {
    for (uint16_t port : kIkePorts) {
      const absl::Status opened = OpenSocket(family, port, net::VrfId(), "");
      // A machine without IPv6 is fine.
      if (!opened.ok() && (family == net::Family::kIpv4 || opened.code() == absl::StatusCode::kAlreadyExists))
        return opened;
    }
  }
  return absl::OkStatus();
}

absl::Status Driver::OpenSocket(net::Family family, uint16_t port, net::VrfId vrf, const std::string& device) {
  ASSIGN_OR_RETURN(auto socket, os::UdpSocket::Make(family, port,
                                                    port == kNatTPort ? os::UdpSocket::Encap::kEspInUdp
                                                                      : os::UdpSocket::Encap::kNone,
                                                    vrf, device));
  os::UdpSocket* s = socket.get();
  RETURN_IF_ERROR(loop_->Add(s->fd(), EPOLLIN, [this, s](uint32_t) {
    const Instant received = os::Loop::Now();
    s->Receive([this, received](const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes) {
      inputs_.push_back(node::IkeDatagram{{local, remote, Bytes(bytes.begin(), bytes.end())}, received});
    });
    Drain();
  }));
  sockets_[{vrf, family, port}] = std::move(socket);
  return absl::OkStatus();
}

// Sockets for each VRF that is wanted and whose device is there; those of the others go.
void Driver::SyncVrfSockets() {
  std::map<net::VrfId, std::pair<std::string, int>> there;
  const std::vector<os::KernelLink> links = watch_->SnapshotLinks();
  for (const auto& [name, id] : vrfs_)
    for (const os::KernelLink& l : links)
      if (l.vrf_table != 0 && l.name == name) there[id] = {name, l.index};
  std::erase_if(sockets_, [&](const auto& entry) {
    const net::VrfId id = std::get<net::VrfId>(entry.first);
    if (!id) return false;
    const auto now = there.find(id);
    if (now != there.end() && now->second.second == vrf_devices_[id]) return false;
    loop_->Remove(entry.second->fd());
    return true;
  });
  std::erase_if(vrf_devices_, [&](const auto& entry) {
    const auto now = there.find(entry.first);
    return now == there.end() || now->second.second != entry.second;
  });
  for (const auto& [id, device] : there)
    if (vrf_devices_.try_emplace(id, device.second).second) OpenVrfSockets(id, device.first);
}

// Tunnels in VRFs are over IPv4 (docs/ARCHITECTURE.md).
void Driver::OpenVrfSockets(net::VrfId id, const std::string& device) {
  for (uint16_t port : kIkePorts) {
    os::UdpSocket& global = *sockets_.at({net::VrfId(), net::Family::kIpv4, port});
    global.AllowVrfs(true);
    if (absl::Status s = OpenSocket(net::Family::kIpv4, port, id, device); !s.ok()) LogLine(Level::kError, s.message());
    global.AllowVrfs(false);
  }
}

absl::Status Driver::OpenSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = os::Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  return loop_->Add(signals_.get(), EPOLLIN, [this](uint32_t) { OnSignal(); });
}

// The node counts the time of day on from what it was told; only when somebody sets the clock it has to hear it anew.
absl::Status Driver::OpenClock() {
  clock_ = os::Fd(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!clock_.valid()) return absl::ErrnoToStatus(errno, "timerfd");
  return loop_->Add(clock_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t n = read(clock_.get(), &expirations, sizeof expirations);  // ECANCELED: it was set
    WatchClock();
  });
}

void Driver::WatchClock() {
  constexpr time_t kDay = 86400;
  itimerspec when{};
  when.it_value.tv_sec = time(nullptr) + kDay;  // the two clocks drift apart by next to nothing until then
  timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
  Feed(node::TimeOfDay{time(nullptr)});
}

void Driver::OnSignal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGHUP) {
      Stop();
      continue;
    }
    sd_notify(0, "RELOADING=1");
    session_->Reload();
    sd_notify(0, "READY=1");
  }
}

node::Node::Restarts Driver::Apply(LoadedConfig config) {
  Feed(node::NewConfig{std::move(config.model), std::move(config.pki)});
  return node_->restarts();
}

void Driver::Stop() {
  sd_notify(0, "STOPPING=1");
  LogLine(Level::kInfo, "stopping");
  node::Actions actions;
  node_->Shutdown(os::Loop::Now(), actions);
  for (node::Action& a : actions) Carry(a);
  FlushUdp();
  CloseTcp();
  nhrp_.clear();
  if (absl::Status s = dataplane_->RemoveAll(); !s.ok())
    LogLine(Level::kError, absl::StrCat("clean-up: ", s.message()));
  rmdir(options_.bpf_dir.c_str());  // ours unless another instance uses it; then it is not empty
  loop_->Stop();
}

void Driver::Start() {
  WatchClock();
  auto have = dataplane_->Read();
  if (!have.ok()) {
    LogLine(Level::kError, absl::StrCat("reading back the kernel: ", have.status().message()));
  } else {
    for (const auto& [key, object] : have->all())
      if (const auto* device = std::get_if<dataplane::Device>(&object);
          device != nullptr && device->kind == dataplane::DeviceKind::kGreExternal)
        OpenNhrp(device->name);
    Feed(node::Adopt{*std::move(have)});
  }
  FeedNetwork();
}

bool Driver::Run() {
  Start();
  if (!startup_error_.empty()) {
    LogLine(Level::kError, absl::StrCat("cannot start: ", startup_error_));
    Stop();
    return false;
  }
  running_ = true;
  LogLine(Level::kInfo, absl::StrCat("flexvpnd ", FLEXVPN_VERSION, " instance ", options_.instance, " ready"));
  sd_notify(0, "READY=1");
  loop_->Run([this]() -> std::optional<Instant> {
    session_->OnTick(os::Loop::Now());
    if (tcp_ != nullptr) tcp_->OnTick(os::Loop::Now());
    if (tcp_retry_ && *tcp_retry_ <= os::Loop::Now()) ListenTcp(node::ListenIn(tcp_wanted_));
    Drain();
    std::optional<Instant> deadline = node_->NextDeadline();
    while (deadline && *deadline <= os::Loop::Now()) {
      node::Actions actions;
      node_->OnTick(os::Loop::Now(), actions);
      for (node::Action& a : actions) Carry(a);
      Drain();  // flushes what was sent, too
      const std::optional<Instant> next = node_->NextDeadline();
      // A deadline that stays in the past would spin here: give the loop a turn.
      if (next == deadline) return os::Loop::Now() + milliseconds(1);
      deadline = next;
    }
    if (tcp_ != nullptr) deadline = Earlier(deadline, tcp_->NextDeadline());
    deadline = Earlier(deadline, tcp_retry_);
    return Earlier(deadline, session_->NextDeadline());
  });
  return true;
}

void Driver::FeedNetwork() {
  node::LocalNetwork n;
  n.ipv6 = os::KernelHasIpv6();
  for (const os::LocalAddress& a : watch_->SnapshotAddresses())
    n.addresses.push_back({a.device, a.address, a.prefix_length, a.passing, a.vrf});
  for (const os::KernelLink& l : watch_->SnapshotLinks())
    if (l.vrf_table != 0) n.vrfs.push_back({l.name, l.vrf_table});
  for (const os::KernelRoute& r : watch_->SnapshotRoutes())
    if (!r.ours && !absl::StartsWith(r.device, "flex-")) n.routes.push_back({r.prefix, r.device});
  Feed(std::move(n));
}

// Inputs that arise while an action is carried out wait for their turn.
void Driver::Feed(node::Input input) {
  inputs_.push_back(std::move(input));
  Drain();
}

void Driver::Drain() {
  if (draining_) return;
  draining_ = true;
  while (!inputs_.empty()) {
    node::Input input = std::move(inputs_.front());
    inputs_.pop_front();
    node::Actions actions;
    node_->Handle(std::move(input), os::Loop::Now(), actions);
    for (node::Action& a : actions) Carry(a);
  }
  FlushUdp();
  draining_ = false;
}

void Driver::Carry(node::Action& action) {
  std::visit(Overloaded{
                 [&](node::SendIke& a) { SendIke(a.datagram); },
                 [&](node::ListenIn& a) {
                   FlushUdp();
                   vrfs_ = a.vrfs;
                   SyncVrfSockets();
                   ListenTcp(a);
                 },
                 [&](node::UseTcp& a) {
                   if (tcp_ != nullptr) tcp_->Vouch(a.local, a.remote, a.in_use);
                 },
                 [&](node::StartJob& a) {
                   // A peer's first message begins something new; all other jobs are somebody's next step.
                   const auto order = std::holds_alternative<crypto::AnswerKey>(a.job) ? WorkerPool::Order::kBegin
                                                                                       : WorkerPool::Order::kFinish;
                   workers_->Submit(order, [this, id = a.id, job = std::move(a.job)] {
                     auto result = std::make_shared<crypto::JobResult>(crypto_->Run(job));
                     loop_->Post([this, id, result] { Feed(node::CryptoDone{id, std::move(*result)}); });
                   });
                 },
                 [&](node::StartFetch& a) {
                   fetcher_->Fetch(a.fetch.request, a.fetch.timeout, [this, id = a.fetch.id](absl::StatusOr<Bytes> r) {
                     auto answer = std::make_shared<absl::StatusOr<Bytes>>(std::move(r));
                     loop_->Post([this, id, answer] { Feed(node::FetchDone{id, std::move(*answer)}); });
                   });
                 },
                 [&](node::LookUp& a) {
                   resolver_->LookUp(a.name, a.family, [this, name = a.name, family = a.family](auto r) {
                     auto answer = std::make_shared<node::LookedUp>(node::LookedUp{name, family, std::move(r)});
                     loop_->Post([this, answer] { Feed(std::move(*answer)); });
                   });
                 },
                 [&](node::SendNhrp& a) { SendNhrp(a); },
                 [&](node::Apply& a) {
                   FlushUdp();
                   Apply(a);
                 },
                 [&](node::Measure& a) { Measure(a.token); },
                 [&](node::Reply& a) { Reply(a); },
                 [&](node::DebugLine& a) { Stream(a); },
                 [&](node::Log& a) { LogLine(a.level, a.text); },
                 [&](node::AppendKeyLog& a) {
                   if (absl::Status s = AppendKeyLog(a.file, a.line); !s.ok()) LogLine(Level::kError, s.message());
                 },
             },
             action);
}

void Driver::SendIke(ike::SendDatagram& d) {
  if (d.remote.in_tcp()) {
    if (tcp_ != nullptr) tcp_->SendIke(d.local, d.remote, d.bytes);
    return;
  }
  auto it = sockets_.find({d.local.vrf, d.remote.address.family(), d.local.port});
  if (it == sockets_.end()) return;
  it->second->Queue(d.local, d.remote, std::move(d.bytes));
}

// What was queued leaves before anything that follows it in the list of actions changes the kernel.
void Driver::FlushUdp() {
  for (const auto& [key, socket] : sockets_)
    if (absl::Status s = socket->Flush(); !s.ok()) LogLine(Level::kDebug, s.message());
}

void Driver::SendNhrp(const node::SendNhrp& p) {
  auto it = nhrp_.find(p.device);
  if (it == nhrp_.end()) return;
  if (absl::Status s = it->second->Send(p.peer, p.packet); !s.ok())
    LogLine(nhrp_failed_.insert(p.device).second ? Level::kWarning : Level::kDebug, s.message());
}

void Driver::Apply(const node::Apply& apply) {
  for (const dataplane::Step& step : apply.plan)
    if (const auto* d = std::get_if<dataplane::Device>(&step.object);
        d != nullptr && step.kind == dataplane::Step::Kind::kRemove)
      CloseNhrp(d->name);
  std::vector<os::StepResult> results;
  const absl::Status status = dataplane_->Apply(apply.plan, &results);
  for (const os::StepResult& r : results) {
    LogLine(Level::kDebug, absl::StrCat(r.kind == dataplane::Step::Kind::kPut ? "put " : "remove ", r.key,
                                        r.status.ok() ? "" : absl::StrCat(": ", r.status.message())));
    if (r.kind == dataplane::Step::Kind::kRemove) notes_.erase(r.key);
    if (!r.note.empty() && notes_[r.key] != r.note) {
      notes_[r.key] = r.note;
      LogLine(Level::kWarning, absl::StrCat(r.key, ": ", r.note));
    }
  }
  if (status.ok())
    for (const dataplane::Step& step : apply.plan)
      if (const auto* d = std::get_if<dataplane::Device>(&step.object);
          d != nullptr && step.kind == dataplane::Step::Kind::kPut && d->kind == dataplane::DeviceKind::kGreExternal)
        OpenNhrp(d->name);
  if (std::any_of(apply.plan.begin(), apply.plan.end(), [](const dataplane::Step& s) {
        return std::holds_alternative<dataplane::Route>(s.object);
      }))
    bpf_->RoutesChanged();  // what the programs remember of the old routes is void at once
  if (!status.ok() && !running_) startup_error_ = absl::StrCat(status.message(), FeatureHint(status.message()));
  inputs_.push_back(node::ApplyDone{
      apply.token,
      status.ok() ? status : absl::Status(status.code(), absl::StrCat(status.message(), FeatureHint(status.message())))});
}

void Driver::OpenNhrp(const std::string& device) {
  const int index = static_cast<int>(if_nametoindex(device.c_str()));
  if (auto it = nhrp_.find(device); it != nhrp_.end()) {
    if (it->second->ifindex() == index) return;
    CloseNhrp(device);
  }
  auto socket = os::NhrpSocket::Make(device, index);
  if (!socket.ok()) return LogLine(Level::kError, socket.status().message());
  os::NhrpSocket* s = socket->get();
  nhrp_[device] = *std::move(socket);
  absl::Status added = loop_->Add(s->fd(), EPOLLIN, [this, s](uint32_t) {
    std::vector<node::NhrpPacket> packets;
    s->Receive([&](net::PeerId peer, BytesView p) { packets.push_back({peer, Bytes(p.begin(), p.end())}); });
    for (node::NhrpPacket& p : packets) Feed(std::move(p));
  });
  if (!added.ok()) LogLine(Level::kError, added.message());
}

void Driver::CloseNhrp(const std::string& device) {
  auto it = nhrp_.find(device);
  if (it == nhrp_.end()) return;
  loop_->Remove(it->second->fd());
  nhrp_.erase(it);
}

void Driver::Measure(uint64_t token) {
  node::Measurements m;
  m.token = token;
  if (auto sas = dataplane_->SaCounters(); sas.ok())
    for (const os::SaCounter& c : *sas)
      m.sas.push_back({c.spi, c.direction == dataplane::Direction::kIn, c.destination, c.packets, c.bytes,
                       c.integrity_errors, c.replay_errors, c.offload_device.empty() ? "software" : "crypto",
                       c.offload_reason});
  if (auto stats = bpf_->AllStats(); stats.ok())
    for (const auto& [peer, t] : *stats)
      m.peers.push_back({peer, t.rx_packets, t.rx_bytes, t.tx_packets, t.tx_bytes});
  if (auto drops = bpf_->Drops(); drops.ok())
    for (const auto& [reason, count] : *drops) m.drops.push_back({"bpf", reason, count, ""});
  if (auto events = bpf_->EventCounters(); events.ok())
    for (const auto& [reason, count] : *events) m.drops.push_back({"bpf", reason, count, ""});
  AppendXfrmDrops(m.drops);
  AppendTcpDrops(m.drops);
  if (const uint64_t n = control_->refused(); n != 0)
    m.drops.push_back({"control", "stranger", n, "connections of users in neither group of the control socket"});
  m.devices = Devices();
  inputs_.push_back(std::move(m));
}

std::vector<show::DeviceRow> Driver::Devices() const {
  std::vector<show::DeviceRow> rows;
  const std::vector<os::KernelLink> links = watch_->SnapshotLinks();
  const std::vector<os::LocalAddress> addresses = watch_->SnapshotAddresses();
  for (const auto& [key, object] : node_->want().all()) {
    const auto* d = std::get_if<dataplane::Device>(&object);
    if (d == nullptr) continue;
    show::DeviceRow r;
    r.name = d->name;
    const bool gre = d->kind == dataplane::DeviceKind::kGreExternal;
    r.kind = !gre ? "dummy" : d->underlay == net::Family::kIpv6 ? "ip6gre" : "gre";
    r.underlay = !gre ? "" : d->underlay == net::Family::kIpv6 ? "ipv6" : "ipv4";
    r.ifindex = static_cast<int32_t>(if_nametoindex(d->name.c_str()));
    for (const os::KernelLink& l : links)
      if (l.name == d->name) r.mtu = l.mtu, r.up = l.up;
    for (const os::LocalAddress& a : addresses)
      if (a.device == d->name) r.addresses.push_back(absl::StrCat(a.address.ToString(), "/", a.prefix_length));
    for (const auto& [name, i] : node_->model().interfaces) {
      const bool tunnel = i.kind == config::InterfaceKind::kTunnel || i.kind == config::InterfaceKind::kVirtualTemplate;
      const bool v6 = i.mode == config::TunnelMode::kGreIpv6;
      if (gre ? tunnel && v6 == (r.underlay == "ipv6")
              : i.kind == config::InterfaceKind::kLoopback && absl::StrCat("flex-lo", i.number) == r.name)
        r.interfaces.push_back(name);
    }
    if (gre) r.programs = {"tc ingress spoke_classify", "tc egress peer_select"};
    rows.push_back(std::move(r));
  }
  return rows;
}

void Driver::OnControl(const os::ControlRequest& request) {
  const auto refuse = [&](const std::string& why) {
    Respond(request.connection, false, absl::StrCat("% ", why, "\n"), {{"error", why}});
  };
  absl::StatusOr<ControlCommand> command = ReadRequest(request.body);
  if (!command.ok()) return refuse(std::string(command.status().message()));
  const bool administrator = request.role == os::Role::kAdministrator;
  const config::ExecLine line = config::ParseExec(command->command);
  if (administrator && request.uid != 0 && line.command != nullptr && line.command->privileged)
    LogLine(Level::kInfo, absl::StrCat("user ", request.uid, ": ", line.words));
  const bool session = line.command != nullptr && line.command->place == config::Place::kSession;
  if (!session && !command->lines.empty())
    return refuse("only commit, commit check and show configuration diff take lines");
  if (!session || !administrator) {  // the node tells an operator what it may not
    WipeLines(command->lines);
    const uint64_t id = next_command_++;
    commands_[id] = {request.connection, command->form};
    return Feed(node::Command{id, command->command, administrator, request.connection});
  }
  const ConfigSession::Answer a = session_->Handle(line.words, command->lines, os::Loop::Now());
  node_->SetKeyCipher(session_->cipher());
  Respond(request.connection, a.ok, a.text, a.data);
  WipeLines(command->lines);
}

void Driver::Respond(uint64_t connection, bool ok, const show::Json& text, const show::Json& data) {
  show::Json j;
  j["version"] = os::kControlVersion;
  j["ok"] = ok;
  j["administrator"] = control_->RoleOf(connection) == os::Role::kAdministrator;
  j["text"] = text;
  j["data"] = data;
  control_->Respond(connection, j.dump(-1, ' ', false, show::Json::error_handler_t::replace));
}

void Driver::Reply(node::Reply& reply) {
  auto it = commands_.find(reply.command);
  if (it == commands_.end()) return;
  const PendingCommand command = it->second;
  commands_.erase(it);
  show::Document& d = reply.document;
  const AnswerForm form = reply.ok ? command.form : AnswerForm::kBoth;
  Respond(command.connection, reply.ok, form == AnswerForm::kJson ? show::Json() : show::Json(show::RenderText(d)),
          form == AnswerForm::kText ? show::Json() : show::Data(d));
}

void Driver::Stream(const node::DebugLine& line) {
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  const std::string event = DebugEvent(ts.tv_sec * 1000 + ts.tv_nsec / 1'000'000, line.facility, line.text);
  for (uint64_t session : line.sessions) control_->Push(session, event);
}

}  // namespace flexvpn::app
