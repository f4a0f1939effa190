// SPDX-License-Identifier: Apache-2.0
// crypto ikev2: globals, keyring, proposal, policy, authorization policy.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/additional_ke.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

Dpd ReadDpd(const Call& k) {
  return {seconds(k.Number("INTERVAL")), seconds(k.Number("RETRY")), !k.Has("periodic")};
}

// `crypto ikev2 X NAME`: the object, made if missing; `no` removes it, `default` restores the built-in one.
template <class T>
T* Object(Context& c, const Call& k, std::map<std::string, T>* map, const std::map<std::string, T>& built_in,
          absl::string_view path) {
  const std::string name = k.Find("NAME") != nullptr ? k.Text("NAME") : "default";
  if (!k.set()) {
    map->erase(name);
    const auto original = built_in.find(name);
    if (k.op == Op::kDefault && original != built_in.end()) (*map)[name] = original->second;
    return nullptr;
  }
  auto [it, fresh] = map->try_emplace(name);
  if (fresh) it->second.name = name;
  it->second.where = k.where();
  c.path = absl::StrCat(path, " ", name);
  return &it->second;
}

// --- keyring --------------------------------------------------------------------------------------------
std::unordered_map<std::string, size_t>& PeerIndex(Context& c) {
  std::unordered_map<std::string, size_t>& index = c.peer_index[c.keyring->name];
  if (index.size() == c.keyring->peers.size()) return index;
  index.clear();
  for (size_t i = 0; i < c.keyring->peers.size(); ++i) index[c.keyring->peers[i].name] = i;
  return index;
}

void EnterPeer(Context& c, const Call& k) {
  std::vector<KeyringPeer>& peers = c.keyring->peers;
  const std::string name = k.Text("NAME");
  std::unordered_map<std::string, size_t>& index = PeerIndex(c);
  const auto it = index.find(name);
  if (!k.set()) {
    if (it == index.end()) return;
    peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(it->second));
    index.clear();
    return;
  }
  c.peer = it != index.end() ? it->second : peers.size();
  if (it == index.end()) {
    index[name] = peers.size();
    peers.emplace_back();
    peers.back().name = name;
  }
  peers[c.peer].where = k.where();
}

KeyringPeer& Peer(Context& c) { return c.keyring->peers[c.peer]; }

void PeerAddress(Context& c, const Call& k) {
  net::Prefix p;
  if (const Arg* a = k.Find("A")) {
    const Arg* m = k.Find("M");
    p = m != nullptr       ? *net::Prefix::FromMask(a->address, m->address)
        : a->address.is_any() ? net::Prefix::Default(a->address.family())
                              : net::Prefix::Host(a->address);
  } else if (const Arg* x = k.Find("P")) {
    p = x->prefix;
  }
  std::vector<net::Prefix>& list = Peer(c).addresses;
  if (!k.set()) {
    if (p.family() == net::Family::kNone) list.clear();
    list.erase(std::remove(list.begin(), list.end(), p), list.end());
  } else if (std::find(list.begin(), list.end(), p) == list.end()) {
    list.push_back(p);
  }
}

void PeerIdentity(Context& c, const Call& k) {
  if (!k.set()) {
    Peer(c).identity.reset();
    return;
  }
  Identity id;
  id.where = k.where();
  id.text = k.Text("S");
  const bool domain = k.Has("domain");
  if (k.Has("fqdn")) id.kind = domain ? IdentityKind::kFqdnDomain : IdentityKind::kFqdn;
  if (k.Has("email")) id.kind = domain ? IdentityKind::kEmailDomain : IdentityKind::kEmail;
  if (k.Has("key-id")) id.kind = IdentityKind::kKeyId;
  if (const Arg* a = k.Find("A")) {
    id.kind = IdentityKind::kAddress;
    id.prefix = net::Prefix::Host(a->address);
  }
  if (domain && !id.text.empty() && id.text[0] == '@') id.text.erase(0, 1);
  Peer(c).identity = std::move(id);
}

