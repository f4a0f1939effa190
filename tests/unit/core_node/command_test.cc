// SPDX-License-Identifier: Apache-2.0
// The shell's commands, against a node that has a configuration and nothing else.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/node/node.h"
#include "core/show/document.h"
#include "support/command_forms.h"

namespace flexvpn::node {
namespace {

class Commands : public testing::Test {
 protected:
  Commands() : crypto_(crypto::NewOpensslProvider()), rng_(1) {
    config::ParseResult parsed = config::Parse(R"(
hostname r1
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key a-very-secret-key
crypto ikev2 client flexvpn X1
 peer 1 192.0.2.1
crypto ikev2 proposal X1
 encryption aes-cbc-256
 integrity sha256
 group 14
crypto ikev2 policy X1
 proposal X1
crypto ikev2 authorization policy X1
 pool X1
 route set access-list LAN
crypto ikev2 profile X1
 match identity remote fqdn domain example.net
 match identity remote address 192.0.2.0 255.255.255.0
 identity local fqdn hub.example.net
 authentication local pre-share
 authentication remote pre-share
 keyring local KR
 dpd 10 2 on-demand
 virtual-template 1
crypto ipsec transform-set X1 esp-aes 256 esp-sha512-hmac
 mode tunnel
crypto ipsec profile X1
 set transform-set X1
 set ikev2-profile X1
ip local pool X1 10.0.0.1 10.0.1.254
ipv6 local pool X1 2001:db8::/64 128
ip access-list standard LAN
 permit 172.16.0.0 0.0.255.255
interface Loopback0
 ip address 10.0.255.1 255.255.255.255
interface eth0
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 tunnel source eth0
 tunnel protection ipsec profile X1
interface Tunnel7
 ip address 10.1.0.1 255.255.255.0
 ip nhrp network-id 7
 ip nhrp authentication nhrp-pw
 tunnel source 192.0.2.1
 tunnel destination 198.51.100.1
 tunnel key 77
 tunnel protection ipsec profile X1
)");
    EXPECT_TRUE(parsed.ok());
    node_ = std::make_unique<Node>(Node::Options{}, std::move(parsed.model), rng_, *crypto_);
  }
  // The reply to one line; measurements are answered with nothing.
  Reply Run(const std::string& line, bool privileged = true) {
    Actions actions;
    node_->Handle(Command{7, line, privileged}, Instant{}, actions);
    for (size_t i = 0; i < actions.size(); ++i) {
      if (const auto* m = std::get_if<Measure>(&actions[i])) {
        Measurements answer;
        answer.token = m->token;
        node_->Handle(answer, Instant{}, actions);
      } else if (const auto* r = std::get_if<Reply>(&actions[i])) {
        EXPECT_EQ(r->command, 7u);
        return *r;
      }
    }
    ADD_FAILURE() << "no reply to " << line;
    return {};
  }
  std::string Text(const std::string& line) { return show::RenderText(Run(line).document); }
  // As a session of the control socket types it.
  std::string In(uint64_t session, const std::string& line) {
    Actions actions;
    node_->Handle(Command{7, line, true, session}, Instant{}, actions);
    for (const Action& a : actions)
      if (const auto* r = std::get_if<Reply>(&a)) return show::RenderText(r->document);
    return "no reply";
  }
  void Load(const std::string& config) {
    config::ParseResult parsed = config::Parse(config);
    EXPECT_TRUE(parsed.ok());
    Actions actions;
    node_->Handle(NewConfig{std::move(parsed.model), {}}, Instant{}, actions);
  }
  std::unique_ptr<crypto::Provider> crypto_;
  SeededRng rng_;
  std::unique_ptr<Node> node_;
};

TEST_F(Commands, WordsMayBeAbbreviated) {
  EXPECT_EQ(Run("sh cry ikev2 sa").document.command, Run("show crypto ikev2 sa").document.command);
  EXPECT_TRUE(Run("SH IP NHRP").ok);
}

TEST_F(Commands, AnUnknownWordHasACaretAndWhatFitsThere) {
  const Reply r = Run("show crypto foo");
  EXPECT_FALSE(r.ok);
  EXPECT_EQ(show::RenderText(r.document),
            "show crypto foo\n"
            "            ^\n"
            "% Invalid input detected at '^' marker.\n"
            "  hint: expected 'ikev2', 'session', 'ipsec', 'pki'\n");
  EXPECT_EQ(r.document.data["column"], 13);
  EXPECT_FALSE(Run("").ok);
}

TEST_F(Commands, WhatOnlyTheShellDoesIsSaidPlainly) {
  const Reply r = Run("exit");
  EXPECT_FALSE(r.ok);
  EXPECT_EQ(show::RenderText(r.document), "% 'exit' is a command of the shell, not of the daemon\n");
}

// The tree is what the daemon does: each of its commands has an answer.
TEST_F(Commands, EveryCommandOfTheTreeIsAnswered) {
  size_t forms = 0;
  for (const config::CommandForm& form : config::CommandForms(config::ModeId::kExec)) {
    if (form.command->place != config::Place::kDaemon) continue;
    ++forms;
    const Reply r = Run(form.line);
    EXPECT_EQ(show::RenderText(r.document).find("has no answer"), std::string::npos) << form.line;
    if (absl::StartsWith(form.line, "show ")) {
      EXPECT_TRUE(r.ok) << form.line << "\n" << show::RenderText(r.document);
    }
  }
  EXPECT_GT(forms, 40u);
}

TEST_F(Commands, WhoIsNotPrivilegedSeesNoKeysAndChangesNothing) {
  EXPECT_NE(show::RenderText(Run("show r").document).find("a-very-secret-key"), std::string::npos);
  EXPECT_EQ(show::RenderText(Run("show r", false).document).find("a-very-secret-key"), std::string::npos);
  EXPECT_FALSE(Run("clear ip nhrp", false).ok);
  EXPECT_FALSE(Run("rekey crypto ikev2 sa", false).ok);
  EXPECT_TRUE(Run("clear ip nhrp").ok);
}

TEST_F(Commands, OperatorsAreToldWhichGroupTheyNeed) {
  Node::Options options;
  options.administrators = "wheel";
  node_ = std::make_unique<Node>(options, config::Model(node_->model()), rng_, *crypto_);
  for (const char* line : {"clear ip nhrp", "configure terminal", "commit", "write memory", "show archive", "debug nhrp"}) {
    const Reply r = Run(line, false);
    EXPECT_FALSE(r.ok);
    EXPECT_TRUE(absl::EndsWith(show::RenderText(r.document), "' needs root or membership of the Unix group wheel\n")) << line;
  }
}

TEST_F(Commands, DebuggingIsForAdministratorsAndNeedsAPlaceForItsLines) {
  EXPECT_EQ(show::RenderText(Run("debug crypto ikev2", false).document),
            "% permission denied: 'debug crypto ikev2' needs root\n");
  EXPECT_EQ(Text("debug crypto ikev2"), "% debugging needs a connection that stays open, for the lines to come by\n");
  EXPECT_EQ(Text("show debugging"), "No debugging is on\n");
}

TEST_F(Commands, DebuggingBelongsToTheSessionThatAskedForIt) {
  EXPECT_EQ(In(3, "debug crypto ikev2 packet"), "IKEv2 packet debugging is on\n");
  EXPECT_EQ(In(3, "debug crypto condition peer ipv4 192.0.2.7"), "Condition of debugging set\n");
  EXPECT_EQ(In(3, "debug crypto condition ikev2 profile X1"), "Condition of debugging set\n");
  EXPECT_EQ(In(4, "debug nhrp"), "NHRP protocol debugging is on\n");
  EXPECT_EQ(In(4, "show debugging"),
            "Session 3:\n  IKEv2 packet debugging is on\n  condition: peer 192.0.2.7\n  condition: ikev2 profile X1\n"
            "Session 4 (this one):\n  NHRP protocol debugging is on\n");
  In(3, "no debug crypto condition ikev2 profile X1");
  In(3, "undebug crypto ikev2 packet");
  EXPECT_EQ(In(4, "show debugging").substr(0, 48), "Session 3:\n  condition: peer 192.0.2.7\nSession 4");
  Actions actions;
  node_->Handle(SessionEnded{4}, Instant{}, actions);
  In(3, "debug crypto condition reset");
  EXPECT_EQ(In(3, "show debugging"), "No debugging is on\n");
}

TEST_F(Commands, UndebugAllIsForAllSessionsAndToldToTheOthers) {
  In(3, "debug nhrp");
  In(4, "debug nhrp");
  Actions actions;
  node_->Handle(Command{7, "undebug all", true, 4}, Instant{}, actions);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(std::get<DebugLine>(actions[0]).sessions, std::vector<uint64_t>{3});
  EXPECT_EQ(In(3, "show debugging"), "No debugging is on\n");
}

TEST_F(Commands, ConditionsOfDebuggingAreBounded) {
  for (int i = 0; i < 32; ++i) In(3, absl::StrCat("debug crypto condition peer ipv4 192.0.2.", i));
  EXPECT_EQ(In(3, "debug nhrp"), "NHRP protocol debugging is on\n");
  EXPECT_EQ(In(3, "debug crypto condition peer ipv6 2001:db8::1"), "% no more than 32 conditions\n");
}

// Layouts of IOS XE, values of this node.
TEST_F(Commands, ObjectsOfTheConfigurationAreShownWithTheSmartDefaultsFirst) {
  EXPECT_EQ(Text("show crypto ikev2 proposal"),
            " IKEv2 proposal: default\n"
            "     Encryption : AES-GCM-256 AES-CBC-256\n"
            "     Integrity  : SHA512 SHA384\n"
            "     PRF        : SHA512 SHA384\n"
            "     DH Group   : DH_GROUP_256_ECP/Group 19 DH_GROUP_2048_MODP/Group 14 DH_GROUP_521_ECP/Group 21\n"
            " IKEv2 proposal: X1\n"
            "     Encryption : AES-CBC-256\n"
            "     Integrity  : SHA256\n"
            "     PRF        : SHA256\n"
            "     DH Group   : DH_GROUP_2048_MODP/Group 14\n");
  EXPECT_EQ(Text("show crypto ikev2 policy"),
            " IKEv2 policy : default\n      Match fvrf : any\n      Match address local : any\n"
            "      Proposal    : default\n"
            " IKEv2 policy : X1\n      Match fvrf  : global\n      Match address local : any\n"
            "      Proposal    : X1\n");
  EXPECT_EQ(Text("show crypto ikev2 authorization policy"),
            " IKEv2 Authorization Policy : default\n"
            "     Route set    : interface\n"
            "     Route accept : any, tag 1, distance 2\n"
            " IKEv2 Authorization Policy : X1\n"
            "     Pool         : X1\n"
            "     Route set    : access-list LAN\n"
            "     Route accept : none\n");
  EXPECT_EQ(Text("show crypto ipsec transform-set"),
            "Transform set default: { esp-gcm 256  } \n   will negotiate = { Transport,  }, \n\n"
            "Transform set X1: { esp-256-aes esp-sha512-hmac  } \n   will negotiate = { Tunnel,  }, \n\n");
  EXPECT_EQ(Text("show ip local pool X1"),
            " Pool                     Begin           End                 Free   In use\n"
            " X1                       10.0.0.1        10.0.1.254           510        0\n");
}

TEST_F(Commands, AProfileIsShownWithAllItsLines) {
  EXPECT_EQ(Text("show crypto ikev2 profile X1"),
            "IKEv2 profile: X1\n"
            " Shutdown : No\n"
            " Ref Count: 1\n"
            " Match criteria: \n"
            "  Fvrf: global\n"
            "  Local address/interface: none\n"
            "  Identities: \n"
            "   fqdn domain example.net\n"
            "   address 192.0.2.0 255.255.255.0\n"
            "  Certificate maps: none\n"
            " Local identity: fqdn hub.example.net\n"
            " Remote identity: none\n"
            " Local authentication method: pre-share\n"
            " Remote authentication method(s): pre-share\n"
            " EAP options: none\n"
            " Keyring: KR\n"
            " Trustpoint(s): none\n"
            " Lifetime: 86400 seconds\n"
            " DPD: configured for 10 seconds, retry 2, on-demand\n"
            " NAT-keepalive: disabled\n"
            " Ivrf: none\n"
            " Virtual-template: 1\n"
            " mode auto: none\n"
            " AAA AnyConnect EAP authentication mlist: none\n"
            " AAA EAP authentication mlist: none\n"
            " AAA authentication mlist: none\n"
            " AAA Accounting: none\n"
            " AAA group authorization: none\n"
            " AAA user authorization: none\n");
  EXPECT_EQ(Text("show crypto ipsec profile X1"),
            "IPSEC profile X1\n"
            "IKEv2 Profile: X1\n"
            "Security association lifetime: 4608000 kilobytes/3600 seconds\n"
            "Dualstack (Y/N): N\n"
            "Responder-Only (Y/N): N\n"
            "PFS (Y/N): N\n"
            "Mixed-mode : Disabled\n"
            "Transform sets={ \n"
            "X1:  { esp-256-aes esp-sha512-hmac  } , \n"
            "}\n");
}

TEST_F(Commands, DefaultsAreMarkedAndSaidToBeOffWhenTheyAre) {
  const auto mark = [&] {
    return Run("show crypto ikev2 proposal default").document.data["ike_proposals"][0]["smart_default"];
  };
  EXPECT_EQ(mark(), "unchanged");
  EXPECT_EQ(Run("show crypto ikev2 proposal X1").document.data["ike_proposals"][0]["smart_default"], nullptr);
  Load("crypto ikev2 proposal default\n group 19\n");
  EXPECT_EQ(mark(), "modified");
  EXPECT_NE(Text("show crypto ikev2 proposal").find(" IKEv2 proposal: default (modified)\n"), std::string::npos);
  Load("no crypto ikev2 authorization policy default\n");
  EXPECT_EQ(Text("show crypto ikev2 authorization policy default"),
            "% the default IKEv2 authorization policy is disabled by the configuration\n");
  EXPECT_EQ(Text("show crypto ipsec profile P9"), "% no IPsec profile is called P9\n");
}

TEST_F(Commands, AnInterfaceIsShownWithoutAPeerToo) {
  const std::string text = Text("show interfaces Tunnel7");
  EXPECT_EQ(text.find("Tunnel7 is down, line protocol is down\n"), 0u) << text;
  EXPECT_NE(text.find("  Tunnel source 192.0.2.1, destination 198.51.100.1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    Key 77, sequencing disabled\n"), std::string::npos) << text;
  EXPECT_EQ(Text("show interfaces virtual-access 5"),
            "% there is no Tunnel or Virtual-Access interface Virtual-Access5\n");
}

TEST_F(Commands, TechSupportHasEverySectionAndNoSecretEvenForRoot) {
  const std::string text = Text("show tech-support");
  EXPECT_EQ(text.find("a-very-secret-key"), std::string::npos);
  EXPECT_EQ(text.find("nhrp-pw"), std::string::npos);
  for (const char* words : {"show version", "show running-config", "show crypto ikev2 stats exchange", "show logging"})
    EXPECT_NE(text.find(absl::StrCat("\n------------------ ", words, " ------------------\n\n")), std::string::npos)
        << words;
  EXPECT_NE(text.find("crypto ikev2 keyring KR"), std::string::npos);
  EXPECT_EQ(text.find("has no answer"), std::string::npos);
}

TEST_F(Commands, ReconcileTellsWhatTheKernelRefused) {
  Actions actions;
  node_->Handle(LocalNetwork{{{"eth0", *net::IpAddress::Parse("192.0.2.1"), 24}}, {}}, Instant{}, actions);
  const auto apply = std::find_if(actions.begin(), actions.end(),
                                  [](const Action& a) { return std::holds_alternative<Apply>(a); });
  ASSERT_NE(apply, actions.end());
  EXPECT_NE(Text("show dataplane reconcile").find("Changes: 0 applied, 0 refused, 1 under way\n"), std::string::npos);
  node_->Handle(ApplyDone{std::get<Apply>(*apply).token, absl::InternalError("device flex-gre0: not permitted")},
                Instant{}, actions);
  const std::string text = Text("show dataplane reconcile");
  EXPECT_NE(text.find("Changes: 0 applied, 1 refused, 0 under way\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Last refusal: device flex-gre0: not permitted (00:00:00 ago)\n"), std::string::npos) << text;
}

TEST_F(Commands, DerivedConfigHidesSecretsFromOperators) {
  EXPECT_NE(Text("show derived-config interface Tunnel7").find(" ip nhrp authentication nhrp-pw\n"), std::string::npos);
  EXPECT_EQ(show::RenderText(Run("show derived-config interface Tunnel7", false).document).find("nhrp-pw"),
            std::string::npos);
}

TEST_F(Commands, TheLogIsKeptUpToItsLimitAndWithoutDebugLines) {
  Load("debug crypto ikev2 keylog /var/lib/flexvpn/keys\n");
  const auto log = [&] { return Run("show logging").document.data; };
  const show::Json before = log()["log"];
  EXPECT_TRUE(std::any_of(before.begin(), before.end(), [](const show::Json& l) { return l["level"] == "warning"; }));
  EXPECT_EQ(log()["dropped"], 0);
  for (int i = 0; i < 300; ++i) Load("debug crypto ikev2 keylog /var/lib/flexvpn/" + std::to_string(i) + "\n");
  EXPECT_EQ(log()["log"].size(), 500u);
  EXPECT_GT(log()["dropped"], 0);
  EXPECT_NE(Text("show logging").find("/var/lib/flexvpn/299"), std::string::npos);
}

TEST_F(Commands, ClearingOnePeerNeedsAnAddress) {
  EXPECT_FALSE(Run("clear crypto ikev2 sa remote nonsense").ok);
  EXPECT_TRUE(Run("clear crypto ikev2 sa remote 192.0.2.1").ok);
}

TEST_F(Commands, AKeyLogIsWarnedOfInTheLogAndInEveryAnswer) {
  EXPECT_EQ(show::RenderText(Run("show crypto ikev2 sa").document).find("Warning"), std::string::npos);
  config::ParseResult with = config::Parse("debug crypto ikev2 keylog /var/lib/flexvpn/keys\n");
  ASSERT_TRUE(with.ok());
  Actions actions;
  node_->Handle(NewConfig{with.model, {}}, Instant{}, actions);
  const auto warned = [](const Action& a) {
    const auto* log = std::get_if<Log>(&a);
    return log != nullptr && log->level == Log::Level::kWarning &&
           log->text.find("WRITTEN TO /var/lib/flexvpn/keys") != std::string::npos;
  };
  EXPECT_TRUE(std::any_of(actions.begin(), actions.end(), warned));
  for (const char* command : {"show crypto ikev2 sa", "show version", "show dataplane drops"}) {
    const show::Document d = Run(command).document;
    EXPECT_EQ(show::RenderText(d).find("Warning: THE KEYS OF ALL IKE SAs ARE WRITTEN TO /var/lib/flexvpn/keys"), 0u) << command;
    EXPECT_EQ(d.data["warnings"].size(), 1u) << command;
  }
  EXPECT_NE(show::RenderText(Run("show running-config").document).find("debug crypto ikev2 keylog /var/lib/flexvpn/keys"),
            std::string::npos);
}

}  // namespace
}  // namespace flexvpn::node
