// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "os/netlink/xfrm.h"
#include "os/netlink/xfrm_address.h"

namespace flexvpn::os::netlink {
namespace {

using dataplane::Block;
using dataplane::Direction;
using dataplane::Mode;
using dataplane::Policy;

constexpr uint8_t kGre = 47;

struct Ends {
  net::Prefix source, destination;
};

xfrm_selector Selector(const Ends& ends, uint8_t protocol) {
  xfrm_selector s{};
  s.family = AddressFamily(ends.source.family());
  s.saddr = ToXfrm(ends.source.address());
  s.daddr = ToXfrm(ends.destination.address());
  s.prefixlen_s = static_cast<uint8_t>(ends.source.length());
  s.prefixlen_d = static_cast<uint8_t>(ends.destination.length());
  s.proto = protocol;
  return s;
}

xfrm_userpolicy_info Info(const xfrm_selector& selector, uint8_t direction, uint32_t priority, bool block) {
  xfrm_userpolicy_info p{};
  p.sel = selector;
  p.lft = Unlimited();
  p.priority = priority;
  p.dir = direction;
  p.action = block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
  p.share = XFRM_SHARE_ANY;
  return p;
}

bool Outward(const Policy& p) { return p.direction == Direction::kOut; }

Ends EndsOf(const Policy& p) {
  net::Prefix local = p.local_selector.family() == net::Family::kNone ? net::Prefix::Host(p.local) : p.local_selector;
  net::Prefix remote =
      p.remote_selector.family() == net::Family::kNone ? net::Prefix::Host(p.remote) : p.remote_selector;
  return Outward(p) ? Ends{local, remote} : Ends{remote, local};
}

std::vector<uint8_t> Directions(const Policy& p) {
  if (Outward(p)) return {XFRM_POLICY_OUT};
  if (p.mode == Mode::kTunnel) return {XFRM_POLICY_IN, XFRM_POLICY_FWD};
  return {XFRM_POLICY_IN};
}

uint32_t Priority(const Policy& p, const Ends& ends, uint32_t instance_tag) {
  uint32_t open = 0;
  if (p.mode == Mode::kTunnel) {
    open = static_cast<uint32_t>(ends.source.address().bits() - ends.source.length() +
                                 ends.destination.address().bits() - ends.destination.length());
  }
  return kPolicyPriority + (open << 12) + (instance_tag & kInstanceTagMask);
}

xfrm_user_tmpl Template(const Policy& p) {
  xfrm_user_tmpl t{};
  t.id.daddr = ToXfrm(Outward(p) ? p.remote : p.local);
  t.saddr = ToXfrm(Outward(p) ? p.local : p.remote);
  t.id.proto = IPPROTO_ESP;
  t.family = AddressFamily(p.local.family());
  t.reqid = p.peer.value();
  t.mode = p.mode == Mode::kTunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
  t.aalgos = t.ealgos = t.calgos = ~uint32_t{0};
  return t;
}

void AddMark(Message& m, const Policy& p) {
  if (p.marked) m.AttrStruct(XFRMA_MARK, xfrm_mark{p.peer.value(), net::kPeerMarkMask});
}

Message ById(const xfrm_selector& selector, uint8_t direction) {
  xfrm_userpolicy_id id{};
  id.sel = selector;
  id.dir = direction;
  Message m(XFRM_MSG_DELPOLICY, 0);
  m.Body(id);
  return m;
}

net::Prefix Any(const net::IpAddress& local) { return net::Prefix::Default(local.family()); }

}  // namespace

std::vector<Message> PutPolicy(const Policy& policy, uint32_t instance_tag, const SaOptions& offload) {
  std::vector<Message> out;
  Ends ends = EndsOf(policy);
  for (uint8_t direction : Directions(policy)) {
    // XFRM_MSG_UPDPOLICY adds or replaces.
    Message m(XFRM_MSG_UPDPOLICY, NLM_F_CREATE | NLM_F_REPLACE);
    m.Body(Info(Selector(ends, policy.protocol), direction, Priority(policy, ends, instance_tag), false));
    m.AttrStruct(XFRMA_TMPL, Template(policy));
    AddMark(m, policy);
    if (offload.offload_index != 0 && offload.offload_packet && direction != XFRM_POLICY_FWD) {
      xfrm_user_offload o{};
      o.ifindex = offload.offload_index;
      o.flags = XFRM_OFFLOAD_PACKET;
      m.AttrStruct(XFRMA_OFFLOAD_DEV, o);
    }
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<Message> DeletePolicy(const Policy& policy) {
  std::vector<Message> out;
  for (uint8_t direction : Directions(policy)) {
    Message m = ById(Selector(EndsOf(policy), policy.protocol), direction);
    AddMark(m, policy);
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<Message> PutBlock(const Block& block, uint32_t instance_tag) {
  std::vector<Message> out;
  net::Prefix host = net::Prefix::Host(block.local), any = Any(block.local);
  uint32_t priority = kBlockPriority + (instance_tag & kInstanceTagMask);
  auto add = [&](const Ends& ends, uint8_t direction) {
    Message m(XFRM_MSG_UPDPOLICY, NLM_F_CREATE | NLM_F_REPLACE);
    m.Body(Info(Selector(ends, kGre), direction, priority, true));
    out.push_back(std::move(m));
  };
  add({host, any}, XFRM_POLICY_OUT);
  add({any, host}, XFRM_POLICY_IN);
  return out;
}

std::vector<Message> DeleteBlock(const Block& block) {
  net::Prefix host = net::Prefix::Host(block.local), any = Any(block.local);
  std::vector<Message> out;
  out.push_back(ById(Selector({host, any}, kGre), XFRM_POLICY_OUT));
  out.push_back(ById(Selector({any, host}, kGre), XFRM_POLICY_IN));
  return out;
}

Message DumpPolicies() { return Message(XFRM_MSG_GETPOLICY, NLM_F_DUMP); }

std::optional<PolicyInfo> ParsePolicy(const Received& message) {
  if (message.type != XFRM_MSG_NEWPOLICY && message.type != XFRM_MSG_UPDPOLICY) return std::nullopt;
  auto body = message.Body<xfrm_userpolicy_info>();
  if (!body) return std::nullopt;
  Attrs attrs(message.After(sizeof(xfrm_userpolicy_info)));
  PolicyInfo out;
  const xfrm_selector& sel = body->sel;
  out.source = net::Prefix(FromXfrm(sel.saddr, sel.family), sel.prefixlen_s);
  out.destination = net::Prefix(FromXfrm(sel.daddr, sel.family), sel.prefixlen_d);
  out.protocol = sel.proto;
  out.direction = body->dir;
  out.priority = body->priority;
  out.index = body->index;
  out.block = body->action == XFRM_POLICY_BLOCK;
  if (auto mark = attrs.Struct<xfrm_mark>(XFRMA_MARK)) {
    out.mark = mark->v;
    out.mark_mask = mark->m;
  }
  if (auto t = attrs.Struct<xfrm_user_tmpl>(XFRMA_TMPL)) {
    out.has_template = true;
    out.template_source = FromXfrm(t->saddr, t->family);
    out.template_destination = FromXfrm(t->id.daddr, t->family);
    out.reqid = t->reqid;
    out.mode = t->mode == XFRM_MODE_TUNNEL ? Mode::kTunnel : Mode::kTransport;
  }
  return out;
}

Message DeletePolicy(const PolicyInfo& policy) {
  Message m = ById(Selector({policy.source, policy.destination}, policy.protocol), policy.direction);
  if (policy.mark_mask != 0) m.AttrStruct(XFRMA_MARK, xfrm_mark{policy.mark, policy.mark_mask});
  return m;
}

}  // namespace flexvpn::os::netlink