void PeerKey(Context& c, const Call& k) {
  SecretBytes key;
  if (k.set() && !ReadKey(c, k, kPreSharedKey, &key)) return;
  std::erase_if(Peer(c).kept, [](const Statement& s) { return s.StartsWith("pre-shared-key"); });
  if (!k.Has("remote")) Peer(c).local_key = key;
  if (!k.Has("local")) Peer(c).remote_key = key;
}

void PeerPpk(Context& c, const Call& k) {
  Peer(c).ppk.reset();
  if (!k.set()) return;
  PpkKey ppk;
  if (!ReadKey(c, k, kPpkKey, &ppk.key)) return;
  ppk.id = k.Text("ID");
  ppk.required = k.Has("required");
  Peer(c).ppk = std::move(ppk);
}

// --- proposal -----------------------------------------------------------------------------------------------
// Warns or refuses as the name says; true if it may be used.
template <class Name>
bool Admit(Context& c, Location where, absl::string_view keyword, absl::string_view what, const Name& n,
           absl::string_view instead) {
  if (n.standing == Standing::kWeak)
    c.Warn(where, absl::StrCat(what, " ", n.word, " is weak: ", n.why), absl::StrCat("use ", instead));
  if (n.standing != Standing::kRefused) return true;
  c.Warn(where, absl::StrCat(what, " ", n.word, " is accepted, but never offered: ", n.why), absl::StrCat("use ", instead));
  const std::string word = absl::StrCat(keyword, " ", n.word);
  std::vector<std::string>& list = c.proposal->refused;
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
  return false;
}

void ForgetRefused(Context& c, absl::string_view keyword) {
  std::erase_if(c.proposal->refused, [&](const std::string& w) { return absl::StartsWith(w, absl::StrCat(keyword, " ")); });
}

template <class Name>
std::vector<std::string> Words(const std::vector<Name>& names) {
  std::vector<std::string> out;
  for (const Name& n : names) out.emplace_back(n.word);
  return out;
}

void SetEncryption(Context& c, const Call& k) {
  std::vector<EncrChoice> out;
  ForgetRefused(c, "encryption");
  if (k.set()) {
    const std::vector<std::string> known = Words(IkeEncryptionNames());
    for (const Word& w : k.Find("ALGORITHM")->words) {
      size_t i = 0;
      if (Choose(c, k, w, known, "encryption algorithm", &i) == nullptr) continue;
      const EncryptionName& n = IkeEncryptionNames()[i];
      if (!Admit(c, {k.line, w.column}, "encryption", "encryption", n, "aes-gcm-256")) continue;
      if (std::find(out.begin(), out.end(), n.choice) == out.end()) out.push_back(n.choice);
    }
  }
  c.proposal->encryption = std::move(out);
}

void SetNumbers(Context& c, const Call& k, const std::vector<NumberName>& names, absl::string_view what,
                absl::string_view instead, std::vector<uint16_t>* list) {
  list->clear();
  const std::string keyword = k.args[0].name;
  ForgetRefused(c, keyword);
  if (!k.set()) return;
  const std::vector<std::string> known = Words(names);
  for (const Word& w : k.Find("ALGORITHM")->words) {
    size_t i = 0;
    if (Choose(c, k, w, known, what, &i) == nullptr) continue;
    if (!Admit(c, {k.line, w.column}, keyword, what, names[i], instead)) continue;
    if (std::find(list->begin(), list->end(), names[i].number) == list->end()) list->push_back(names[i].number);
  }
}

void SetSuite(Context& c, const Call& k) {
  if (!k.set()) {
    IkeProposal empty;
    empty.name = c.proposal->name;
    empty.where = c.proposal->where;
    *c.proposal = std::move(empty);
    return;
  }
  const Arg* a = k.Find("SUITE");
  size_t i = 0;
  if (Choose(c, k, {a->text, a->column}, Words(SuiteNames()), "suite", &i) == nullptr) return;
  const SuiteName& s = SuiteNames()[i];
  c.proposal->encryption = {s.ike};
  c.proposal->integrity.clear();
  if (s.integrity != 0) c.proposal->integrity = {s.integrity};
  c.proposal->prf = {s.prf};
  c.proposal->groups = {s.group};
  c.proposal->refused.clear();
}

