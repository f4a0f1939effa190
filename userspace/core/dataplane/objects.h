// SPDX-License-Identifier: Apache-2.0
// What the node wants in the kernel, as values.  Pure data: no handle, no ifindex, no descriptor.
#ifndef FLEXVPN_CORE_DATAPLANE_OBJECTS_H_
#define FLEXVPN_CORE_DATAPLANE_OBJECTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"

namespace flexvpn::dataplane {

// Protocol number of our routes (rtm_protocol); ours alone, see docs/ARCHITECTURE.md.
inline constexpr uint8_t kRouteProtocol = 177;
// Metrics on Linux for what IOS shows as administrative distances.
inline constexpr uint32_t kIkeRouteMetric = 200;       // IKEv2 routes, distance 2
// Fallback for a network of the overlay while no peer has it: into the GRE device, where peer_select drops what has no
// peer.  Without it such packets would follow a less specific route and leave in clear.
inline constexpr uint32_t kFallbackRouteMetric = 65000;
inline constexpr uint32_t kShortcutRouteMetric = 100;  // NHRP override: wins over the IKEv2 route of equal length
// A metric of ours as the kernel has it.  Its own IPv6 routes have 256 (connected) or 1024 where those of IPv4 have 0: they come
// before ours in both families.
inline constexpr uint32_t MetricIn(net::Family family, uint32_t metric) { return family == net::Family::kIpv6 ? 2000 + metric : metric; }

enum class DeviceKind : uint8_t {
  kGreExternal,  // `gre` or `ip6gre` in collect-metadata mode: the one device of a cloud; BPF programs attached
  kLoopback,     // `dummy`: an IOS Loopback interface
};
// A device of ours.  Recognised in the kernel by its IFLA_IFALIAS "flexvpn:<instance>".
struct Device {
  std::string name;  // Linux name, at most 15 octets
  DeviceKind kind{};
  net::Family underlay = net::Family::kIpv4;  // kGreExternal only
  uint32_t mtu = 0;                           // 0 = leave the kernel's choice
  friend bool operator==(const Device&, const Device&) = default;
};

// An address on a device of ours (never on another's).
struct Address {
  std::string device;
  net::IpAddress address;
  int prefix_length = 32;  // installed with noprefixroute: connected routes are Route objects
  friend bool operator==(const Address&, const Address&) = default;
};

// BPF map `peers`: where peer_select sends packets of this peer and what spoke_classify knows of it.
struct Peer {
  net::PeerId id;
  std::string device;               // the cloud's device
  net::IpAddress local, remote;     // outer addresses of the GRE packet as the kernel sees them
  std::optional<uint32_t> gre_key;
  uint32_t network_id = 0;          // NHRP network-id; 0 = NHRP off: never classified
  bool redirect = false;            // `ip nhrp redirect`: traffic indications wanted
  uint16_t adjust_mss = 0;          // `ip tcp adjust-mss`; 0 = off
  bool in_tcp = false;              // its ESP goes in TCP (RFC 9329), by way of the daemon
  friend bool operator==(const Peer&, const Peer&) = default;
};

// BPF map `next_hops`: overlay next hop on a cloud's device -> peer.
struct NextHop {
  std::string device;
  net::IpAddress address;
  net::PeerId peer;
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

// What this machine sends from `source` takes the table of a VRF and never another one: the outer packets of a tunnel
// in that VRF (`tunnel vrf`).  IPv4.  The kernel looks their route up by nothing but their addresses.
struct SourceRule {
  net::IpAddress source;
  uint32_t table = 0;  // 0 = the VRF has no device now: unreachable
  friend bool operator==(const SourceRule&, const SourceRule&) = default;
};

enum class Direction : uint8_t { kIn, kOut };
enum class Mode : uint8_t { kTransport, kTunnel };

// One ESP SA.  Algorithms by IANA IKEv2 transform id; the key is KEYMAT order (encryption, then salt for AEAD).
struct Sa {
  Direction direction{};
  uint32_t spi = 0;  // host order
  net::IpAddress source, destination;  // outer; source :: = whatever the packet has (out, transport, over IPv6)
  net::PeerId peer;                    // in: output-mark; also the reqid
  Mode mode = Mode::kTransport;
  uint16_t encr = 0;        // IANA ENCR, e.g. 20 = AES-GCM-16, 12 = AES-CBC
  uint16_t encr_key_bits = 0;  // without the salt; also where it is not negotiated (ChaCha20: 256)
  uint16_t integ = 0;       // IANA AUTH, 0 with AEAD
  SecretBytes encr_key;     // AEAD: key then salt
  SecretBytes integ_key;
  bool esn = false;
  uint32_t replay_window = 128;  // packets; in only
  // UDP encapsulation (RFC 3948); 0 = none
  uint16_t encap_source_port = 0, encap_destination_port = 0;
  bool mark_state = false;  // mark the outbound state too: only where SPIs collide behind one NAT address
  // Offload wanted on this Linux interface; empty = software.
  std::string offload_device;
  bool offload_packet = false;
  // Kernel lifetimes as a second line behind the daemon's own timers; 0 = none
  uint64_t hard_seconds = 0, soft_bytes = 0, hard_bytes = 0;
  friend bool operator==(const Sa&, const Sa&) = default;
};

// A GRE policy of one peer: outer local/32 <-> outer remote/32, protocol 47, mark = peer, template = reqid peer.
// For mode tunnel (no GRE) the selectors are given.
struct Policy {
  Direction direction{};
  net::PeerId peer;
  net::IpAddress local, remote;   // outer addresses of the template
  net::Prefix local_selector, remote_selector;
  uint8_t protocol = 47;
  Mode mode = Mode::kTransport;
  bool marked = true;  // false on ip6gre, where the flow mark is zeroed
  friend bool operator==(const Policy&, const Policy&) = default;
};

// Never in clear: GRE from or to this local address (any remote) is dropped unless a Policy matches first.
struct Block {
  net::IpAddress local;
  friend bool operator==(const Block&, const Block&) = default;
};

struct Route {
  net::Prefix prefix;
  std::string device;
  net::IpAddress next_hop;         // overlay next hop, installed onlink
  net::IpAddress preferred_source; // may be empty
  uint32_t metric = kIkeRouteMetric;
  uint32_t mtu = 0;
  friend bool operator==(const Route&, const Route&) = default;
};

using Object = std::variant<Device, Block, Address, SourceRule, Sa, Policy, Peer, NextHop, Route>;

// Identity of an object: what the kernel or map indexes it by.  Two objects with equal keys replace each other.
// Human readable ("sa in 0xc1234567 198.51.100.2", "route 10.0.0.1/32 metric 200 dev flex-gre0"); used in errors.
std::string Key(const Object& object);
// What the keys of all SAs of this direction and SPI begin with.
std::string SaKeyPrefix(Direction direction, uint32_t spi);

struct Step {
  enum class Kind : uint8_t { kPut, kRemove } kind{};  // kPut adds or replaces
  Object object;
};
using Plan = std::vector<Step>;

// All objects by key.  Want and Have are both States.
class State {
 public:
  void Put(Object object);
  void Erase(const std::string& key);
  const Object* Find(const std::string& key) const;
  const std::map<std::string, Object>& all() const { return objects_; }
  void Apply(const Plan& plan);

 private:
  std::map<std::string, Object> objects_;
};

// What leads from `have` to `want`: puts in install order (device, block, address, rule, SA, policy, peer,
// next hop, route), then removals in the reverse order; make before break.  SAs compare without their keys (the kernel
// gives them back only to CAP_NET_ADMIN and in its own order): an SA with equal key is not replaced.
Plan Diff(const State& have, const State& want);

// Sorts a set of changes of one event into the same order.
void Order(Plan& plan);

}  // namespace flexvpn::dataplane

#endif  // FLEXVPN_CORE_DATAPLANE_OBJECTS_H_
