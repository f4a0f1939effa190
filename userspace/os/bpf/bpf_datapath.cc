// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/bpf_datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "abi/drops.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "flexvpn_bpf.skel.h"
#include "os/bpf/abi_convert.h"
#include "os/bpf/libbpf_log.h"
#include "os/bpf/pins.h"
#include "os/bpf/tc_attach.h"
#include "os/bpf/typed_map.h"

namespace flexvpn::os {

absl::Status MapError(const std::string& name, const char* operation, int error) {
  const std::string text = absl::StrCat("BPF map ", name, ": ", operation, ": ", std::strerror(error));
  if (error == E2BIG) return absl::ResourceExhaustedError(absl::StrCat(text, " (the map is full)"));
  return absl::Status(absl::ErrnoToStatusCode(error), text);
}

struct BpfDatapath::State {
  ~State() {
    ring_buffer__free(ring);
    flexvpn_bpf::destroy(skeleton);
  }
  BpfOptions options;
  flexvpn_bpf* skeleton = nullptr;
  ring_buffer* ring = nullptr;
  const std::function<void(const BpfEvent&)>* callback = nullptr;  // during PollEvents
  std::set<uint32_t> attached;
  bool may_omit_key = false;

  TypedMap<__u32, abi_peer> peers;
  TypedMap<abi_next_hop, __u32> next_hops;
  PerCpuMap<__u32, abi_peer_stats> stats;
  PerCpuMap<abi_drop, __u64> drops;
  PerCpuMap<abi_counter, __u64> counters;

  // The programs drop what they remember of the maps.  After the change, so that none remembers the old state
  // under the new number.
  void Changed() { __atomic_fetch_add(&skeleton->data->generation, 1, __ATOMIC_RELEASE); }
};

namespace {

struct CounterName {
  int key;
  const char* text;
};
#define NAME(name, text, meaning) {ABI_DROP_##name, text},
constexpr CounterName kDrops[] = {ABI_DROPS(NAME)};
#undef NAME
#define NAME(name, text, meaning) {ABI_COUNT_##name, text},
constexpr CounterName kCounters[] = {ABI_COUNTERS(NAME)};
#undef NAME

absl::Status CheckPrivilege() {
  int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "flexvpn_probe", 4, 4, 1, nullptr);
  if (fd >= 0) {
    close(fd);
    return absl::OkStatus();
  }
  if (fd == -ENOSYS) return absl::UnimplementedError("this kernel has no BPF (CONFIG_BPF_SYSCALL)");
  if (fd == -EPERM) {
    return absl::PermissionDeniedError(
        "creating BPF maps is not permitted: CAP_BPF and CAP_NET_ADMIN are needed (run as root)");
  }
  return absl::ErrnoToStatus(-fd, "creating a BPF map");
}

absl::Status LoadError(int error, const LibbpfLog& log) {
  const std::string text = absl::StrCat("loading the BPF programs: ", std::strerror(error));
  if (error == EPERM) {
    return absl::PermissionDeniedError(
        absl::StrCat(text, "; CAP_BPF and CAP_NET_ADMIN are needed (run as root)\n", log.Tail()));
  }
  return absl::InternalError(absl::StrCat(text, "\n", log.Tail()));
}

// What a probe program returned; any failure to run it counts as "not supported".
bool Probe(const bpf_program* program) {
  uint8_t packet[64] = {};
  packet[12] = 0x08;  // EtherType IPv4
  packet[14] = 0x45;
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof packet, .repeat = 1);
  return bpf_prog_test_run_opts(bpf_program__fd(program), &run) == 0 && run.retval == 0;
}

std::string DeviceName(uint32_t ifindex) {
  char name[IF_NAMESIZE] = {};
  return if_indextoname(ifindex, name) != nullptr ? std::string(name) : absl::StrCat("if", ifindex);
}

PeerTraffic ToTraffic(const abi_peer_stats& s) {
  return {s.rx_packets, s.rx_bytes, s.tx_packets, s.tx_bytes, s.last_tx_ns};
}

template <class Key, size_t N>
absl::StatusOr<std::map<std::string, uint64_t>> ReadCounters(const PerCpuMap<Key, __u64>& map,
                                                            const CounterName (&names)[N]) {
  std::map<std::string, uint64_t> out;
  for (const CounterName& c : names) {
    ASSIGN_OR_RETURN(auto values, map.Get(static_cast<Key>(c.key)));
    uint64_t& sum = out[c.text];
    for (uint64_t v : values) sum += v;
  }
  return out;
}

}  // namespace