// --- policy ---------------------------------------------------------------------------------------------------
template <class T>
void AddOrRemove(std::vector<T>* list, const T& value, bool add) {
  const auto it = std::find(list->begin(), list->end(), value);
  if (add && it == list->end()) list->push_back(value);
  if (!add && it != list->end()) list->erase(it);
}

void PolicyProposal(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  if (!k.set() && name.empty()) {
    c.policy->proposals.clear();
    c.default_policy_proposals = c.default_policy_proposals || c.policy->name == "default";
    return;
  }
  // A line in the built-in policy replaces its built-in proposal.
  if (c.policy->name == "default" && !c.default_policy_proposals) {
    if (k.set()) c.policy->proposals.clear();
    c.default_policy_proposals = true;
  }
  AddOrRemove(&c.policy->proposals, name, k.set());
}

// --- authorization policy -----------------------------------------------------------------------------------
void RouteSetRemote(Context& c, const Call& k) {
  std::vector<StaticRoute>& list = c.authorization->route_set_remote;
  StaticRoute r;
  if (const Arg* a = k.Find("A")) {
    const auto p = net::Prefix::FromMask(a->address, k.Find("M")->address);
    r.prefix = *p;
    if (p->address() != a->address)
      c.Warn(At(k, *a), absl::StrCat("address has host bits; read as ", p->ToString()));
  } else if (const Arg* p = k.Find("P")) {
    r.prefix = p->prefix;
  } else {
    list.clear();
    return;
  }
  AddOrRemove(&list, r, k.set());
}

void RouteAccept(Context& c, const Call& k) {
  c.authorization->route_accept_any = k.set();
  const AuthorizationPolicy fresh;
  c.authorization->route_tag = static_cast<uint32_t>(k.Number("TAG", fresh.route_tag));
  c.authorization->route_distance = static_cast<uint8_t>(k.Number("DISTANCE", fresh.route_distance));
}

void RouteSetInterface(Context& c, const Call& k) {
  c.authorization->route_set_interface = k.set();
  c.authorization->route_set_interface_name = k.set() ? k.Text("IF") : "";
}

template <auto Member>
void SetServers(Context& c, const Call& k) {
  std::vector<net::IpAddress>& servers = (*c.authorization).*Member;
  servers.clear();
  if (!k.set()) return;
  for (const char* n : {"A", "B"})
    if (const Arg* a = k.Find(n)) servers.push_back(a->address);
}

constexpr uint64_t kDefaultRedirects = 5;

void LimitNegotiations(Context& c, const Call& k) {
  const auto most = static_cast<uint32_t>(k.Number("N"));
  if (!k.Has("outgoing")) c.model.ike.max_negotiating_incoming = most;
  if (!k.Has("incoming")) c.model.ike.max_negotiating_outgoing = most;
}

void SetMobikeAddress(Context& c, const Call& k) {
  constexpr size_t kMost = 8;
  auto& list = c.model.ike.mobike_addresses;
  const Arg* a = k.Find("A");
  if (a == nullptr) return list.clear();
  if (k.set() && list.size() >= kMost && std::find(list.begin(), list.end(), a->address) == list.end())
    return c.Error(At(k, *a), absl::StrCat("at most ", kMost, " additional addresses"));
  AddOrRemove(&list, a->address, k.set());
}

