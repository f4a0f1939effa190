// SPDX-License-Identifier: Apache-2.0
// crypto ipsec: transform sets, profiles, globals.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/config/additional_ke.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

// --- transform-set ---------------------------------------------------------------------------------------
bool UseSuite(const absl::string_view word, TransformSet* out) {
  for (const SuiteName& s : SuiteNames()) {
    if (!absl::EqualsIgnoreCase(s.word, word)) continue;
    out->encryption = s.esp;
    return true;
  }
  return false;
}

// One word of the transform list (two with a key size); returns the words used.
size_t ReadTransform(Context& c, const Call& k, const std::vector<Word>& words, size_t i, TransformSet* out) {
  size_t index = 0;
  const Location where{k.line, words[i].column};
  if (out->encryption.encr == 0 && UseSuite(words[i].text, out)) return 1;
  std::vector<std::string> known;
  for (const TransformName& n : TransformNames()) known.emplace_back(n.word);
  if (Choose(c, k, words[i], known, "transform", &index) == nullptr) return 1;
  const TransformName& t = TransformNames()[index];
  if (t.standing == Standing::kWeak) c.Warn(where, absl::StrCat(t.word, " is weak: ", t.why), "use esp-gcm 256");
  switch (t.kind) {
    case TransformName::kOther:
      c.Warn(where, absl::StrCat(t.word, " is accepted, but not used: ", t.why),
             absl::string_view(t.word) == "comp-lzs" ? "" : "this transform set is never offered; use esp-gcm 256");
      out->refused.emplace_back(t.word);
      return 1;
    case TransformName::kEsn:
      out->esn = true;
      return 1;
    case TransformName::kIntegrity:
      if (out->integrity != 0) c.Error(where, "a second integrity transform");
      out->integrity = t.choice.encr;
      return 1;
    case TransformName::kCipher:
      break;
  }
  if (out->encryption.encr != 0) {
    c.Error(where, "a second encryption transform");
    return 1;
  }
  out->encryption = t.choice;
  if (!t.sized || i + 1 >= words.size()) return 1;
  uint32_t bits = 0;
  if (!absl::SimpleAtoi(words[i + 1].text, &bits)) return 1;
  if (bits != 128 && bits != 192 && bits != 256)
    c.Error({k.line, words[i + 1].column}, absl::StrCat(bits, ": AES keys have 128, 192 or 256 bits"));
  out->encryption.key_bits = static_cast<uint16_t>(bits);
  return 2;
}

void EnterTransformSet(Context& c, const Call& k) {
  const std::string name = k.Find("NAME") != nullptr ? k.Text("NAME") : "default";
  if (!k.set()) {
    c.model.transform_sets.erase(name);
    if (k.op == Op::kDefault && name == "default")
      c.model.transform_sets[name] = c.built_in->transform_sets.at(name);
    return;
  }
  TransformSet& t = c.model.transform_sets[name];
  t.name = name;
  t.where = k.where();
  c.transform_set = &t;
  c.path = absl::StrCat("crypto ipsec transform-set ", name);
  const Arg* list = k.Find("TRANSFORM");
  if (list == nullptr) return;
  t.encryption = {};
  t.integrity = 0;
  t.esn = false;
  t.refused.clear();
  for (size_t i = 0; i < list->words.size();) i += ReadTransform(c, k, list->words, i, &t);
  if (IsAead(t.encryption.encr) && t.integrity != 0)
    c.Error(k.where(), absl::StrCat(EspEncryptionWords(t.encryption), " carries its own integrity"),
            absl::StrCat("leave out ", EspIntegrityWord(t.integrity)));
  if (t.encryption.encr != 0 || t.integrity == 0 || !t.refused.empty()) return;
  t.encryption.encr = kEncrNull;
  c.Warn(k.where(), "a transform set without encryption: the traffic is authenticated only", "add esp-aes or use esp-gcm 256");
}

void SetMode(Context& c, const Call& k) {
  TransformSet& t = *c.transform_set;
  const bool built_in = t.name == "default";
  t.transport = k.set() ? k.Has("transport") : built_in;
  t.transport_require = k.set() && k.Has("require");
}

// --- profile ------------------------------------------------------------------------------------------------
void EnterIpsecProfile(Context& c, const Call& k) {
  const std::string name = k.Find("NAME") != nullptr ? k.Text("NAME") : "default";
  if (!k.set()) {
    c.model.ipsec_profiles.erase(name);
    if (k.op == Op::kDefault && name == "default")
      c.model.ipsec_profiles[name] = c.built_in->ipsec_profiles.at(name);
    return;
  }
  IpsecProfile& p = c.model.ipsec_profiles[name];
  p.name = name;
  p.where = k.where();
  c.ipsec_profile = &p;
  c.path = absl::StrCat("crypto ipsec profile ", name);
}

void SetTransformSets(Context& c, const Call& k) {
  c.ipsec_profile->transform_sets.clear();
  if (!k.set()) {
    c.ipsec_profile->transform_sets.emplace_back("default");
    return;
  }
  for (const Word& w : k.Find("NAME")->words) c.ipsec_profile->transform_sets.emplace_back(w.text);
}

