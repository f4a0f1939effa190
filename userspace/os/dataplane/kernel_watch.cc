// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/kernel_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "core/dataplane/objects.h"

namespace flexvpn::os {
namespace {

using netlink::LinkAddress;
using netlink::Received;
using netlink::RouteEntry;

constexpr uint32_t kGroups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                RTNLGRP_IPV6_ROUTE};

bool Wanted(const RouteEntry& r) {
  return r.table == RT_TABLE_MAIN && r.type == RTN_UNICAST && !r.cloned && !r.prefix.address().is_link_local() &&
         !r.prefix.address().is_multicast();
}

bool Wanted(const LinkAddress& a) { return !a.address.is_loopback() && !a.address.is_link_local(); }

bool IsOurs(const RouteEntry& r) { return r.protocol == dataplane::kRouteProtocol; }

bool SameAddress(const LinkAddress& a, const LinkAddress& b) {
  return a.index == b.index && a.address == b.address && a.prefix_length == b.prefix_length;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelWatch>> KernelWatch::Create() {
  std::unique_ptr<KernelWatch> w(new KernelWatch());
  ASSIGN_OR_RETURN(w->queries_, netlink::Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(w->events_, netlink::Socket::Open(NETLINK_ROUTE, kGroups));
  // Subscribed before the first reading: nothing falls between.
  RETURN_IF_ERROR(w->ReadAll());
  return w;
}

absl::Status KernelWatch::ReadAll() {
  RETURN_IF_ERROR(netlink::Dump(*queries_, netlink::DumpLinks(),
                                [this](const Received& m) {
                                  if (auto l = netlink::ParseLink(m)) links_[l->index] = *l;
                                },
                                [this] { links_.clear(); }));
  RETURN_IF_ERROR(netlink::Dump(*queries_, netlink::DumpAddresses(),
                                [this](const Received& m) {
                                  if (auto a = netlink::ParseAddress(m)) addresses_.push_back(*a);
                                },
                                [this] { addresses_.clear(); }));
  return ReadRoutes();
}

absl::Status KernelWatch::ReadRoutes() {
  std::map<RouteKey, std::vector<RouteEntry>> all;
  for (net::Family family : net::kFamilies) {
    std::vector<RouteEntry> found;
    RETURN_IF_ERROR(netlink::Dump(*queries_, netlink::DumpRoutes(family),
                                  [&found](const Received& m) {
                                    auto r = netlink::ParseRoute(m);
                                    if (r && Wanted(*r)) found.push_back(*r);
                                  },
                                  [&found] { found.clear(); }));
    for (RouteEntry& r : found) all[{r.prefix, r.tos, r.metric}].push_back(std::move(r));
  }
  routes_ = std::move(all);
  return absl::OkStatus();
}

void KernelWatch::TakeLink(const Received& message, KernelChange& change, bool& stale) {
  auto link = netlink::ParseLink(message);
  if (!link) return;
  auto it = links_.find(link->index);
  if (message.type == RTM_DELLINK) {
    if (it == links_.end()) return;
    change.vrfs |= it->second.vrf_table != 0;
    links_.erase(it);
    change.links = stale = true;
    return;
  }
  if (it != links_.end() && it->second == *link) return;
  // The kernel drops the IPv4 routes of a link that goes down without an event.
  if (it != links_.end() && it->second.up && !link->up) stale = true;
  const netlink::Link before = it == links_.end() ? netlink::Link() : it->second;
  const bool stale_vrf = before.vrf_table != link->vrf_table || before.master != link->master ||
                         (link->vrf_table != 0 && before.name != link->name);
  links_[link->index] = *link;
  change.links = true;
  if (stale_vrf) change.vrfs = stale = true;
}

void KernelWatch::TakeAddress(const Received& message, KernelChange& change, bool& stale) {
  auto address = netlink::ParseAddress(message);
  if (!address) return;
  auto it = std::find_if(addresses_.begin(), addresses_.end(),
                         [&](const LinkAddress& a) { return SameAddress(a, *address); });
  if (message.type == RTM_DELADDR) {
    if (it == addresses_.end()) return;
    addresses_.erase(it);
    change.addresses = stale = true;  // routes with that source may have gone silently
    return;
  }
  if (it != addresses_.end()) return;
  addresses_.push_back(*address);
  change.addresses = true;
}

void KernelWatch::TakeRoute(const Received& message, KernelChange& change) {
  auto route = netlink::ParseRoute(message);
  if (!route || !Wanted(*route)) return;
  if (!IsOurs(*route)) change.routes = true;
  RouteKey key{route->prefix, route->tos, route->metric};
  std::vector<RouteEntry>& entries = routes_[key];
  auto same = std::find_if(entries.begin(), entries.end(),
                           [&](const RouteEntry& e) { return e.hops == route->hops; });
  if (message.type == RTM_DELROUTE) {
    if (same != entries.end()) entries.erase(same);
    if (entries.empty()) routes_.erase(key);
    return;
  }
  if ((message.flags & NLM_F_REPLACE) != 0) {
    for (const RouteEntry& e : entries) change.routes |= !IsOurs(e);
    entries.assign(1, *route);
  } else if (same != entries.end()) {
    *same = *route;
  } else {
    entries.push_back(*route);
  }
}

void KernelWatch::Take(const Received& message, KernelChange& change, bool& stale) {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: return TakeLink(message, change, stale);
    case RTM_NEWADDR:
    case RTM_DELADDR: return TakeAddress(message, change, stale);
    case RTM_NEWROUTE:
    case RTM_DELROUTE: return TakeRoute(message, change);
    default: return;
  }
}

absl::StatusOr<KernelChange> KernelWatch::Process() {
  KernelChange change;
  bool stale = false;
  absl::Status s = events_->ReadEvents([&](const Received& m) { Take(m, change, stale); });
  if (absl::IsDataLoss(s)) {
    RETURN_IF_ERROR(ReadAll());
    return KernelChange{true, true, true, true};
  }
  RETURN_IF_ERROR(s);
  if (stale) {
    std::vector<KernelRoute> before = SnapshotRoutes();
    RETURN_IF_ERROR(ReadRoutes());
    change.routes |= before != SnapshotRoutes();
  }
  return change;
}

std::string KernelWatch::Name(int index) const {
  auto it = links_.find(index);
  return it == links_.end() ? std::string() : it->second.name;
}

std::string KernelWatch::VrfOf(int index) const {
  auto it = links_.find(index);
  if (it != links_.end() && it->second.vrf_table == 0) it = links_.find(it->second.master);
  return it == links_.end() || it->second.vrf_table == 0 ? std::string() : it->second.name;
}

std::vector<KernelRoute> KernelWatch::SnapshotRoutes() const {
  std::vector<KernelRoute> out;
  for (const auto& [key, entries] : routes_) {
    for (const RouteEntry& r : entries) {
      for (const netlink::RouteHop& h : r.hops) {
        out.push_back({r.prefix, Name(h.index), r.protocol, h.gateway, r.metric, IsOurs(r)});
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<LocalAddress> KernelWatch::SnapshotAddresses() const {
  std::vector<LocalAddress> out;
  for (const LinkAddress& a : addresses_) {
    if (Wanted(a)) out.push_back({Name(a.index), a.address, a.prefix_length, a.passing, VrfOf(a.index)});
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<KernelLink> KernelWatch::SnapshotLinks() const {
  std::vector<KernelLink> out;
  for (const auto& [index, l] : links_) out.push_back({l.name, l.up && l.running, l.mtu, index, l.vrf_table});
  return out;
}

net::IpAddress KernelWatch::AddressOf(const std::string& device, net::Family family) const {
  net::IpAddress link_local;
  for (const LinkAddress& a : addresses_) {
    if (a.address.family() != family || Name(a.index) != device) continue;
    if (!a.address.is_link_local()) return a.address;
    if (link_local.empty()) link_local = a.address;
  }
  return link_local;
}

absl::StatusOr<net::IpAddress> KernelWatch::SourceFor(const net::IpAddress& destination) {
  net::IpAddress source;
  absl::Status s = queries_->Query(netlink::GetRoute(destination), [&source](const Received& m) {
    if (auto r = netlink::ParseRoute(m)) source = r->preferred_source;
  });
  if (!s.ok() || source.empty()) {
    return absl::UnavailableError(absl::StrCat("no route to ", destination.ToString(), s.ok() ? "" : ": ",
                                               s.message()));
  }
  return source;
}

}  // namespace flexvpn::os
