// SPDX-License-Identifier: Apache-2.0
// The modes, built once, and what the tables of commands share.
#include "core/config/grammar.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace flexvpn::config {
namespace {

struct ModeName {
  ModeId id;
  const char* prompt;
  const char* title;
  ModeId parent;
};
constexpr ModeName kModes[] = {
    {ModeId::kExec, "", "the shell", ModeId::kNone},
    {ModeId::kRoot, "config", "the configuration", ModeId::kNone},
    {ModeId::kKeyring, "config-ikev2-keyring", "crypto ikev2 keyring", ModeId::kRoot},
    {ModeId::kKeyringPeer, "config-ikev2-keyring-peer", "peer of a keyring", ModeId::kKeyring},
    {ModeId::kProposal, "config-ikev2-proposal", "crypto ikev2 proposal", ModeId::kRoot},
    {ModeId::kPolicy, "config-ikev2-policy", "crypto ikev2 policy", ModeId::kRoot},
    {ModeId::kAuthorization, "config-ikev2-author-policy", "crypto ikev2 authorization policy", ModeId::kRoot},
    {ModeId::kProfile, "config-ikev2-profile", "crypto ikev2 profile", ModeId::kRoot},
    {ModeId::kNameMangler, "config-ikev2-name-mangler", "crypto ikev2 name-mangler", ModeId::kRoot},
    {ModeId::kClient, "config-ikev2-flexvpn", "crypto ikev2 client flexvpn", ModeId::kRoot},
    {ModeId::kCluster, "config-ikev2-cluster", "crypto ikev2 cluster", ModeId::kRoot},
    {ModeId::kTrustpoint, "ca-trustpoint", "crypto pki trustpoint", ModeId::kRoot},
    {ModeId::kCertificateMap, "ca-certificate-map", "crypto pki certificate map", ModeId::kRoot},
    {ModeId::kTransformSet, "cfg-crypto-trans", "crypto ipsec transform-set", ModeId::kRoot},
    {ModeId::kIpsecProfile, "ipsec-profile", "crypto ipsec profile", ModeId::kRoot},
    {ModeId::kInterface, "config-if", "interface", ModeId::kRoot},
    {ModeId::kAccessList, "config-std-nacl", "ip access-list standard", ModeId::kRoot},
    {ModeId::kExtendedAccessList, "config-ext-nacl", "ip access-list extended", ModeId::kRoot},
    {ModeId::kIpv6AccessList, "config-ipv6-acl", "ipv6 access-list", ModeId::kRoot},
    {ModeId::kVrf, "config-vrf", "vrf definition", ModeId::kRoot},
    {ModeId::kVrfFamily, "config-vrf-af", "address-family of a vrf definition", ModeId::kVrf},
    {ModeId::kTrack, "config-track", "track", ModeId::kRoot},
    {ModeId::kRouteMap, "config-route-map", "route-map", ModeId::kRoot},
    {ModeId::kRadiusServer, "config-radius-server", "radius server", ModeId::kRoot},
    {ModeId::kServerGroup, "config-sg-radius", "aaa group server radius", ModeId::kRoot},
    {ModeId::kPkiServer, "cs-server", "crypto pki server", ModeId::kRoot},
    {ModeId::kForeign, "config", "lines of another subsystem", ModeId::kRoot},
    {ModeId::kUnsupported, "config", "lines this version has no use for", ModeId::kRoot},
};

void Entitle(Mode& mode, const ModeName& name) {
  mode.id = name.id;
  mode.prompt = name.prompt;
  mode.title = name.title;
  mode.parent = name.parent;
}

// The mode of the shell is built apart: a single command needs no other.
Mode* BuildExec() {
  auto* const mode = new Mode;
  Entitle(*mode, kModes[0]);
  AddExecCommands(*mode);
  AddCommitCommands(*mode);
  AddShellCommands(*mode);
  return mode;
}

Modes* BuildModes() {
  auto* const modes = new Modes;
  for (const ModeName& n : kModes) Entitle(At(*modes, n.id), n);
  Mode& root = At(*modes, ModeId::kRoot);
  AddGlobalCommands(root);
  AddSystemCommands(root);
  AddIkeCommands(root, At(*modes, ModeId::kKeyring), At(*modes, ModeId::kKeyringPeer), At(*modes, ModeId::kProposal),
                 At(*modes, ModeId::kPolicy), At(*modes, ModeId::kAuthorization));
  AddIkeBlocks(*modes);
  AddProfileCommands(root, At(*modes, ModeId::kProfile));
  AddPkiCommands(root, At(*modes, ModeId::kTrustpoint), At(*modes, ModeId::kCertificateMap));
  AddIpsecCommands(root, At(*modes, ModeId::kTransformSet), At(*modes, ModeId::kIpsecProfile));
  AddInterfaceCommands(root, At(*modes, ModeId::kInterface));
  AddNhrpCommands(At(*modes, ModeId::kInterface));
  AddAccessListCommands(*modes);
  AddAaaCommands(*modes);
  AddRoutingCommands(*modes);
  At(*modes, ModeId::kPkiServer)
      .Add({Quiet("{database|issuer-name|grant|lifetime|hash|auto-rollover|cdp-url|mode|eku|redundancy|serial-number|shutdown} "
                  "[<REST:line>]",
                  "a line of the CA", Keep::kEach)});
  return modes;
}

}  // namespace

