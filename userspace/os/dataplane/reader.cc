// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/reader.h"

#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

#include <set>

#include "absl/strings/match.h"
#include "base/status_macros.h"

namespace flexvpn::os {
namespace {

using dataplane::Direction;
using dataplane::Mode;
using netlink::LinkAddress;
using netlink::PolicyInfo;
using netlink::Received;
using netlink::RouteEntry;
using netlink::SaInfo;

constexpr uint8_t kEsp = 50;
constexpr uint32_t kLargestOpen = 256;  // selector bits left open, both ends of IPv6

std::string Name(const KernelObjects& o, int index) {
  auto it = o.links.find(index);
  return it == o.links.end() ? absl::StrCat("if", index) : it->second.name;
}

dataplane::Device ToDevice(const netlink::Link& l) {
  dataplane::Device d;
  d.name = l.name;
  d.kind = l.kind == "dummy" ? dataplane::DeviceKind::kLoopback : dataplane::DeviceKind::kGreExternal;
  d.underlay = l.kind == "ip6gre" ? net::Family::kIpv6 : net::Family::kIpv4;
  d.mtu = l.mtu;
  return d;
}

dataplane::Route ToRoute(const RouteEntry& r, std::string device) {
  dataplane::Route out;
  out.prefix = r.prefix;
  out.device = std::move(device);
  out.next_hop = r.hops[0].gateway;
  out.preferred_source = r.preferred_source;
  out.metric = r.metric;
  out.mtu = r.mtu;
  return out;
}

dataplane::Policy ToPolicy(const PolicyInfo& p) {
  bool in = p.direction == XFRM_POLICY_IN;
  dataplane::Policy out;
  out.direction = in ? Direction::kIn : Direction::kOut;
  out.peer = net::PeerId(p.reqid);
  out.local = in ? p.template_destination : p.template_source;
  out.remote = in ? p.template_source : p.template_destination;
  out.local_selector = in ? p.destination : p.source;
  out.remote_selector = in ? p.source : p.destination;
  out.protocol = p.protocol;
  out.mode = p.mode;
  out.marked = p.mark_mask != 0;
  return out;
}

dataplane::Sa ToSa(const OwnedSa& owned) {
  const SaInfo& i = owned.info;
  dataplane::Sa s;
  s.direction = owned.direction;
  s.spi = i.spi;
  s.source = i.source;
  s.destination = i.destination;
  s.peer = net::PeerId(i.reqid);
  s.mode = i.mode;
  s.esn = i.esn;
  s.replay_window = i.replay_window;
  s.encap_source_port = i.encap_source_port;
  s.encap_destination_port = i.encap_destination_port;
  s.mark_state = owned.direction == Direction::kOut && i.mark_mask != 0;
  return s;
}

}  // namespace

absl::Status KernelReader::ReadLinks(KernelObjects& out) {
  return netlink::Dump(*c_.route, netlink::DumpLinks(),
                       [&](const Received& m) {
                         std::optional<netlink::Link> l = netlink::ParseLink(m);
                         if (!l) return;
                         out.links[l->index] = *l;
                         if (l->alias == c_.Alias()) out.devices.push_back(*l);
                       },
                       [&] {
                         out.links.clear();
                         out.devices.clear();
                       });
}

absl::Status KernelReader::ReadAddresses(KernelObjects& out) {
  std::set<int> ours;
  for (const netlink::Link& l : out.devices) ours.insert(l.index);
  return netlink::Dump(*c_.route, netlink::DumpAddresses(),
                       [&](const Received& m) {
                         std::optional<LinkAddress> a = netlink::ParseAddress(m);
                         // Without the flag it is the kernel's own link-local address, or somebody's by hand.
                         if (a && ours.count(a->index) != 0 && a->no_prefix_route) out.addresses.push_back(*a);
                       },
                       [&] { out.addresses.clear(); });
}

bool KernelReader::OurRoute(const RouteEntry& r, const KernelObjects& o) const {
  if (r.protocol != dataplane::kRouteProtocol || r.table != RT_TABLE_MAIN || r.type != RTN_UNICAST) return false;
  if (r.cloned || r.hops.size() != 1) return false;
  auto it = o.links.find(r.hops[0].index);
  if (it == o.links.end()) return false;
  // On a device of another instance it is that instance's.
  return it->second.alias == c_.Alias() || !absl::StartsWith(it->second.alias, "flexvpn:");
}

absl::Status KernelReader::ReadRoutes(KernelObjects& out) {
  for (net::Family family : net::kFamilies) {
    std::vector<RouteEntry> found;
    absl::Status s = netlink::Dump(*c_.route, netlink::DumpRoutes(family),
                                   [&](const Received& m) {
                                     std::optional<RouteEntry> r = netlink::ParseRoute(m);
                                     if (r && OurRoute(*r, out)) found.push_back(*r);
                                   },
                                   [&] { found.clear(); });
    RETURN_IF_ERROR(s);
    out.routes.insert(out.routes.end(), found.begin(), found.end());
  }
  return absl::OkStatus();
}

absl::Status KernelReader::ReadRules(KernelObjects& out) {
  const uint32_t tag = InstanceTag(c_.instance);
  auto receive = [&](const Received& m) {
    std::optional<netlink::Rule> r = netlink::ParseRule(m);
    if (r && !r->source.empty() && *r == netlink::MakeRule(r->source, r->table, tag)) out.rules.push_back(*r);
  };
  absl::Status s = netlink::Dump(*c_.route, netlink::DumpRules(), receive, [&] { out.rules.clear(); });
  return absl::IsUnimplemented(s) ? absl::OkStatus() : s;  // a kernel without CONFIG_IP_MULTIPLE_TABLES has none
}

absl::Status KernelReader::ReadPolicies(KernelObjects& out) {
  uint32_t tag = InstanceTag(c_.instance);
  auto receive = [&](const Received& m) {
    std::optional<PolicyInfo> p = netlink::ParsePolicy(m);
    if (!p || (p->priority & netlink::kInstanceTagMask) != tag) return;
    if (p->block && p->priority - tag == netlink::kBlockPriority) out.blocks.push_back(*p);
    uint32_t open = (p->priority - netlink::kPolicyPriority) >> 12;
    if (!p->block && p->has_template && p->reqid != 0 && open <= kLargestOpen) out.policies.push_back(*p);
  };
  return netlink::Dump(*c_.xfrm, netlink::DumpPolicies(), receive, [&] {
    out.blocks.clear();
    out.policies.clear();
  });
}

absl::Status KernelReader::ReadSas(std::vector<OwnedSa>& out) {
  auto receive = [&](const Received& m) {
    std::optional<SaInfo> i = netlink::ParseSa(m);
    if (!i || i->protocol != kEsp) return;
    for (Direction d : {Direction::kIn, Direction::kOut}) {
      if (i->sequence == SaTag(c_.instance, d, i->spi)) out.push_back({d, *i});
    }
  };
  return netlink::Dump(*c_.xfrm, netlink::DumpSas(), receive, [&] { out.clear(); });
}

absl::StatusOr<KernelObjects> KernelReader::ReadKernel() {
  KernelObjects out;
  RETURN_IF_ERROR(ReadLinks(out));
  RETURN_IF_ERROR(ReadAddresses(out));
  RETURN_IF_ERROR(ReadRoutes(out));
  RETURN_IF_ERROR(ReadRules(out));
  RETURN_IF_ERROR(ReadPolicies(out));
  RETURN_IF_ERROR(ReadSas(out.sas));
  return out;
}

dataplane::State KernelReader::ToState(const KernelObjects& o) const {
  dataplane::State state;
  for (const netlink::Link& l : o.devices) state.Put(ToDevice(l));
  for (const LinkAddress& a : o.addresses) state.Put(dataplane::Address{Name(o, a.index), a.address, a.prefix_length});
  for (const RouteEntry& r : o.routes) state.Put(ToRoute(r, Name(o, r.hops[0].index)));
  // A rule without its second half is put again.
  for (const netlink::Rule& closing : o.rules) {
    if (closing.table != 0) continue;
    dataplane::SourceRule rule{closing.source, 0};
    for (const netlink::Rule& r : o.rules)
      if (r.source == closing.source && r.table != 0) rule.table = r.table;
    state.Put(rule);
  }
  // A block, and a policy of mode tunnel inbound, is there only with both its halves: half of one is put again.
  std::set<net::IpAddress> blocked_out;
  for (const PolicyInfo& p : o.blocks) {
    if (p.direction == XFRM_POLICY_OUT) blocked_out.insert(p.source.address());
  }
  for (const PolicyInfo& p : o.blocks) {
    if (p.direction == XFRM_POLICY_IN && blocked_out.count(p.destination.address()) != 0) {
      state.Put(dataplane::Block{p.destination.address()});
    }
  }
  std::set<std::pair<net::Prefix, net::Prefix>> forwards;
  for (const PolicyInfo& p : o.policies) {
    if (p.direction == XFRM_POLICY_FWD) forwards.insert({p.source, p.destination});
  }
  for (const PolicyInfo& p : o.policies) {
    if (p.direction == XFRM_POLICY_FWD) continue;
    bool needs_forward = p.direction == XFRM_POLICY_IN && p.mode == Mode::kTunnel;
    if (!needs_forward || forwards.count({p.source, p.destination}) != 0) state.Put(ToPolicy(p));
  }
  for (const OwnedSa& s : o.sas) state.Put(ToSa(s));
  return state;
}

absl::Status KernelReader::AddMaps(dataplane::State& state) {
  if (c_.maps == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<dataplane::Peer> peers, c_.maps->ListPeers());
  for (dataplane::Peer& p : peers) state.Put(std::move(p));
  ASSIGN_OR_RETURN(std::vector<dataplane::NextHop> hops, c_.maps->ListNextHops());
  for (dataplane::NextHop& n : hops) state.Put(std::move(n));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SaCounter>> KernelReader::Counters() {
  KernelObjects links;
  std::vector<OwnedSa> sas;
  RETURN_IF_ERROR(ReadSas(sas));
  std::vector<SaCounter> out;
  for (const OwnedSa& s : sas) {
    const SaInfo& i = s.info;
    SaCounter c;
    c.direction = s.direction;
    c.spi = i.spi;
    c.destination = i.destination;
    c.peer = net::PeerId(i.reqid);
    c.bytes = i.bytes;
    c.packets = i.packets;
    c.add_time = i.add_time;
    c.use_time = i.use_time;
    c.replay_errors = uint64_t{i.replay_errors} + i.replay_window_errors;
    c.integrity_errors = i.integrity_errors;
    if (i.offload_index != 0) {
      if (links.links.empty()) RETURN_IF_ERROR(ReadLinks(links));
      c.offload_device = Name(links, i.offload_index);
    }
    auto it = c_.offload.find(dataplane::Key(dataplane::Object(ToSa(s))));
    if (it != c_.offload.end()) {
      c.offload_reason = it->second.reason;
      if (c.offload_device.empty() && !it->second.device.empty()) {
        c.offload_reason = absl::StrCat(it->second.device, " dropped the SA");
      }
    }
    out.push_back(std::move(c));
  }
  return out;
}

absl::Status KernelReader::RemoveAll() {
  absl::StatusOr<KernelObjects> found = ReadKernel();
  if (!found.ok()) return found.status();
  absl::Status first;
  auto talk = [&](netlink::Socket& socket, std::vector<netlink::Message> messages, const char* what) {
    absl::StatusOr<std::vector<netlink::Answer>> answers = socket.Talk(messages);
    first.Update(answers.status());
    if (!answers.ok()) return;
    for (const netlink::Answer& a : *answers) {
      if (!IsAbsent(a.error)) first.Update(a.ToStatus(what));
    }
  };
  std::vector<netlink::Message> routes, policies, sas, rules, devices, blocks;
  std::vector<uint32_t> indexes;
  for (const RouteEntry& r : found->routes) routes.push_back(netlink::DeleteRoute(r.hops[0].index, ToRoute(r, "")));
  for (const PolicyInfo& p : found->policies) policies.push_back(netlink::DeletePolicy(p));
  for (const netlink::Rule& r : found->rules) rules.push_back(netlink::DeleteRule(r));
  for (const OwnedSa& s : found->sas) sas.push_back(netlink::DeleteSa(s.info));
  for (const netlink::Link& l : found->devices) {
    devices.push_back(netlink::DeleteLink(l.index));
    if (l.external) indexes.push_back(static_cast<uint32_t>(l.index));
  }
  for (const PolicyInfo& p : found->blocks) blocks.push_back(netlink::DeletePolicy(p));
  talk(*c_.route, std::move(routes), "remove routes");
  if (c_.maps != nullptr) first.Update(c_.maps->RemoveAll(indexes));
  talk(*c_.xfrm, std::move(policies), "remove policies");
  talk(*c_.xfrm, std::move(sas), "remove SAs");
  talk(*c_.route, std::move(rules), "remove rules");
  talk(*c_.route, std::move(devices), "remove devices");
  talk(*c_.xfrm, std::move(blocks), "remove block policies");
  return first;
}

}  // namespace flexvpn::os