// --- globals --------------------------------------------------------------------------------------------------
std::vector<Command> Globals() {
  return {
      {"crypto ikev2 dpd <INTERVAL:10-3600> <RETRY:2-60> {on-demand|periodic}", "dead peer detection of all profiles",
       [](Context& c, const Call& k) { k.set() ? void(c.model.ike.dpd = ReadDpd(k)) : c.model.ike.dpd.reset(); }},
      {"crypto ikev2 nat keepalive <S:5-3600>", "seconds between NAT keepalives",
       [](Context& c, const Call& k) {
         c.model.ike.nat_keepalive.reset();
         if (k.set()) c.model.ike.nat_keepalive = seconds(k.Number("S"));
       }},
      {"crypto ikev2 window <N:1-200>", "requests in flight",
       [](Context& c, const Call& k) { c.model.ike.window = static_cast<uint32_t>(k.Number("N", 5)); }},
      {"crypto ikev2 cookie-challenge <N:0-1000>", "half-open SAs from which cookies are asked",
       [](Context& c, const Call& k) {
         c.model.ike.cookie_challenge.reset();
         if (k.set()) c.model.ike.cookie_challenge = static_cast<uint32_t>(k.Number("N"));
       }},
      {"crypto ikev2 limit max-in-negotation-sa <N:1-9999> [incoming|outgoing]",
       "most SAs in negotiation; without a direction of each of both", LimitNegotiations},
      {"crypto ikev2 limit max-in-negotiation-sa <N:1-9999> [incoming|outgoing]",
       "most SAs in negotiation; without a direction of each of both", LimitNegotiations},
      {"crypto ikev2 limit max-sa <N:1-9999>", "most IKE SAs",
       [](Context& c, const Call& k) { c.model.ike.max_sa = static_cast<uint32_t>(k.Number("N")); }},
      {"crypto ikev2 limit queue sa-init <N:100-100000>", "most callers whose IKE_SA_INIT is not followed by IKE_AUTH yet",
       [](Context& c, const Call& k) { c.model.ike.queue_sa_init = static_cast<uint32_t>(k.Number("N")); }},
      {"debug crypto ikev2 keylog <FILE>", "write the keys of IKE SAs to a file, to decrypt captures (own command)",
       [](Context& c, const Call& k) {
         c.model.ike.key_log.clear();
         if (!k.set()) return;
         const std::string file = k.Text("FILE");
         if (file[0] != '/') return c.Error(At(k, *k.Find("FILE")), "the file must be named with its whole path");
         c.model.ike.key_log = file;
         c.Warn(k.where(), "whoever reads this file can read everything the IKE SAs protect, ESP keys in it",
                "remove the line when the capture is done");
       }},
      {"crypto ikev2 fragmentation [mtu <N:68-1500>]", "IKEv2 fragmentation (RFC 7383) of messages above an MTU",
       [](Context& c, const Call& k) {
         const uint16_t usual = IkeGlobal().fragmentation_mtu;
         c.model.ike.fragmentation_mtu = k.op == Op::kNo ? uint16_t{0} : static_cast<uint16_t>(k.Number("N", usual));
       }},
      {"crypto ikev2 redirect client [max-redirects <N:1-255>]", "go where a gateway sends us (RFC 5685)",
       [](Context& c, const Call& k) {
         c.model.ike.max_redirects = k.set() ? static_cast<uint8_t>(k.Number("N", kDefaultRedirects)) : uint8_t{0};
       }},
      {"crypto ikev2 quick-crash-detection", "tell peers at once when we have restarted (RFC 6290); our own command",
       [](Context& c, const Call& k) { c.model.ike.quick_crash_detection = k.op != Op::kNo; }},
      {"crypto ikev2 diagnose error <N:1-1000>", "failures that `show crypto ikev2 diagnose error` remembers",
       [](Context& c, const Call& k) {
         c.model.ike.diagnose_errors = static_cast<uint32_t>(k.set() ? k.Number("N") : IkeGlobal().diagnose_errors);
       }},
      {"crypto ikev2 tcp-encapsulation [<PORT:1-65535>]", "let peers call in TCP (RFC 9329); our own command",
       [](Context& c, const Call& k) {
         c.model.ike.tcp_port = k.set() ? static_cast<uint16_t>(k.Number("PORT", net::kTcpPort)) : uint16_t{0};
       }},
      {"crypto ikev2 mobike", "sessions survive a change of address (RFC 4555)",
       [](Context& c, const Call& k) { c.model.ike.mobike = k.op != Op::kNo; }},
      {"crypto ikev2 mobike additional-address <A:address>", "an address where peers reach this router as well",
       SetMobikeAddress},
      {"crypto ikev2 http-url {cert|bundle}", "fetch certificates that peers name by URL (RFC 7296 3.6); off by default",
       [](Context& c, const Call& k) {
         c.model.ike.http_url = k.set();
         if (k.set())
           c.Warn(k.where(), "whoever reaches this router can make it fetch from URLs of their choice",
                  "filter what it may reach, or write 'no crypto ikev2 http-url cert'");
       }},
  };
}