void SetPfs(Context& c, const Call& k) {
  c.ipsec_profile->pfs_group.reset();
  if (!k.set()) return;
  const Arg* a = k.Find("GROUP");
  if (a == nullptr) {
    c.ipsec_profile->pfs_group = 19;
    return;
  }
  std::vector<std::string> known;
  for (const NumberName& n : GroupNames()) known.push_back(absl::StrCat("group", n.word));
  size_t i = 0;
  if (Choose(c, k, {a->text, a->column}, known, "group", &i) == nullptr) return;
  const NumberName& n = GroupNames()[i];
  if (n.standing == Standing::kWeak) c.Warn(At(k, *a), absl::StrCat(known[i], " is weak: ", n.why), "use group19");
  if (n.standing == Standing::kRefused) {
    c.ipsec_profile->pfs_group = 19;
    return c.Warn(At(k, *a), absl::StrCat(known[i], " is accepted, but not used: ", n.why), "group19 is used");
  }
  c.ipsec_profile->pfs_group = n.number;
}

seconds ReadLifetime(const Call& k) {
  if (k.set() && k.Find("DAYS") != nullptr) return seconds(k.Number("DAYS") * 86400);
  return seconds(k.Number("S", 3600));
}
std::optional<uint64_t> ReadKilobytes(const Call& k) {
  if (k.set() && k.Has("disable")) return std::nullopt;
  return k.Number("KB", 4608000);
}
uint32_t ReadReplay(const Call& k) {
  if (k.set() && k.Has("disable")) return 0;
  return static_cast<uint32_t>(k.Number("N", 64));
}
void CheckWindow(Context& c, const Call& k) {
  const Arg* a = k.Find("N");
  if (!k.set() || a == nullptr) return;
  for (uint64_t n : {64u, 128u, 256u, 512u, 1024u})
    if (a->number == n) return;
  c.Error(At(k, *a), "the window must be 64, 128, 256, 512 or 1024");
}

void SetOffload(Context& c, const Call& k) {
  c.ipsec_profile->offload = !k.set()            ? Offload::kOff
                             : k.Has("packet")   ? Offload::kPacket
                             : k.Has("crypto")   ? Offload::kCrypto
                             : k.Has("auto")     ? Offload::kAuto
                                                 : Offload::kOff;
}

std::vector<Command> ProfileCommands() {
  return {
      {"description <TEXT:line>", "free text",
       [](Context& c, const Call& k) { c.ipsec_profile->description = k.set() ? k.Text("TEXT") : ""; }},
      {"set ikev2-profile <NAME>", "IKEv2 profile that negotiates for this one",
       [](Context& c, const Call& k) {
         c.ipsec_profile->ike_profile = k.set() ? k.Text("NAME") : "";
         c.ipsec_profile->implied_ike_profile.value = false;
       }},
      {"set transform-set <NAME:words>", "transform sets in order of preference", SetTransformSets},
      {"responder-only", "tunnels with it call nobody",
       [](Context& c, const Call& k) { c.ipsec_profile->responder_only = k.set(); }},
      {"set pfs [<GROUP:pfs>]", "new Diffie-Hellman exchange at every rekey (group19 if none is named)", SetPfs},
      {absl::StrCat("set ", kAdditionalSyntax), "one more key exchange at every rekey, with pfs (RFC 9370)",
       [](Context& c, const Call& k) { SetAdditional(c, k, &c.ipsec_profile->additional); }},
      {"set security-association lifetime seconds <S:120-2592000>", "seconds between rekeys",
       [](Context& c, const Call& k) {
         c.ipsec_profile->lifetime = ReadLifetime(k);
         c.ipsec_profile->own_lifetime = k.set();
       }},
      {"set security-association lifetime days <DAYS:1-30>", "days between rekeys",
       [](Context& c, const Call& k) {
         c.ipsec_profile->lifetime = ReadLifetime(k);
         c.ipsec_profile->own_lifetime = k.set();
       }},
      {"set security-association lifetime kilobytes {<KB:2560-4294967295>|disable}", "volume between rekeys",
       [](Context& c, const Call& k) {
         c.ipsec_profile->lifetime_kilobytes = ReadKilobytes(k);
         c.ipsec_profile->own_kilobytes = k.set();
       }},
      {"set security-association replay {disable|window-size <N:64-1024>}", "replay window in packets",
       [](Context& c, const Call& k) {
         CheckWindow(c, k);
         c.ipsec_profile->replay_window = ReadReplay(k);
         c.ipsec_profile->own_replay = k.set();
       }},
      {"set security-association offload {off|auto|crypto|packet}", "hardware offload (flexvpn's own command)",
       SetOffload},
      Kept("set security-association idle-time <S:60-86400> [default]", "end Child SAs without traffic", "end idle SAs"),
      Kept("set security-association dfbit {clear|copy|set}", "DF bit of the outer header",
           "change the DF bit: the kernel copies it"),
      Kept("set security-association dummy {pps <PPS:0-25>|seconds <S:1-3600>}", "packets to hide the flow",
           "send dummy packets"),
      Kept("set security-association ecn {discard|propagate}", "congestion marks of the outer header",
           "change what the kernel does with ECN: it propagates"),
      Kept("set security-association level per-host", "a Child SA for each host", "make an SA for each host"),
      Kept("set isakmp-profile <NAME>", "IKEv1 profile", "speak IKEv1; 'set ikev2-profile' counts"),
      Kept("set identity <NAME>", "identity list", "read identity lists", Gravity::kShut),
      Kept("set mixed-mode", "IPv4 and IPv6 in one tunnel", "mix address families in 'tunnel mode ipsec'"),
      Kept("set reverse-route {distance <DISTANCE:1-255>|gateway <A:address>|tag <TAG:1-4294967295>}", "reverse routes",
           "make reverse routes: IKEv2 routes do this", Gravity::kWarn, Keep::kPerWord),
      Kept("reverse-route [static]", "reverse routes", "make reverse routes: IKEv2 routes do this"),
      Kept("set security-policy limit <N:0-50000>", "most Child SAs of a peer", "limit the Child SAs of a peer"),
      Kept("redundancy <NAME> [stateful]", "HSRP group", "share SAs with another router"),
      Kept("dialer pre-classify", "dialer interfaces", "know dialer interfaces", Gravity::kNote),
      Unsupported(S::kWarning, "virtual-template <REST:words>",
                  "virtual-template here; it belongs into the IKEv2 profile, and IOS refuses this line"),
  };
}

