// SPDX-License-Identifier: Apache-2.0
// aaa, radius server, username.  Of these only `aaa authorization network … local` is acted on.
#include <algorithm>

#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

void SetAaaNetwork(Context& c, const Call& call) {
  const std::string name = call.Text("LIST");
  if (!call.set()) {
    c.model.aaa_authorization.erase(name);
    return;
  }
  const Arg* methods = call.Find("METHOD");
  AaaAuthorizationList list{name, false, {}};
  for (const Word& w : methods->words) {
    list.local = list.local || w.text == "local";
    list.methods.emplace_back(w.text);
  }
  if (list.methods == std::vector<std::string>{"local"}) list.methods.clear();
  if (!list.local)
    c.Warn(At(call, *methods), "accepted, but this version does not ask AAA servers: profiles with this list are inoperative",
           "write 'local' to use the authorization policies of this configuration");
  else if (!list.methods.empty())
    c.Warn(At(call, *methods), "accepted, but this version does not ask AAA servers: 'local' alone is used");
  c.model.aaa_authorization[name] = list;
}

}  // namespace

void AddAaaCommands(Modes& modes) {
  constexpr Gravity kNote = Gravity::kNote;
  const std::string servers = "ask AAA servers", logins = "check logins against it";
  At(modes, ModeId::kRoot)
      .Add({{"aaa new-model", "enable AAA", [](Context& c, const Call& k) { c.model.aaa_new_model = k.set(); }},
            {"aaa authorization network <LIST> <METHOD:words>", "name a list of authorization methods", SetAaaNetwork},
            Kept("aaa authentication {login|ppp|enable|dot1x} <LIST> <METHOD:line>", "where logins are checked", logins, kNote,
                 Keep::kPerName),
            Kept("aaa accounting <REST:line>", "accounting", "do accounting", kNote, Keep::kEach),
            KeptBlock("aaa group server radius <NAME>", "a group of RADIUS servers", servers, ModeId::kServerGroup),
            KeptBlock("radius server <NAME>", "a RADIUS server", servers, ModeId::kRadiusServer),
            Kept("radius-server <REST:line>", "RADIUS (old spelling)", servers, kNote, Keep::kEach),
            Kept("username <NAME> [privilege <N:0-15>] {password|secret} [{0|5|6|7|8|9}] <KEY:secret>", "a user", logins, kNote,
                 Keep::kPerName),
            Kept("username <NAME> {nopassword|privilege <N:0-15>|aaa attribute list <LIST>|autocommand <REST:line>}", "a user",
                 logins, kNote, Keep::kEach)});
  At(modes, ModeId::kServerGroup)
      .Add({Quiet("server name <NAME>", "a server of this group; repeatable", Keep::kEach),
            Quiet("server <A:address> [auth-port <P:0-65535>] [acct-port <Q:0-65535>]", "a server of this group", Keep::kEach),
            Quiet("server-private <A:address> [auth-port <P:0-65535>] [acct-port <Q:0-65535>] key [{0|6|7}] <KEY:secret>",
                  "a server of this group alone", Keep::kEach),
            Quiet("{deadtime|ip|ipv6|attribute|load-balance|accounting|authorization|key} <REST:line>", "other settings",
                  Keep::kEach)});
  At(modes, ModeId::kRadiusServer)
      .Add({Quiet("address {ipv4|ipv6} <SERVER> [auth-port <P:0-65535>] [acct-port <Q:0-65535>]", "where it is"),
            Quiet("key [{0|6|7}] <KEY:secret>", "shared secret"),
            Quiet("timeout <S:1-1000>", "seconds to wait for an answer"),
            Quiet("retransmit <N:0-100>", "tries"),
            Quiet("{automate-tester|pac|backoff|dtls|stats} [<REST:line>]", "other settings", Keep::kEach)});
}

}  // namespace flexvpn::config
