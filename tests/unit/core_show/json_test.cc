// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <sstream>

#include "core/show/config_rows.h"
#include "core/show/rows.h"
#include "core/show/state_rows.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::show {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<Document> OneOfEach() {
  NhrpRow shortcut;
  shortcut.flags = {"rib"};
  VersionInfo version;
  version.features = {{"xfrm", true, ""}};
  IkeSessionRow session;
  session.children.resize(1);
  session.children[0].local.resize(1);
  session.children[0].remote.resize(1);
  CryptoSessionRow crypto_session;
  crypto_session.flows.resize(1);
  const std::vector<ExchangeRow> one(1);
  const IkeExchangesRow exchanges{one, one, one, {ConfigPayloadRow()}, {OtherCountRow()}};
  ReconcileRow reconcile;
  reconcile.kinds.resize(1);
  ProposalRow proposal;
  proposal.encryption.resize(1);
  IpsecProfileRow ipsec_profile;
  ipsec_profile.transform_sets.resize(1);
  return {MakeIkeSas({IkeSaRow()}, true),
          MakeIkeSessions({session}, true),
          MakeIpsecSas({IpsecSaRow()}),
          MakeNhrp({NhrpRow()}),
          MakeNhrpShortcuts({shortcut}),
          MakeRoutes({RouteRow()}),
          MakePeers({PeerRow()}),
          MakeKernelSas({KernelSaRow()}),
          MakeDrops({DropRow()}),
          MakeOffload({OffloadRow()}),
          MakeDevices({DeviceRow()}),
          MakeVersion(version),
          MakeRunningConfig("hostname r\n"),
          MakeCryptoSessions({crypto_session}, SessionForm::kPlain),
          MakeCryptoSessions({crypto_session}, SessionForm::kBrief),
          MakeCryptoSessions({crypto_session}, SessionForm::kDetail),
          MakeIkeStats({}),
          MakeIkeExchanges(exchanges),
          MakeIkeErrors({IkeErrorRow()}, 32, 0),
          MakeNhrpTraffic({NhrpTrafficRow()}),
          MakeNhrpFlags(),
          MakeInterface({}),
          MakeDerivedConfig({}),
          MakeReconcile(reconcile),
          MakeLogging({LogRow()}, 500, 0),
          MakeTechSupport({{"show version", MakeVersion(version)}, {"show ip nhrp", MakeNhrp({NhrpRow()})}}),
          MakeProposals({proposal}),
          MakePolicies({PolicyRow()}),
          MakeProfiles({ProfileRow()}),
          MakeAuthorizationPolicies({AuthorizationPolicyRow()}),
          MakeTransformSets({TransformSetRow()}),
          MakeIpsecProfiles({ipsec_profile}),
          MakePools({PoolRow()}), MakeIpv6Pools({PoolRow()}),
          MakeError("no such command"),
          MakeMessage("cleared")};
}

void Keys(const Json& j, std::vector<std::string>* out) {
  if (j.is_array())
    for (const Json& v : j) Keys(v, out);
  if (!j.is_object()) return;
  for (const auto& [key, v] : j.items()) {
    out->push_back(key);
    Keys(v, out);
  }
}

TEST(ShowJson, EveryKeyIsSnakeCaseAndDocumented) {
  std::ifstream in(FLEXVPN_SOURCE_DIR "/docs/show-json.md");
  std::stringstream doc;
  doc << in.rdbuf();
  for (Document& d : OneOfEach()) {
    std::vector<std::string> keys;
    Keys(Data(d), &keys);
    EXPECT_FALSE(keys.empty()) << d.command;
    for (const std::string& k : keys) {
      EXPECT_EQ(k.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << k;
      EXPECT_THAT(doc.str(), HasSubstr("`" + k + "`")) << d.command;
    }
  }
}

TEST(ShowJson, FormsOfValues) {
  IkeSaRow r;
  r.local = {*net::IpAddress::Parse("2001:db8::1"), 4500};
  r.local_spi = 0xabc;
  r.encr = 20;
  r.key_bits = 256;
  r.lifetime = seconds(86400);
  Document d = MakeIkeSas({r}, false);
  const Json sa = Data(d)["ike_sas"][0];
  EXPECT_EQ(sa["local_address"], "2001:db8::1");
  EXPECT_EQ(sa["local_port"], 4500);
  EXPECT_EQ(sa["remote_address"], nullptr);
  EXPECT_EQ(sa["local_spi"], "0x0000000000000abc");
  EXPECT_EQ(sa["lifetime_seconds"], 86400);
  EXPECT_EQ(sa["pushed_address"], nullptr);
  EXPECT_EQ(sa["remote_subnets"], Json::array());
  IpsecSaRow c;
  c.bytes_in = ~uint64_t{0};
  EXPECT_EQ(MakeIpsecSas({c}).data["ipsec_sas"][0]["bytes_in"].get<uint64_t>(), ~uint64_t{0});
}

TEST(ShowJson, DetailedChangesOnlyTheText) {
  EXPECT_EQ(RenderJson(MakeIkeSas({IkeSaRow()}, true)), RenderJson(MakeIkeSas({IkeSaRow()}, false)));
  EXPECT_NE(RenderText(MakeIkeSas({IkeSaRow()}, true)), RenderText(MakeIkeSas({IkeSaRow()}, false)));
}

TEST(ShowJson, OctetsOfAPeerAreMadePrintable) {
  IkeSaRow r;
  r.remote_id = std::string("evil\x1b[2J\n\xff\0x", 12);
  const Document d = MakeIkeSas({r}, true);
  for (const std::string& out : {RenderText(d), RenderJson(d)}) {
    EXPECT_THAT(out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(out, Not(HasSubstr("\xff")));
    EXPECT_THAT(out, HasSubstr("x1b[2J"));
  }
}

// The shell renders text from JSON that came over a socket: nothing in it may end the process.
TEST(ShowText, SurvivesAnyJson) {
  const std::vector<Json> values = {nullptr, true, 7, -1, 1.5, "text", Json::array(), Json::array({1, "a", nullptr}),
                                    Json::object(), Json::array({Json::object()})};
  for (const Document& good : OneOfEach()) {
    for (const Json& v : values) {
      (void)RenderText({good.command, v});
      Document d = good;
      if (!d.data.is_object()) continue;
      for (const auto& [key, old] : good.data.items()) {
        d.data[key] = v;
        (void)RenderText(d);
        if (!old.is_array() || old.empty() || !old[0].is_object()) continue;
        for (const auto& [inner, unused] : old[0].items()) {
          d.data[key] = old;
          d.data[key][0][inner] = v;
          (void)RenderText(d);
        }
      }
    }
  }
}

TEST(ShowText, ErrorsMessagesAndUnknownCommands) {
  EXPECT_EQ(RenderText(MakeError("no such command")), "% no such command\n");
  EXPECT_EQ(RenderText(MakeMessage("cleared 3 SAs")), "cleared 3 SAs\n");
  EXPECT_EQ(RenderText(MakeRunningConfig("hostname r\n")), "hostname r\n");
  EXPECT_EQ(RenderText({"something new", Json{{"a", 1}, {"b", {{{"c", "x"}}}}}}), "a: 1\nb:\n  c: x\n\n");
}

}  // namespace
}  // namespace flexvpn::show