const Mode& GetMode(ModeId id) {
  // Never destroyed: used until the process ends.
  if (id == ModeId::kExec) {
    static const Mode* const kExec = BuildExec();
    return *kExec;
  }
  static Modes* const kAll = BuildModes();
  return At(*kAll, id);
}

void Context::Report(Diagnostic::Severity severity, Location where, std::string message, std::string hint) {
  diagnostics.push_back({severity, where, std::move(message), std::move(hint)});
}

Command Unsupported(Diagnostic::Severity severity, std::string pattern, std::string what, ModeId enter) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(what);
  c.enter = enter;
  c.kind = Command::Kind::kUnsupported;
  c.severity = severity;
  return c;
}

Command Foreign(std::string pattern, ModeId enter) {
  Command c;
  c.pattern = std::move(pattern);
  c.enter = enter;
  c.kind = Command::Kind::kForeign;
  return c;
}

const char* Choose(Context& c, const Call& call, const Word& word, const std::vector<std::string>& known,
                   absl::string_view what, size_t* index) {
  std::vector<size_t> found;
  for (size_t i = 0; i < known.size(); ++i) {
    if (absl::EqualsIgnoreCase(known[i], word.text)) {
      found = {i};
      break;
    }
    if (absl::StartsWithIgnoreCase(known[i], word.text)) found.push_back(i);
  }
  if (found.size() == 1) {
    *index = found[0];
    return known[found[0]].c_str();
  }
  const std::string nearest = Nearest(word.text, known);
  c.Error({call.line, word.column},
          absl::StrCat(found.empty() ? "unknown " : "ambiguous ", what, " '", word.text.substr(0, 40), "': expected ",
                       absl::StrJoin(known, ", ")),
          nearest.empty() ? "" : absl::StrCat("did you mean '", nearest, "'?"));
  return nullptr;
}

bool ReadKey(Context& c, const Call& call, absl::string_view purpose, SecretBytes* out) {
  if (const Arg* hex = call.Find("HEX")) {
    std::string digits = hex->text;
    if (absl::StartsWithIgnoreCase(digits, "0x")) digits.erase(0, 2);
    const bool good = !digits.empty() && digits.size() % 2 == 0 &&
                      digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!good) {
      c.Error(At(call, *hex), "the key must be an even number of hexadecimal digits");
      return false;
    }
    *out = ToSecret(FromHex(digits));
    WipeMemory(digits.data(), digits.size());
    return true;
  }
  const Arg* key = call.Find("KEY");
  if (key == nullptr) return true;
  if (!call.Has("6")) {
    *out = ToSecret(AsView(key->text));
    return true;
  }
  if (c.cipher == nullptr) {
    c.Error(At(call, *key), "an encrypted key (type 6), and there is no master key", "write the key in clear: '0 KEY'");
    return false;
  }
  absl::StatusOr<SecretBytes> opened = c.cipher->Open(key->text, purpose);
  if (!opened.ok()) {
    c.Error(At(call, *key), std::string(opened.status().message()), "write the key in clear: '0 KEY'");
    return false;
  }
  *out = *std::move(opened);
  return true;
}

Command Kept(std::string pattern, std::string help, std::string effect, Gravity gravity, Keep keep) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(help);
  c.kind = Command::Kind::kKept;
  c.effect = std::move(effect);
  c.gravity = gravity;
  c.keep = keep;
  return c;
}

Command KeptBlock(std::string pattern, std::string help, std::string effect, ModeId enter, Gravity gravity) {
  Command c = Kept(std::move(pattern), std::move(help), std::move(effect), gravity, Keep::kPerName);
  c.enter = enter;
  return c;
}

Command WithMasterKey(Command kept, void (*handler)(Context&, const Call&)) {
  kept.handler = handler;
  return kept;
}

Command Quiet(std::string pattern, std::string help, Keep keep) {
  return Kept(std::move(pattern), std::move(help), "", Gravity::kQuiet, keep);
}

}  // namespace flexvpn::config