BpfDatapath::BpfDatapath(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpfDatapath::~BpfDatapath() = default;

absl::StatusOr<std::unique_ptr<BpfDatapath>> BpfDatapath::Load(const BpfOptions& options) {
  LibbpfLog log;
  RETURN_IF_ERROR(CheckPrivilege());
  RETURN_IF_ERROR(EnsurePinDirectory(options.pin_dir));
  auto s = std::make_unique<State>();
  s->options = options;
  s->skeleton = flexvpn_bpf::open();
  if (s->skeleton == nullptr) return LoadError(errno, log);

  flexvpn_bpf& k = *s->skeleton;
  k.rodata->redirect_interval_ns = static_cast<uint64_t>(options.redirect_interval.count());
  k.rodata->unknown_interval_ns = static_cast<uint64_t>(options.unknown_interval.count());
  k.rodata->decision_jiffies = options.decision_jiffies;
  bpf_map__set_max_entries(k.maps.events, options.ring_bytes);
  AdoptPins(options.pin_dir, {k.maps.peers, k.maps.next_hops, k.maps.peer_stats, k.maps.limiter, k.maps.events,
                              k.maps.drops, k.maps.counters, k.maps.abi_version});
  if (int r = flexvpn_bpf::load(s->skeleton); r != 0) return LoadError(-r, log);

  if (Probe(k.progs.probe_skip_neighbour)) k.bss->fib_flags = BPF_FIB_LOOKUP_SKIP_NEIGH;
  s->may_omit_key = Probe(k.progs.probe_no_tunnel_key);
  // Pinned only to be looked at: decisions of an earlier run would carry its generation numbers.
  const std::string decisions = absl::StrCat(options.pin_dir, "/decisions");
  unlink(decisions.c_str());
  if (int r = bpf_map__pin(k.maps.decisions, decisions.c_str()); r != 0) {
    return absl::ErrnoToStatus(-r, absl::StrCat("pinning ", decisions));
  }

  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 1) return absl::InternalError("the number of CPUs is unknown");
  s->peers = {bpf_map__fd(k.maps.peers), "peers"};
  s->next_hops = {bpf_map__fd(k.maps.next_hops), "next_hops"};
  s->stats = {bpf_map__fd(k.maps.peer_stats), "peer_stats", cpus};
  s->drops = {bpf_map__fd(k.maps.drops), "drops", cpus};
  s->counters = {bpf_map__fd(k.maps.counters), "counters", cpus};
  for (const CounterName& c : kDrops) RETURN_IF_ERROR(s->drops.Create(static_cast<abi_drop>(c.key)));
  for (const CounterName& c : kCounters) RETURN_IF_ERROR(s->counters.Create(static_cast<abi_counter>(c.key)));
  TypedMap<__u32, __u32> version(bpf_map__fd(k.maps.abi_version), "abi_version");
  RETURN_IF_ERROR(version.Put(0, ABI_VERSION));

  State* state = s.get();
  auto on_record = [](void* context, void* data, size_t size) {
    auto* self = static_cast<State*>(context);
    std::optional<BpfEvent> event = ParseEvent(BytesView(static_cast<const uint8_t*>(data), size));
    if (event && self->callback != nullptr) (*self->callback)(*event);
    return 0;
  };
  s->ring = ring_buffer__new(bpf_map__fd(k.maps.events), on_record, state, nullptr);
  if (s->ring == nullptr) return absl::ErrnoToStatus(errno, "opening the BPF ring buffer events");
  return std::unique_ptr<BpfDatapath>(new BpfDatapath(std::move(s)));
}

absl::Status BpfDatapath::Attach(uint32_t ifindex) {
  LibbpfLog log;
  RETURN_IF_ERROR(EnableForwarding(ifindex));
  RETURN_IF_ERROR(AttachFilter(ifindex, BPF_TC_INGRESS, bpf_program__fd(state_->skeleton->progs.spoke_classify), log));
  RETURN_IF_ERROR(AttachFilter(ifindex, BPF_TC_EGRESS, bpf_program__fd(state_->skeleton->progs.peer_select), log));
  state_->attached.insert(ifindex);
  return absl::OkStatus();
}

absl::Status BpfDatapath::Detach(uint32_t ifindex) {
  LibbpfLog log;
  absl::Status status = DetachFilter(ifindex, BPF_TC_INGRESS, log);
  status.Update(DetachFilter(ifindex, BPF_TC_EGRESS, log));
  if (status.ok()) state_->attached.erase(ifindex);
  return status;
}

absl::Status BpfDatapath::PutPeer(const dataplane::Peer& peer, uint32_t ifindex) {
  ASSIGN_OR_RETURN(abi_peer value, ToAbi(peer, ifindex));
  if (!peer.gre_key && !state_->may_omit_key) {
    return absl::FailedPreconditionError(absl::StrCat(
        "peer ", peer.id.value(), ": this kernel always sends a GRE key (Linux 6.2 can omit it); set a tunnel key"));
  }
  RETURN_IF_ERROR(state_->stats.Create(peer.id.value()));
  RETURN_IF_ERROR(state_->peers.Put(peer.id.value(), value));
  state_->Changed();
  return absl::OkStatus();
}