std::vector<Command> UnsupportedGlobals() {
  return {
      Kept("crypto ikev2 certificate-cache <N:1-65535>", "certificates to keep", "limit the cache of certificates"),
      Kept("crypto ikev2 disconnect-revoked-peers", "end sessions whose certificate was revoked",
           "end running sessions when a certificate is revoked: it counts from their next authentication on"),
      Kept("crypto ikev2 cts sgt", "Cisco TrustSec tags", "carry Cisco TrustSec tags"),
      Kept("crypto ikev2 reconnect key <N:1-2> [active] <KEY:secret>", "key of the tickets of session resumption",
           "take a key for tickets (RFC 5723): they are sealed under one of this router's own, made when it starts",
           Gravity::kNote, Keep::kPerName),
      Kept("crypto ikev2 redirect gateway {init|auth}", "send clients to another gateway (RFC 5685)",
           "send clients to other gateways"),
      Kept("crypto logging ikev2", "log IKEv2 events", "take this as a switch: IKEv2 events are always logged",
           Gravity::kNote),
      Kept("crypto logging {session|ezvpn}", "log sessions", "take this as a switch: sessions are always logged",
           Gravity::kNote, Keep::kPerWord),
  };
}

std::vector<Command> Openers() {
  return {
      {"crypto ikev2 keyring <NAME>", "pre-shared keys of peers",
       [](Context& c, const Call& k) { c.keyring = Object(c, k, &c.model.keyrings, {}, "crypto ikev2 keyring"); },
       ModeId::kKeyring},
      {"crypto ikev2 proposal <NAME>", "algorithms of the IKE SA",
       [](Context& c, const Call& k) {
         c.proposal = Object(c, k, &c.model.proposals, c.built_in->proposals, "crypto ikev2 proposal");
       },
       ModeId::kProposal},
      {"crypto ikev2 policy <NAME>", "proposals by local address",
       [](Context& c, const Call& k) {
         if (!k.set()) c.default_policy_proposals = false;
         c.policy = Object(c, k, &c.model.policies, c.built_in->policies, "crypto ikev2 policy");
       },
       ModeId::kPolicy},
      {"crypto ikev2 authorization policy <NAME>", "addresses and routes for a peer",
       [](Context& c, const Call& k) {
         c.authorization = Object(c, k, &c.model.authorization_policies, c.built_in->authorization_policies,
                                  "crypto ikev2 authorization policy");
       },
       ModeId::kAuthorization},
  };
}

std::vector<Command> PeerCommands() {
  return {
      {"address <A:address> [<M:mask>]", "outer address of the peer; 0.0.0.0 0.0.0.0 is any", PeerAddress},
      {"address <P:prefix>", "outer prefix of the peer", PeerAddress},
      {"description <TEXT:line>", "free text", [](Context& c, const Call& k) { Peer(c).description = k.set() ? k.Text("TEXT") : ""; }},
      {"identity {fqdn|email} [domain] <S>", "IKE identity of the peer", PeerIdentity},
      {"identity key-id <S>", "IKE identity of the peer", PeerIdentity},
      {"identity address <A:address>", "IKE identity of the peer", PeerIdentity},
      {"pre-shared-key [local|remote] [0] <KEY:secret>", "the key, in clear", PeerKey},
      {"pre-shared-key [local|remote] hex <HEX:secret>", "the key, as hexadecimal digits", PeerKey},
      WithMasterKey(Kept("pre-shared-key [local|remote] 6 <KEY:secret>", "the key, encrypted by the master key",
                         "decrypt keys of type 6 without a master key: the peer has no key until there is one",
                         Gravity::kWarn, Keep::kPerWord),
                    PeerKey),
      {"ppk manual id <ID> key [0] <KEY:secret> [required]", "post-quantum pre-shared key (RFC 8784)", PeerPpk},
      {"ppk manual id <ID> key hex <HEX:secret> [required]", "the same, as hexadecimal digits", PeerPpk},
      {"ppk manual id <ID> key 6 <KEY:secret> [required]", "the same, encrypted by the master key", PeerPpk},
      Unsupported(S::kError, "ppk dynamic <REST:words>", "post-quantum keys from a key server; write 'ppk manual'"),
      Kept("hostname <NAME>", "host name of the peer", "find keys by host name: the peer is found by address or identity only"),
  };
}

