// SPDX-License-Identifier: Apache-2.0
// The command tree: every form of every command, help and completion, and the reference made from it.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/config/grammar.h"
#include "core/config/help.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "support/command_forms.h"

namespace flexvpn::config {
namespace {

using Json = nlohmann::ordered_json;
using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;

std::vector<std::string> Openers(ModeId id) {
  switch (id) {
    case ModeId::kRoot: return {};
    case ModeId::kKeyring: return {"crypto ikev2 keyring K"};
    case ModeId::kKeyringPeer: return {"crypto ikev2 keyring K", "peer P"};
    case ModeId::kProposal: return {"crypto ikev2 proposal P"};
    case ModeId::kPolicy: return {"crypto ikev2 policy P"};
    case ModeId::kAuthorization: return {"crypto ikev2 authorization policy A"};
    case ModeId::kProfile: return {"crypto ikev2 profile P"};
    case ModeId::kNameMangler: return {"crypto ikev2 name-mangler M"};
    case ModeId::kClient: return {"crypto ikev2 client flexvpn C"};
    case ModeId::kCluster: return {"crypto ikev2 cluster"};
    case ModeId::kTrustpoint: return {"crypto pki trustpoint T"};
    case ModeId::kCertificateMap: return {"crypto pki certificate map M 10"};
    case ModeId::kTransformSet: return {"crypto ipsec transform-set T esp-gcm 256"};
    case ModeId::kIpsecProfile: return {"crypto ipsec profile P"};
    case ModeId::kInterface: return {"interface Tunnel0"};
    case ModeId::kAccessList: return {"ip access-list standard A"};
    case ModeId::kExtendedAccessList: return {"ip access-list extended A"};
    case ModeId::kIpv6AccessList: return {"ipv6 access-list A"};
    case ModeId::kVrf: return {"vrf definition V"};
    case ModeId::kVrfFamily: return {"vrf definition V", "address-family ipv4"};
    case ModeId::kTrack: return {"track 1 interface eth0 line-protocol"};
    case ModeId::kRouteMap: return {"route-map R permit 10"};
    case ModeId::kRadiusServer: return {"radius server R"};
    case ModeId::kServerGroup: return {"aaa group server radius G"};
    case ModeId::kPkiServer: return {"crypto pki server S"};
    default: return {};
  }
}

// Errors of the line itself; objects around it may be incomplete.
bool Wrong(const ParseResult& r, int line) {
  return std::any_of(r.diagnostics.begin(), r.diagnostics.end(), [&](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::kError && d.where.line == line &&
           (absl::StrContains(d.message, "unexpected") || absl::StrContains(d.message, "unknown") ||
            (absl::StrContains(d.message, "incomplete command") && !absl::StrContains(d.message, "a key exchange") &&
            !absl::StrContains(d.message, "of the pool")) || absl::StrContains(d.message, "must be"));
  });
}

TEST(Commands, EveryFormParsesAndRendersBack) {
  size_t forms = 0;
  for (size_t id = static_cast<size_t>(ModeId::kRoot); id < static_cast<size_t>(ModeId::kForeign); ++id) {
    const ModeId mode = static_cast<ModeId>(id);
    const std::vector<CommandForm> lines = CommandForms(mode);
    EXPECT_FALSE(lines.empty()) << GetMode(mode).title;
    const std::vector<std::string> openers = Openers(mode);
    const std::string head = openers.empty() ? "" : absl::StrJoin(openers, "\n") + "\n";
    for (const auto& [line, command] : lines) {
      if (command->handler == ReadBanner) continue;  // has lines of its own
      ++forms;
      const ParseResult r = Parse(head + line + "\n");
      EXPECT_FALSE(Wrong(r, static_cast<int>(openers.size()) + 1)) << head << line;
      const std::string out = Render(r.model, false, true);
      ASSERT_EQ(Parse(out).model == r.model, true) << head << line << "\nrendered\n" << out;
      if (command->kind == Command::Kind::kKept) {
        EXPECT_THAT(out, testing::HasSubstr(line)) << head;
      }
      const ParseResult gone = Parse(head + line + "\n" + absl::StrJoin(openers, "\n") + "\nno " + line + "\n");
      if (command->kind == Command::Kind::kKept && !openers.empty() && command->enter == ModeId::kNone) {
        EXPECT_EQ(gone.model, Parse(head).model) << head << line;
      }
    }
  }
  EXPECT_GT(forms, 700u);
}

TEST(Commands, EveryWordHasHelp) {
  for (size_t id = 1; id < static_cast<size_t>(ModeId::kForeign); ++id)
    for (const auto& c : GetMode(static_cast<ModeId>(id)).commands)
      if (c->kind == Command::Kind::kOwn || c->kind == Command::Kind::kKept) {
        EXPECT_FALSE(c->help.empty()) << c->pattern;
      }
  for (const char* line : {"", "crypto ", "crypto ikev2 ", "crypto ipsec ", "ip "})
    for (const HelpItem& i : Help(ModeId::kRoot, line).items)
      EXPECT_TRUE(i.word == "<cr>" || !i.help.empty()) << line << i.word;
}

std::vector<std::string> Words(const HelpAnswer& a) {
  std::vector<std::string> out;
  for (const HelpItem& i : a.items) out.push_back(i.word);
  return out;
}

TEST(Help, ShowsKeywordsArgumentsAndTheEnd) {
  EXPECT_THAT(Words(Help(ModeId::kRoot, "crypto ikev2 window ")), ElementsAre("<1-200>"));
  EXPECT_THAT(Words(Help(ModeId::kRoot, "crypto ikev2 window 5 ")), ElementsAre("<cr>"));
  EXPECT_THAT(Words(Help(ModeId::kInterface, "ip nhrp ho")), ElementsAre("holdtime"));
  EXPECT_THAT(Words(Help(ModeId::kInterface, "no ip nhrp redirect ")), ElementsAre("timeout", "<cr>"));
  EXPECT_THAT(Words(Help(ModeId::kProfile, "dpd 10 2 ")), ElementsAre("on-demand", "periodic"));
  EXPECT_THAT(Words(Help(ModeId::kProposal, "encryption aes-gcm-256 aes-cbc-1")), ElementsAre("aes-cbc-128", "aes-cbc-192"));
  EXPECT_THAT(Words(Help(ModeId::kKeyringPeer, "address ")), Contains("A.B.C.D|X:X:X:X::X"));
  EXPECT_THAT(Words(Help(ModeId::kProfile, "")), IsSupersetOf({"no", "default", "exit", "end", "do", "match"}));
  EXPECT_THAT(Words(Help(ModeId::kProfile, "do show crypto ikev2 s")), ElementsAre("sa", "session", "stats"));
  EXPECT_THAT(Words(Help(ModeId::kExec, "sh cry ikev2 sa ")), ElementsAre("detailed", "local", "remote", "<cr>"));
  EXPECT_THAT(Words(Help(ModeId::kExec, "")), IsSupersetOf({"clear", "commit", "configure", "exit", "rekey", "show", "write"}));
  EXPECT_EQ(Help(ModeId::kProfile, "e\r\t").column, 2);
  EXPECT_EQ(Help(ModeId::kProfile, "e \x01").column, 3);
  EXPECT_THAT(Words(Help(ModeId::kProfile, "e !a comm")), ElementsAre()) << "a comment";
  EXPECT_EQ(Help(ModeId::kRoot, "crypto nonsense x").column, 8);
}

TEST(Complete, GivesWordsThatFit) {
  EXPECT_THAT(Complete(ModeId::kRoot, "cry"), ElementsAre("crypto"));
  EXPECT_THAT(Complete(ModeId::kRoot, "crypto ikev2 prof"), ElementsAre("profile"));
  EXPECT_THAT(Complete(ModeId::kRoot, "crypto ikev2 window "), ElementsAre());
  EXPECT_THAT(Complete(ModeId::kInterface, "no shut"), ElementsAre("shutdown"));
  EXPECT_THAT(Complete(ModeId::kExec, "show ip nhrp s"), ElementsAre("shortcut"));
}

TEST(Reference, IsCurrent) {
  EXPECT_EQ(ReadFile(FLEXVPN_SOURCE_DIR "/docs/commands.md") == CommandsMarkdown(), true)
      << "docs/commands.md is stale: flexvpnd --commands markdown > docs/commands.md";
}

TEST(Reference, JsonIsCurrent) {
  EXPECT_EQ(ReadFile(FLEXVPN_SOURCE_DIR "/docs/commands.json") == CommandsJson(), true)
      << "docs/commands.json is stale: flexvpnd --commands json > docs/commands.json";
}

TEST(Reference, JsonHasEveryMode) {
  const std::string json = CommandsJson();
  for (const char* mode : {"crypto ikev2 cluster", "interface", "the shell", "ip access-list extended"})
    EXPECT_THAT(json, testing::HasSubstr(absl::StrCat("\"mode\":\"", mode, "\"")));
}

// A word that fits what the JSON says of it; as Sample() does from the tree.
std::string SampleOf(const Json& word) {
  static const auto* const kWords = new std::map<std::string, std::string>{
      {"ipv4", "192.0.2.1"}, {"address", "192.0.2.1"}, {"ipv6", "2001:db8::1"}, {"mask", "255.255.255.255"},
      {"wildcard", "0.0.0.0"}, {"prefix", "2001:db8::/64"}, {"interface", "Tunnel7"}, {"words", "local"}, {"line", "some text"}};
  if (word.contains("word")) return word["word"];
  if (word.contains("choices")) return word["choices"][0];
  const std::string type = word["type"], name = word["name"];
  if (type == "number") return absl::StrCat(word["min"].get<uint64_t>());
  if (type == "secret") return name == "HEX" ? "0a0b" : "quarz";
  if (type == "word") return name == "FILE" || name == "PATH" ? "/x" : "X1";
  return kWords->at(type);
}

// Who generates lines from the JSON alone gets lines that the parser takes, for the command that the JSON names.
void CheckWords(const Mode& mode, const Json& commands, const Json& words, const std::string& before,
                std::vector<size_t>* seen) {
  const auto expect = [&](const std::string& text, size_t command) {
    const Line line = LexLine(text);
    Call call;
    Mismatch mismatch;
    ASSERT_TRUE(Match(mode, line, 0, &call, &mismatch)) << text;
    EXPECT_EQ(call.command->help, commands[command]["help"].get<std::string>()) << text;
  };
  for (const Json& w : words) {
    const std::string line = absl::StrCat(before, before.empty() ? "" : " ", SampleOf(w));
    if (w.contains("command")) {
      expect(line, w["command"]);
      ++seen->at(w["command"]);
    }
    EXPECT_TRUE(w.contains("command") || w.contains("next")) << line;
    EXPECT_NE(w["help"], "") << line;
    if (w.contains("next")) CheckWords(mode, commands, w["next"], line, seen);
  }
}

TEST(Reference, JsonTellsEveryFormOfEveryCommand) {
  const Json all = Json::parse(CommandsJson());
  EXPECT_EQ(all["version"], 1);
  size_t checked = 0;
  for (size_t id = 1; id < static_cast<size_t>(ModeId::kCount); ++id) {
    const Mode& mode = GetMode(static_cast<ModeId>(id));
    for (const Json& m : all["modes"]) {
      if (m["mode"] != mode.title) continue;
      std::vector<size_t> seen(m["commands"].size());
      CheckWords(mode, m["commands"], m["tree"], "", &seen);
      for (size_t i = 0; i < seen.size(); ++i) EXPECT_GT(seen[i], 0u) << m["commands"][i]["syntax"];
      ++checked;
    }
  }
  EXPECT_EQ(checked, all["modes"].size());
}

TEST(Reference, JsonTellsWhatALineDoes) {
  const Json all = Json::parse(CommandsJson());
  std::map<std::string, std::map<std::string, Json>> at;
  for (const Json& m : all["modes"])
    for (const Json& c : m["commands"]) at[m["mode"]][c["syntax"]] = c;
  const Json dpd = at["crypto ikev2 profile"]["dpd <10-3600> <2-60> {on-demand|periodic}"];
  EXPECT_EQ(dpd["kind"], "acts");
  const Json eap = at["crypto ikev2 profile"]["authentication remote eap [query-identity]"];
  EXPECT_EQ(eap["kind"], "kept");
  EXPECT_EQ(eap["does_not"], "do EAP");
  EXPECT_EQ(eap["shuts"], true);
  EXPECT_EQ(at["crypto ikev2 cluster"].begin()->second["kind"], "quiet");
  EXPECT_EQ(at["the configuration"]["interface IF [type tunnel]"].value("enters", ""), "interface");
  EXPECT_EQ(at["the shell"]["commit"]["administrators"], true);
  EXPECT_EQ(at["the shell"]["commit"]["place"], "session");
}

}  // namespace
}  // namespace flexvpn::config
