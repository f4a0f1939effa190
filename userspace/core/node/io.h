// SPDX-License-Identifier: Apache-2.0
// What goes into the node and what comes out of it.  The driver (app/daemon) carries actions out in order and
// feeds inputs; a simulation does the same without a kernel.
#ifndef FLEXVPN_CORE_NODE_IO_H_
#define FLEXVPN_CORE_NODE_IO_H_

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/config/model.h"
#include "core/crypto/provider.h"
#include "core/dataplane/objects.h"
#include "core/ike/endpoint.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"
#include "core/node/pki.h"
#include "core/show/rows.h"

namespace flexvpn::node {

// --- inputs ---------------------------------------------------------------------------------------------
struct IkeDatagram {  // from UDP port 500 or 4500 or from TCP, non-ESP marker removed
  ike::Datagram datagram;
  Instant received{};  // when the socket gave it, if that is known
};
// A TCP connection of IKE between these ends is gone, or could not be opened.
struct TcpLost {
  net::Endpoint local, remote;
};
struct CryptoDone {
  crypto::JobId id;
  crypto::JobResult result;
};
struct FetchDone {  // what a fetch brought; the error says what went wrong
  ike::FetchId id;
  absl::StatusOr<Bytes> answer;
};
struct LookedUp {  // answer to LookUp: addresses in the system's order of preference, or why there are none
  std::string name;
  net::Family family{};
  absl::StatusOr<std::vector<net::IpAddress>> addresses;
};
struct NhrpPacket {  // received in GRE type 0x2001 inside the IPsec of `peer`
  net::PeerId peer;
  Bytes packet;
};
struct SpokeToSpoke {  // spoke_classify raised an event; `packet` is the head of the inner packet
  net::PeerId ingress;
  Bytes packet;
};
struct LocalAddress {
  std::string device;
  net::IpAddress address;
  int prefix_length = 0;
  bool passing = false;  // IPv6: temporary, deprecated or tentative; the source of a tunnel only if there is no other
  std::string vrf = {};  // name of the VRF device its interface is in (or is); "" = global
};
struct LocalVrf {  // a VRF device
  std::string name;
  uint32_t table = 0;
};
struct LocalRoute {  // of the kernel's main table, not ours
  net::Prefix prefix;
  std::string device;
};
// Addresses and routes of this machine as they are now; given at start and after every change.
struct LocalNetwork {
  std::vector<LocalAddress> addresses;
  std::vector<LocalRoute> routes;
  std::vector<LocalVrf> vrfs = {};
  bool ipv6 = true;  // this kernel routes IPv6 into devices of ours
};
// What an earlier run of this instance left in the kernel; given once at start.
struct Adopt {
  dataplane::State have;
};
struct ApplyDone {
  uint64_t token = 0;
  absl::Status status;
};
struct SaCounter {
  uint32_t spi = 0;
  bool inbound = false;
  net::IpAddress destination;
  uint64_t packets = 0, bytes = 0, integrity_failures = 0, replay_failures = 0;
  std::string offload = "software";  // what the kernel really does: software, crypto, packet
  std::string offload_reason;
};
struct PeerCounter {
  net::PeerId peer;
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
};
// The kernel: this SA has passed its limit of volume (or, should we have slept, of time).
struct SaExpired {
  uint32_t spi = 0;
  net::IpAddress destination;
};
struct Measurements {  // answer to Measure
  uint64_t token = 0;
  std::vector<SaCounter> sas;
  std::vector<PeerCounter> peers;
  std::vector<show::DropRow> drops;      // of BPF programs and XFRM
  std::vector<show::DeviceRow> devices;  // state in the kernel of the devices we asked for
};
struct Command {  // one line of the shell
  uint64_t id = 0;
  std::string line;
  bool privileged = true;  // of an administrator: may change things and see secrets; others may only look
  uint64_t session = 0;    // the connection it came by, for `debug`; 0 = none that could be told more than the answer
};
// A connection by which a command came has ended: nobody debugs by it any more.
struct SessionEnded {
  uint64_t session = 0;
};
struct NewConfig {
  config::Model model;
  Pki pki;  // of its trustpoints
};
// What the wall clock shows; given at start and whenever it is set.
struct TimeOfDay {
  crypto::UnixTime time = 0;
};
using Input = std::variant<IkeDatagram, TcpLost, CryptoDone, FetchDone, LookedUp, NhrpPacket, SpokeToSpoke, LocalNetwork, Adopt, ApplyDone,
                           SaExpired, Measurements, Command, SessionEnded, NewConfig, TimeOfDay>;

// --- actions ----------------------------------------------------------------------------------------------
struct SendIke {
  ike::SendDatagram datagram;
};
// Messages of these VRFs, and of the global one, are wanted from now on: sockets for each whose device is there.
struct ListenIn {
  std::map<std::string, net::VrfId> vrfs;  // by name
  bool tcp = false;                        // IKE and ESP may go in TCP (RFC 9329)
  uint16_t tcp_port = 0;                   // connections are accepted there; 0 = nowhere
  friend bool operator==(const ListenIn&, const ListenIn&) = default;
};
// A session with the peer begins to use the TCP connection between these ends, or ends to.  Calls are counted.
struct UseTcp {
  net::Endpoint local, remote;
  bool in_use = false;
};
struct StartJob {
  crypto::JobId id;
  crypto::Job job;
};
// Answer with FetchDone, always and in time (ike::StartFetch).
struct StartFetch {
  ike::StartFetch fetch;
};
// Answer with LookedUp, always.
struct LookUp {
  std::string name;
  net::Family family{};
};
struct SendNhrp {
  net::PeerId peer;
  std::string device;
  Bytes packet;
};
// Carry out before any later action; answer with ApplyDone.
struct Apply {
  uint64_t token = 0;
  dataplane::Plan plan;
};
struct Measure {  // answer with Measurements
  uint64_t token = 0;
};
struct Reply {
  uint64_t command = 0;
  bool ok = true;
  show::Document document;
};
struct Log {
  enum class Level : uint8_t { kDebug, kInfo, kWarning, kError } level{};
  std::string text;
};
// Append to the file of `debug crypto ikev2 keylog`, readable by its owner alone.
struct AppendKeyLog {
  std::string file;
  SecretBytes line;
};
// For those who typed `debug …`.  Printable ASCII without secrets, some kilobytes at most.
struct DebugLine {
  std::vector<uint64_t> sessions;  // Command::session of each
  absl::string_view facility;      // literal: "IKEv2", "IKEv2-PAK", "NHRP" …
  std::string text;
};
using Action = std::variant<SendIke, ListenIn, UseTcp, StartJob, StartFetch, LookUp, SendNhrp, Apply, Measure, Reply, Log, AppendKeyLog,
                            DebugLine>;
using Actions = std::vector<Action>;

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_IO_H_