std::vector<Command> ProposalCommands() {
  return {
      {"encryption <ALGORITHM:encryption...>", "ciphers in order of preference", SetEncryption},
      {"integrity <ALGORITHM:integrity...>", "integrity algorithms in order of preference, for ciphers without their own",
       [](Context& c, const Call& k) {
         SetNumbers(c, k, IntegrityNames(), "integrity algorithm", "sha256", &c.proposal->integrity);
       }},
      {"prf <ALGORITHM:prf...>", "pseudo-random functions; without it, as integrity",
       [](Context& c, const Call& k) { SetNumbers(c, k, PrfNames(), "PRF", "sha256", &c.proposal->prf); }},
      {"group <ALGORITHM:group...>", "Diffie-Hellman groups in order of preference",
       [](Context& c, const Call& k) { SetNumbers(c, k, GroupNames(), "group", "19", &c.proposal->groups); }},
      {"suite <SUITE:suite>", "all four lists at once, as an RFC names them; our own command",
       SetSuite},
      {kAdditionalSyntax, "one more key exchange (RFC 9370): mlkem768 mlkem1024 20 … none; our own command",
       [](Context& c, const Call& k) { SetAdditional(c, k, &c.proposal->additional); }},
      Unsupported(S::kError, "pqc <REST:words>", "this spelling; write 'additional-key-exchange 1 mlkem768'"),
  };
}

std::vector<Command> PolicyCommands() {
  return {
      {"proposal <NAME>", "use this proposal; repeatable, in order", PolicyProposal},
      {"match address local <A:address>", "only for this local address; repeatable",
       [](Context& c, const Call& k) {
         if (const Arg* a = k.Find("A")) AddOrRemove(&c.policy->match_local, a->address, k.set());
         else c.policy->match_local.clear();
       }},
      {"match fvrf {any|<VRF>}", "VRF of the IKE messages; without it the global one",
       [](Context& c, const Call& k) { c.policy->match_fvrf = !k.set() ? "" : k.Has("any") ? "any" : k.Text("VRF"); }},
      Unsupported(S::kWarning, "match inbound-only", "match inbound-only"),
  };
}

template <auto Member>
void SetText(Context& c, const Call& k) {
  (*c.authorization).*Member = k.set() ? k.args.back().text : "";
}

