// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/bpf_datapath.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "abi/devices.h"
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
  PerCpuMap<__u32, abi_drops> drops;
  PerCpuMap<__u32, abi_counters> counters;
  std::vector<uint32_t> free_slots;  // of peer_stats; the lowest last

  // The programs drop what they remember of the maps.  After the change, so that none remembers the old state
  // under the new number.
  void Changed() { __atomic_fetch_add(&skeleton->data->generation, 1, __ATOMIC_RELEASE); }
  // The slots no adopted peer has.
  absl::Status FindFreeSlots();
};

namespace {

#define NAME(name, field, text, meaning) text,
constexpr const char* kDropNames[] = {ABI_DROPS(NAME)};
constexpr const char* kCounterNames[] = {ABI_COUNTERS(NAME)};
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

// `Fields` is a struct of one __u64 for each name.
template <class Fields, size_t N>
absl::StatusOr<std::map<std::string, uint64_t>> ReadCounters(const PerCpuMap<__u32, Fields>& map,
                                                            const char* const (&names)[N]) {
  static_assert(sizeof(Fields) == N * sizeof(uint64_t));
  ASSIGN_OR_RETURN(std::vector<Fields> cpus, map.Get(0));
  std::map<std::string, uint64_t> out;
  for (size_t i = 0; i < N; ++i) {
    uint64_t& sum = out[names[i]];
    for (const Fields& cpu : cpus) sum += std::bit_cast<std::array<uint64_t, N>>(cpu)[i];
  }
  return out;
}

}  // namespace

absl::Status BpfDatapath::State::FindFreeSlots() {
  ASSIGN_OR_RETURN(auto entries, peers.Entries());
  std::set<uint32_t> taken;
  for (const auto& entry : entries) taken.insert(entry.second.stats_slot);
  for (uint32_t slot = options.max_peers; slot-- > 0;) {
    if (!taken.contains(slot)) free_slots.push_back(slot);
  }
  return absl::OkStatus();
}

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
  k.rodata->selection_jiffies = options.selection_jiffies;
  bpf_map__set_max_entries(k.maps.peers, options.max_peers);
  bpf_map__set_max_entries(k.maps.peer_stats, options.max_peers);
  bpf_map__set_max_entries(k.maps.next_hops, 4 * options.max_peers);
  bpf_map__set_max_entries(k.maps.limiter, 4 * options.max_peers);
  bpf_map__set_max_entries(k.maps.events, options.ring_bytes);
  AdoptPins(options.pin_dir, {k.maps.peers, k.maps.next_hops, k.maps.peer_stats, k.maps.limiter, k.maps.events,
                              k.maps.drops, k.maps.counters, k.maps.abi_version});
  if (int r = flexvpn_bpf::load(s->skeleton); r != 0) return LoadError(-r, log);

  if (Probe(k.progs.probe_skip_neighbour)) k.bss->fib_flags = BPF_FIB_LOOKUP_SKIP_NEIGH;
  s->may_omit_key = Probe(k.progs.probe_no_tunnel_key);
  // The caches are pinned only to be looked at: entries of an earlier run would carry its generation numbers.
  for (bpf_map* cache : {k.maps.decisions, k.maps.selections}) {
    const std::string path = absl::StrCat(options.pin_dir, "/", bpf_map__name(cache));
    unlink(path.c_str());
    if (int r = bpf_map__pin(cache, path.c_str()); r != 0) {
      return absl::ErrnoToStatus(-r, absl::StrCat("pinning ", path));
    }
  }

  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 1) return absl::InternalError("the number of CPUs is unknown");
  s->peers = {bpf_map__fd(k.maps.peers), "peers"};
  s->next_hops = {bpf_map__fd(k.maps.next_hops), "next_hops"};
  s->stats = {bpf_map__fd(k.maps.peer_stats), "peer_stats", cpus};
  s->drops = {bpf_map__fd(k.maps.drops), "drops", cpus};
  s->counters = {bpf_map__fd(k.maps.counters), "counters", cpus};
  RETURN_IF_ERROR(s->FindFreeSlots());
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
  LearnDevice(ifindex);
  RETURN_IF_ERROR(AttachFilter(ifindex, BPF_TC_INGRESS, bpf_program__fd(state_->skeleton->progs.spoke_classify), log));
  RETURN_IF_ERROR(AttachFilter(ifindex, BPF_TC_EGRESS, bpf_program__fd(state_->skeleton->progs.peer_select), log));
  state_->attached.insert(ifindex);
  return absl::OkStatus();
}

void BpfDatapath::LearnDevice(uint32_t ifindex) {
  abi_device& device = state_->skeleton->bss->devices[ifindex % ABI_DEVICES];
  __atomic_store_n(&device.ifindex, 0, __ATOMIC_RELEASE);  // no program sees the one without the other
  device.framing = FramingOf(ifindex);
  __atomic_store_n(&device.ifindex, ifindex, __ATOMIC_RELEASE);
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
  const __u32 id = peer.id.value();
  ASSIGN_OR_RETURN(std::optional<abi_peer> old, state_->peers.Get(id));
  if (old) {
    value.stats_slot = old->stats_slot;
  } else {
    if (state_->free_slots.empty()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("peer ", id, ": all ", state_->options.max_peers, " places of the BPF maps are taken"));
    }
    value.stats_slot = state_->free_slots.back();
    abi_peer_stats fresh{};
    fresh.peer = id;
    RETURN_IF_ERROR(state_->stats.Put(value.stats_slot, fresh));
  }
  RETURN_IF_ERROR(state_->peers.Put(id, value));
  if (!old) state_->free_slots.pop_back();
  state_->Changed();
  return absl::OkStatus();
}

absl::Status BpfDatapath::RemovePeer(net::PeerId id) {
  ASSIGN_OR_RETURN(std::optional<abi_peer> old, state_->peers.Get(id.value()));
  if (!old) return absl::OkStatus();
  RETURN_IF_ERROR(state_->peers.Remove(id.value()));
  state_->Changed();
  state_->free_slots.push_back(old->stats_slot);
  return state_->stats.Put(old->stats_slot, {});
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

void BpfDatapath::RoutesChanged() { state_->Changed(); }

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
  ASSIGN_OR_RETURN(std::optional<abi_peer> peer, state_->peers.Get(id.value()));
  if (!peer) return absl::NotFoundError(absl::StrCat("BPF map peers: no peer ", id.value()));
  ASSIGN_OR_RETURN(auto cpus, state_->stats.Get(peer->stats_slot));
  return ToTraffic(Sum(cpus));
}

absl::StatusOr<std::map<net::PeerId, PeerTraffic>> BpfDatapath::AllStats() const {
  ASSIGN_OR_RETURN(auto entries, state_->peers.Entries());
  std::map<net::PeerId, PeerTraffic> out;
  for (const auto& [id, peer] : entries) {
    ASSIGN_OR_RETURN(auto cpus, state_->stats.Get(peer.stats_slot));
    out[net::PeerId(id)] = ToTraffic(Sum(cpus));
  }
  return out;
}

absl::StatusOr<std::map<std::string, uint64_t>> BpfDatapath::Drops() const {
  return ReadCounters(state_->drops, kDropNames);
}

absl::StatusOr<std::map<std::string, uint64_t>> BpfDatapath::EventCounters() const {
  return ReadCounters(state_->counters, kCounterNames);
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
