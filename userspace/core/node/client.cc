// SPDX-License-Identifier: Apache-2.0
// Tunnels with a list of hubs (crypto ikev2 client flexvpn): the first that takes the call, in the order of the list.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/node/views.h"

namespace flexvpn::node {
namespace {

std::string NoAddress(const std::string& tunnel, const std::string& hub, const absl::Status& why) {
  return absl::StrCat(tunnel, ": no address of ", hub, ": ", why.message());
}

}  // namespace

std::optional<net::IpAddress> Node::HubOf(const config::Interface& i) const {
  const std::vector<config::Hub> hubs = i.Hubs();
  if (hubs.empty()) return std::nullopt;
  const auto tunnel = tunnels_.find(i.name);
  const size_t at = tunnel == tunnels_.end() ? 0 : tunnel->second.hub;
  const config::Hub& hub = hubs[at < hubs.size() ? at : 0];
  if (hub.name.empty()) return hub.address;
  if (tunnel == tunnels_.end() || tunnel->second.found.empty()) return std::nullopt;
  return tunnel->second.found;
}

bool Node::Calls(const config::Interface& i, const net::IpAddress& address) const {
  const auto tunnel = tunnels_.find(i.name);
  return i.Calls(address) || (tunnel != tunnels_.end() && tunnel->second.found == address);
}

// `looking_up`: of the tunnel, for the hub it calls or for a better one.
void Node::LookUpHub(std::string& looking_up, const config::Interface& i, const std::string& name) {
  if (looking_up == name) return;
  looking_up = name;
  out_->push_back(LookUp{name, config::IsIpv6(i.mode) ? net::Family::kIpv6 : net::Family::kIpv4});
}

void Node::OnLookedUp(const LookedUp& in) {
  if (stopping_) return;
  for (auto& [name, tunnel] : tunnels_) {
    const config::Interface* i = FindInterface(name);
    if (i == nullptr || config::IsIpv6(i->mode) != (in.family == net::Family::kIpv6)) continue;
    const std::vector<config::Hub> hubs = i->Hubs();
    const bool hub = tunnel.looking_up == in.name, better = tunnel.trial_looking_up == in.name;
    if (hub) tunnel.looking_up.clear();
    if (better) tunnel.trial_looking_up.clear();
    if (!hub && !better) continue;
    const auto addresses = HubAddresses(tunnel, *i, in);
    if (in.addresses.ok()) ForgetFormer(tunnel, in);
    if (better && !addresses.ok()) SayOnce(tunnel.refused, Log::Level::kWarning, NoAddress(name, in.name, addresses.status()));
    if (hub && !tunnel.session && MayCall(tunnel, *i)) {
      if (tunnel.hub < hubs.size() && hubs[tunnel.hub].name == in.name) HubLookedUp(tunnel, *i, in.name, addresses);
      else tunnel.retry_at = now_;  // the list has changed meanwhile
    }
    if (better && addresses.ok() && tunnel.up && !tunnel.trial && tunnel.trial_hub.value_or(hubs.size()) < hubs.size() &&
        hubs[*tunnel.trial_hub].name == in.name) {
      tunnel.trial_found = Following(*addresses, tunnel.trial_found);
      CallBetter(tunnel, *i, hubs[*tunnel.trial_hub], tunnel.trial_found);
    }
  }
  Pump();
}

// Those that can be a hub's.  Where none has authenticated, networks of the overlay do not give way.
absl::StatusOr<std::vector<net::IpAddress>> Node::HubAddresses(const Tunnel& tunnel, const config::Interface& i, const LookedUp& in) const {
  if (!in.addresses.ok()) return in.addresses;
  std::vector<net::IpAddress> fit;
  std::string why;
  for (const net::IpAddress& a : *in.addresses) {
    const bool proved = !i.tunnel_vrf.empty() || tunnel.proved.contains({in.name, a});
    const auto network = proved ? std::nullopt : OverlayNetworkOf(a);
    const bool elsewhere = a.is_routable() && !rib_.IsSelf(a);
    if (elsewhere && !network) fit.push_back(a);
    else if (why.empty())
      why = absl::StrCat(a.ToString(), elsewhere ? absl::StrCat(" is in ", network->ToString(), ", a network behind the tunnels")
                                                 : " is no other host's");
  }
  if (fit.empty()) return absl::NotFoundError(why);
  return fit;
}

// Names may lead back to where they have led before; but not to ever more addresses.
void Node::ForgetFormer(Tunnel& tunnel, const LookedUp& in) const {
  if (tunnel.proved.size() < kMaxProved) return;
  const auto session = sessions_.find(tunnel.session);
  std::erase_if(tunnel.proved, [&](const auto& p) {
    const bool in_use = session != sessions_.end() && session->second.up && session->second.info.remote.address == p.second;
    return p.first == in.name && !in_use && std::find(in.addresses->begin(), in.addresses->end(), p.second) == in.addresses->end();
  });
}

std::optional<net::Prefix> Node::OverlayNetworkOf(const net::IpAddress& address) const {
  const auto covers = [&](const net::Prefix& p) { return p.length() > 0 && p.Contains(address); };
  for (const auto& [id, peer] : peers_)
    for (const net::Prefix& p : peer.prefixes)
      if (covers(p)) return p;
  for (const auto& [prefix, id] : shortcuts_)
    if (covers(prefix)) return prefix;
  const auto remembered = std::find_if(remembered_.begin(), remembered_.end(), covers);
  return remembered == remembered_.end() ? std::nullopt : std::optional(*remembered);
}

// Of several addresses the one after `last`; the first, if that was none of them or the end.
net::IpAddress Node::Following(const std::vector<net::IpAddress>& all, const net::IpAddress& last) {
  const auto at = std::find(all.begin(), all.end(), last);
  return at == all.end() || at + 1 == all.end() ? all.front() : *(at + 1);
}

// The address called last has failed, unless its turn in TCP has come.
void Node::HubLookedUp(Tunnel& tunnel, const config::Interface& i, const std::string& name,
                       const absl::StatusOr<std::vector<net::IpAddress>>& addresses) {
  tunnel.answer_by.reset();
  if (!addresses.ok()) {
    SayOnce(tunnel.waiting_for, Log::Level::kWarning, NoAddress(tunnel.name, name, addresses.status()));
    RetryTunnel(tunnel);
    return NextHub(tunnel);
  }
  const net::IpAddress before = tunnel.found;
  const bool again = tunnel.tcp_next && std::find(addresses->begin(), addresses->end(), before) != addresses->end();
  if (!again) tunnel.found = Following(*addresses, before);
  CallHub(tunnel, i, tunnel.found);
  if (!tunnel.waiting_for.empty()) tunnel.found = before;  // nobody was called
  if (addresses->size() > 1 && tunnel.session && !tunnel.answer_by) tunnel.answer_by = now_ + kHubTurn;
}

// Two tunnels between the same ends need keys to tell their packets apart; of names that is known only now.
std::string Node::PeerOfAnother(const Tunnel& tunnel, const config::Interface& i, const net::IpAddress& hub) const {
  for (const auto& [name, other] : tunnels_) {
    const config::Interface* o = FindInterface(name);
    const auto session = sessions_.find(other.session);
    if (name == tunnel.name || session == sessions_.end() || o == nullptr || o->tunnel_vrf != i.tunnel_vrf || o->key != i.key ||
        o->mode != i.mode || SourceAddress(*o) != SourceAddress(i))
      continue;
    const Session& s = session->second;  // a redirection leads elsewhere
    if ((s.up ? s.info.remote.address : s.key_address) == hub) return name;
  }
  return "";
}

std::string Node::DeviceOf(const net::IpAddress& address) const {
  for (const LocalAddress& a : network_.addresses)
    if (a.address == address) return a.device;
  return "";
}

bool Node::MayCall(const Tunnel& tunnel, const config::Interface& i) const { return !i.client.manual || tunnel.told; }

// At the end of the list the tunnel waits as every tunnel whose call failed.
void Node::NextHub(Tunnel& tunnel) {
  const config::Interface* i = FindInterface(tunnel.name);
  if (i == nullptr || i->client.hubs.size() < 2) return;
  tunnel.tcp_next = false;  // UDP first, as with every hub
  tunnel.hub = (tunnel.hub + 1) % i->client.hubs.size();
  if (tunnel.hub == 0 || !tunnel.retry_at) return;
  tunnel.retry_at = now_;
  const config::Hub& hub = i->client.hubs[tunnel.hub];
  Say(Log::Level::kInfo, absl::StrCat(tunnel.name, ": no session, trying the next hub, ",
                                      hub.name.empty() ? hub.address.ToString() : hub.name));
}

void Node::BetterLater(Tunnel& tunnel) {
  const config::Interface* i = FindInterface(tunnel.name);
  tunnel.better_at.reset();
  if (!tunnel.trial) tunnel.trial_hub.reset();
  if (i != nullptr && i->client.reactivate && tunnel.up && tunnel.hub > 0) tunnel.better_at = now_ + kBetterAgain;
}

// One after the other from the first on; the session goes on meanwhile.
void Node::TryBetterHubs() {
  for (auto& [name, tunnel] : tunnels_) {
    if (!tunnel.better_at || now_ < *tunnel.better_at) continue;
    tunnel.better_at.reset();
    if (tunnel.trial_hub) WithdrawTrial(tunnel);
    tunnel.better_at = now_ + kHubTurn;
    if (tunnel.trial) continue;  // it has got further than that, or UDP is being tried
    const config::Interface* i = FindInterface(name);
    const config::IkeProfile* profile = ProfileOf(name);
    const size_t next = tunnel.trial_hub ? *tunnel.trial_hub + 1 : 0;
    if (!tunnel.up || profile == nullptr || next >= std::min(tunnel.hub, i->client.hubs.size())) {
      BetterLater(tunnel);
      continue;
    }
    tunnel.trial_hub = next;
    const config::Hub& hub = i->client.hubs[next];
    if (hub.name.empty()) CallBetter(tunnel, *i, hub, hub.address);
    else LookUpHub(tunnel.trial_looking_up, *i, hub.name);
  }
}

void Node::CallBetter(Tunnel& tunnel, const config::Interface& i, const config::Hub& hub, const net::IpAddress& address) {
  const config::IkeProfile* profile = ProfileOf(i);
  if (profile == nullptr) return;
  auto request = PrepareCall(tunnel, i, *profile, address);
  if (!request) return;
  if (profile->tcp == config::TcpEncapsulation::kAlways && TcpFits(i)) GoByTcp(*request, profile->tcp_port);
  tunnel.trial = Call(tunnel, *std::move(request), hub.name);
}

// If the other end has answered it is left alone, and takes the session's place when it is up.
void Node::WithdrawTrial(Tunnel& tunnel) {
  const ike::IkeSaId id = tunnel.trial;
  if (!id) return;
  Ike([&](auto& ike, auto& a) { ike.Withdraw(id, now_, a); });
  Pump();
}

void Node::FindHubAgain(Tunnel& tunnel) {
  const config::Interface* i = FindInterface(tunnel.name);
  const std::vector<config::Hub> listed = i == nullptr ? std::vector<config::Hub>() : i->Hubs();
  std::erase_if(tunnel.proved, [&](const auto& p) {
    return std::none_of(listed.begin(), listed.end(), [&](const config::Hub& h) { return h.name == p.first; });
  });
  const auto session = sessions_.find(tunnel.session);
  if (i == nullptr || !tunnel.up || session == sessions_.end()) {
    tunnel.hub = 0;
    return;
  }
  const auto& hubs = i->client.hubs;
  const auto at = std::find_if(hubs.begin(), hubs.end(), [&s = session->second](const config::Hub& h) {
    return h.name.empty() ? h.address == s.info.remote.address : h.name == s.hub_name;
  });
  tunnel.hub = at == hubs.end() ? 0 : static_cast<size_t>(at - hubs.begin());
  BetterLater(tunnel);
}

// The interface of tunnel `name` if it belongs to a client block, of the name in `q` if there is one; else nullptr.
const config::Interface* Node::ClientOf(const std::string& name, const Query& q) const {
  const config::Interface* i = FindInterface(name);
  if (i == nullptr || i->client.name.empty()) return nullptr;
  return q.line.call.Find("NAME") && q.Text("NAME") != i->client.name ? nullptr : i;
}

show::Document Node::ConnectClients(const Query& q) {
  size_t called = 0, found = 0;
  for (auto& [name, tunnel] : tunnels_) {
    const config::Interface* i = ClientOf(name, q);
    if (i == nullptr) continue;
    ++found;
    tunnel.told = true;
    if (tunnel.session || tunnel.up) continue;
    tunnel.retry_at = now_;
    ++called;
  }
  if (found == 0) return show::MakeError("there is no such client block with a tunnel that is up to call");
  TunnelTick();
  return show::MakeMessage(called == 0 ? "connected or connecting already" : absl::StrCat(called, " tunnels are being connected"));
}

// `connect manual`: down until told again; else it calls again, the first hub first.
show::Document Node::ClearClients(const Query& q) {
  std::vector<ike::IkeSaId> sessions;
  for (auto& [name, tunnel] : tunnels_) {
    const config::Interface* i = ClientOf(name, q);
    if (i == nullptr) continue;
    tunnel.told = false;
    tunnel.hub = 0;
    tunnel.proved.clear();
    if (i->client.manual) tunnel.retry_at.reset();
    if (tunnel.session) sessions.push_back(tunnel.session);
  }
  for (ike::IkeSaId id : sessions) Terminate(id, "cleared");
  Pump();
  for (auto& [name, tunnel] : tunnels_)
    if (!tunnel.up) tunnel.hub = 0, tunnel.tcp_next = false;  // no hub has refused
  return show::MakeMessage(absl::StrCat(sessions.size(), " sessions of client blocks ended"));
}

}  // namespace flexvpn::node