std::vector<Command> Globals() {
  return {
      {"crypto ipsec transform-set <NAME> [<TRANSFORM:transform...>]", "algorithms of the Child SA", EnterTransformSet,
       ModeId::kTransformSet},
      {"crypto ipsec profile <NAME>", "protection of a tunnel", EnterIpsecProfile, ModeId::kIpsecProfile},
      {"crypto ipsec security-association lifetime seconds <S:120-2592000>", "for profiles that do not say it",
       [](Context& c, const Call& k) { k.set() ? void(c.model.ipsec.lifetime = ReadLifetime(k)) : c.model.ipsec.lifetime.reset(); }},
      {"crypto ipsec security-association lifetime days <DAYS:1-30>", "for profiles that do not say it",
       [](Context& c, const Call& k) { k.set() ? void(c.model.ipsec.lifetime = ReadLifetime(k)) : c.model.ipsec.lifetime.reset(); }},
      {"crypto ipsec security-association lifetime kilobytes {<KB:2560-4294967295>|disable}",
       "for profiles that do not say it",
       [](Context& c, const Call& k) {
         c.model.ipsec.lifetime_kilobytes.reset();
         if (k.set()) c.model.ipsec.lifetime_kilobytes.emplace(ReadKilobytes(k));
       }},
      {"crypto ipsec security-association replay {disable|window-size <N:64-1024>}", "for profiles that do not say it",
       [](Context& c, const Call& k) {
         CheckWindow(c, k);
         c.model.ipsec.replay_window.reset();
         if (k.set()) c.model.ipsec.replay_window = ReadReplay(k);
       }},
      Kept("crypto ipsec security-association idle-time <S:60-86400>", "end Child SAs without traffic", "end idle SAs"),
      Kept("crypto ipsec security-association dummy {pps <PPS:0-25>|seconds <S:1-3600>}", "packets to hide the flow",
           "send dummy packets"),
      Kept("crypto ipsec security-association ecn {discard|propagate}", "congestion marks of the outer header",
           "change what the kernel does with ECN: it propagates"),
      Kept("crypto ipsec security-association multi-sn", "sequence numbers for each class of traffic",
           "use several sequence number spaces"),
      Kept("crypto ipsec df-bit {clear|copy|set}", "DF bit of the outer header", "change the DF bit: the kernel copies it"),
      Kept("crypto ipsec fragmentation {after-encryption|before-encryption}", "where large packets are cut",
           "choose: the kernel cuts before encryption"),
      Kept("crypto ipsec nat-transparency {spi-matching|udp-encapsulation}", "NAT traversal",
           "take this as a switch: UDP encapsulation is used where there is NAT", Gravity::kNote, Keep::kPerWord),
      Kept("crypto ipsec ipv4-deny {clear|drop|jump}", "what a deny in a crypto access list does", "read crypto access lists"),
      Kept("crypto ipsec optional [retry <S:60-86400>]", "packets in clear while there is no SA",
           "send in clear: without an SA nothing leaves"),
  };
}

}  // namespace

void AddIpsecCommands(Mode& root, Mode& transform_set, Mode& profile) {
  root.Add(Globals());
  transform_set.Add({{"mode {tunnel|transport [require]}", "mode of the Child SA", SetMode}});
  profile.Add(ProfileCommands());
}

}  // namespace flexvpn::config
