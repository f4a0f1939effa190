// SPDX-License-Identifier: Apache-2.0
// The shell's commands, against a node that has a configuration and nothing else.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/node/node.h"
#include "core/show/document.h"

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
            "  hint: expected 'ikev2', 'ipsec', 'pki'\n");
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
  for (const char* line :
       {"sh cry ike sa", "sh cry ike sa det", "sh cry ike ses", "sh cry ike ses det", "sh cry ips sa", "sh cry pki cert",
        "sh ip nh", "sh ip nh sh", "sh ip ro fl", "sh data", "sh data p", "sh data s", "sh data dr", "sh data o",
        "sh data de", "sh run", "sh run all", "sh ver", "cl cry ike sa", "cl cry ike sa rem 192.0.2.1", "cl ip nh",
        "rek cry ike sa", "rek cry ips sa"})
    EXPECT_TRUE(Run(line).ok) << line;
}

TEST_F(Commands, WhoIsNotPrivilegedSeesNoKeysAndChangesNothing) {
  EXPECT_NE(show::RenderText(Run("show r").document).find("a-very-secret-key"), std::string::npos);
  EXPECT_EQ(show::RenderText(Run("show r", false).document).find("a-very-secret-key"), std::string::npos);
  EXPECT_FALSE(Run("clear ip nhrp", false).ok);
  EXPECT_FALSE(Run("rekey crypto ikev2 sa", false).ok);
  EXPECT_TRUE(Run("clear ip nhrp").ok);
}

TEST_F(Commands, EveryShowAnswersOnAnEmptyNodeInBothForms) {
  for (const char* line : {"show crypto ikev2 sa detailed", "show crypto ikev2 session detailed", "show crypto ipsec sa",
                           "show ip nhrp shortcut", "show ip route flexvpn", "show dataplane", "show dataplane drops",
                           "show version", "show running-config all"}) {
    const Reply r = Run(line);
    EXPECT_TRUE(r.ok) << line;
    show::RenderText(r.document);  // a list without rows prints nothing, as IOS does
    EXPECT_FALSE(show::RenderJson(r.document).empty()) << line;
  }
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