std::vector<Command> AuthorizationCommands() {
  return {
      {"pool <NAME>", "addresses for the peer", SetText<&AuthorizationPolicy::pool>},
      {"def-domain <NAME>", "domain for the peer", SetText<&AuthorizationPolicy::def_domain>},
      {"banner <TEXT:line>", "text for the peer", SetText<&AuthorizationPolicy::banner>},
      {"netmask <M:mask>", "mask of the address given",
       [](Context& c, const Call& k) {
         c.authorization->netmask.reset();
         if (k.set()) c.authorization->netmask = k.Find("M")->address;
       }},
      {"ipv6 pool <NAME>", "IPv6 addresses for the peer", SetText<&AuthorizationPolicy::ipv6_pool>},
      {"ipv6 prefix <N:1-128>", "prefix length told with the IPv6 address; without it that of the pool",
       [](Context& c, const Call& k) {
         c.authorization->ipv6_length.reset();
         if (k.set()) c.authorization->ipv6_length = static_cast<int>(k.Number("N"));
       }},
      {"dns <A:ipv4> [<B:ipv4>]", "name servers for the peer", SetServers<&AuthorizationPolicy::dns>},
      {"ipv6 dns <A:ipv6> [<B:ipv6>]", "IPv6 name servers for the peer", SetServers<&AuthorizationPolicy::ipv6_dns>},
      {"wins <A:ipv4> [<B:ipv4>]", "WINS servers for the peer", SetServers<&AuthorizationPolicy::wins>},
      {"split-dns <DOMAIN>", "domain that these name servers are for; repeatable",
       [](Context& c, const Call& k) {
         if (k.Find("DOMAIN") == nullptr) c.authorization->split_dns.clear();
         else AddOrRemove(&c.authorization->split_dns, k.Text("DOMAIN"), k.set());
       }},
      {"route set interface [<IF:interface>]", "tell the peer our tunnel address (or that of IF)", RouteSetInterface},
      {"route set access-list <NAME>", "tell the peer these prefixes",
       [](Context& c, const Call& k) {
         if (k.Find("NAME") == nullptr) c.authorization->route_set_access_lists.clear();
         else AddOrRemove(&c.authorization->route_set_access_lists, k.Text("NAME"), k.set());
       }},
      {"route set remote ipv4 <A:ipv4> <M:mask>", "tell the peer this prefix", RouteSetRemote},
      {"route set remote ipv6 <P:prefix>", "tell the peer this prefix", RouteSetRemote},
      {"route accept any [tag <TAG:1-497777>] [distance <DISTANCE:1-255>]", "install the peer's routes", RouteAccept},
      {"session-lifetime <S:120-25920000>", "seconds until the session ends",
       [](Context& c, const Call& k) {
         c.authorization->session_lifetime.reset();
         if (k.set()) c.authorization->session_lifetime = seconds(k.Number("S"));
       }},
      Kept("route accept route-map <NAME>", "install the peer's routes that a route-map permits",
           "read route-maps for this: no route of the peer is installed"),
      Kept("route set local ipv4 <A:ipv4> <M:mask> [next-hop <HOP:ipv4>] [vrf <VRF>] [tag <TAG:1-497777>] "
           "[distance <DISTANCE:1-255>]", "a route of our own to the peer", "install local routes", Gravity::kWarn, Keep::kEach),
      Kept("route set local ipv6 <P:prefix> [next-hop <HOP:ipv6>] [vrf <VRF>] [tag <TAG:1-497777>] "
           "[distance <DISTANCE:1-255>]", "a route of our own to the peer", "install local routes", Gravity::kWarn, Keep::kEach),
      Kept("route set access-list ipv6 <NAME>", "tell the peer these IPv6 prefixes", "announce IPv6 access lists",
           Gravity::kWarn, Keep::kEach),
      Kept("aaa attribute list <NAME>", "attributes of AAA", "read AAA attribute lists"),
      Kept("backup-gateway <GATEWAY>", "gateway to tell the peer; repeatable", "tell peers of backup gateways",
           Gravity::kWarn, Keep::kEach),
      Kept("configuration url <URL>", "where the peer finds its configuration", "send a configuration URL"),
      Kept("configuration version <N:1-32767>", "version of that configuration", "send a configuration version"),
      Kept("dhcp giaddr <A:ipv4>", "gateway address for DHCP", "ask DHCP for addresses"),
      Kept("dhcp server <SERVER>", "DHCP server to ask for addresses", "ask DHCP for addresses"),
      Kept("dhcp timeout <S:4-30>", "seconds to wait for the DHCP server", "ask DHCP for addresses"),
      Kept("include-local-lan", "the client may reach its own network", "send include-local-lan"),
      Kept("ipsec flow-limit <N:0-50000>", "most Child SAs of a peer", "limit the Child SAs of a peer"),
      Kept("mobileopt-serv <A:ipv4> [<PORT:1-65535>]", "mobile optimisation server", "send mobileopt-serv"),
      Kept("pfs", "ask the client for PFS", "send this attribute; 'set pfs' in the IPsec profile decides"),
      Kept("smartcard-removal-disconnect", "the client disconnects with its smartcard", "send smartcard-removal-disconnect"),
      Kept("subnet-acl <NAME>", "networks of the peer (old spelling)", "read 'subnet-acl': write 'route set access-list'"),
  };
}

}  // namespace

void AddIkeCommands(Mode& root, Mode& keyring, Mode& peer, Mode& proposal, Mode& policy, Mode& authorization) {
  root.Add(Openers());
  root.Add(Globals());
  root.Add(UnsupportedGlobals());
  keyring.Add({{"peer <NAME>", "a peer or group of peers", EnterPeer, ModeId::kKeyringPeer}});
  peer.Add(PeerCommands());
  proposal.Add(ProposalCommands());
  policy.Add(PolicyCommands());
  authorization.Add(AuthorizationCommands());
}

}  // namespace flexvpn::config