absl::Status BpfDatapath::RemovePeer(net::PeerId id) {
  absl::Status status = state_->peers.Remove(id.value());
  state_->Changed();
  status.Update(state_->stats.Remove(id.value()));
  return status;
}

absl::Status BpfDatapath::PutNextHop(uint32_t ifindex, const net::IpAddress& address, net::PeerId peer) {
  ASSIGN_OR_RETURN(abi_next_hop key, ToAbi(ifindex, address));
  if (!peer) return absl::InvalidArgumentError(absl::StrCat("next hop ", address.ToString(), ": no peer"));
  absl::Status status = state_->next_hops.Put(key, peer.value());
  state_->Changed();
  return status;
}

absl::Status BpfDatapath::RemoveNextHop(uint32_t ifindex, const net::IpAddress& address) {
  ASSIGN_OR_RETURN(abi_next_hop key, ToAbi(ifindex, address));
  absl::Status status = state_->next_hops.Remove(key);
  state_->Changed();
  return status;
}

absl::StatusOr<std::vector<dataplane::Peer>> BpfDatapath::ListPeers() const {
  ASSIGN_OR_RETURN(auto entries, state_->peers.Entries());
  std::vector<dataplane::Peer> out;
  out.reserve(entries.size());
  for (const auto& [id, value] : entries) {
    out.push_back(FromAbi(net::PeerId(id), value, DeviceName(value.ifindex)));
  }
  return out;
}

absl::StatusOr<std::vector<dataplane::NextHop>> BpfDatapath::ListNextHops() const {
  ASSIGN_OR_RETURN(auto entries, state_->next_hops.Entries());
  std::vector<dataplane::NextHop> out;
  out.reserve(entries.size());
  for (const auto& [key, id] : entries) {
    out.push_back({DeviceName(key.ifindex), FromAbi(key.family, key.address), net::PeerId(id)});
  }
  return out;
}

absl::StatusOr<PeerTraffic> BpfDatapath::PeerStats(net::PeerId id) const {
  ASSIGN_OR_RETURN(auto cpus, state_->stats.Get(id.value()));
  if (cpus.empty()) return absl::NotFoundError(absl::StrCat("BPF map peer_stats: no peer ", id.value()));
  return ToTraffic(Sum(cpus));
}

absl::StatusOr<std::map<net::PeerId, PeerTraffic>> BpfDatapath::AllStats() const {
  ASSIGN_OR_RETURN(std::vector<__u32> ids, state_->stats.Keys());
  std::map<net::PeerId, PeerTraffic> out;
  for (__u32 id : ids) {
    ASSIGN_OR_RETURN(auto cpus, state_->stats.Get(id));
    if (!cpus.empty()) out[net::PeerId(id)] = ToTraffic(Sum(cpus));
  }
  return out;
}

absl::StatusOr<std::map<std::string, uint64_t>> BpfDatapath::Drops() const {
  return ReadCounters(state_->drops, kDrops);
}

absl::StatusOr<std::map<std::string, uint64_t>> BpfDatapath::EventCounters() const {
  return ReadCounters(state_->counters, kCounters);
}

int BpfDatapath::event_fd() const { return ring_buffer__epoll_fd(state_->ring); }

absl::StatusOr<int> BpfDatapath::PollEvents(const std::function<void(const BpfEvent&)>& callback) {
  state_->callback = &callback;
  int n = ring_buffer__consume(state_->ring);
  state_->callback = nullptr;
  if (n < 0) return absl::ErrnoToStatus(-n, "reading the BPF ring buffer events");
  return n;
}

absl::Status BpfDatapath::Unload(const std::vector<uint32_t>& ifindexes) {
  std::set<uint32_t> devices = state_->attached;
  devices.insert(ifindexes.begin(), ifindexes.end());
  if (auto entries = state_->peers.Entries(); entries.ok()) {
    for (const auto& entry : *entries) devices.insert(entry.second.ifindex);
  }
  absl::Status status;
  for (uint32_t ifindex : devices) status.Update(Detach(ifindex));
  status.Update(RemovePins(state_->options.pin_dir));
  return status;
}

int BpfDatapath::ProgramFd(absl::string_view name) const {
  const bpf_program* p = bpf_object__find_program_by_name(state_->skeleton->obj, std::string(name).c_str());
  return p == nullptr ? -1 : bpf_program__fd(p);
}

int BpfDatapath::MapFd(absl::string_view name) const {
  return bpf_object__find_map_fd_by_name(state_->skeleton->obj, std::string(name).c_str());
}

}  // namespace flexvpn::os
