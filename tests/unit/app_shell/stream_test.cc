// SPDX-License-Identifier: Apache-2.0
#include "app/shell/stream.h"

#include <gtest/gtest.h>

namespace flexvpn::shell {
namespace {

TEST(EventLine, HasTimeFacilityAndText) {
  const std::string event =
      R"({"version":1,"event":"debug","time":1732646400123,"facility":"IKEv2-PAK","text":"Received x"})";
  EXPECT_EQ(EventLine(event, false), "Nov 26 18:40:00.123: IKEv2-PAK: Received x\n");
  EXPECT_EQ(EventLine(event, true), event + "\n");
}

TEST(EventLine, OfLostLinesTellsHowMany) {
  EXPECT_EQ(EventLine(R"({"version":1,"event":"lost","lines":17})", false),
            "% 17 lines of debugging were dropped: this end reads too slowly\n");
}

TEST(EventLine, PassesOverWhatItDoesNotKnowAndKeepsControlCharactersOut) {
  EXPECT_EQ(EventLine(R"({"event":"weather"})", false), "");
  EXPECT_EQ(EventLine("no json", false), "");
  EXPECT_EQ(EventLine(R"({"event":"debug","time":-5,"facility":"X","text":"a\u001b[2Jb"})", false),
            "Jan  1 00:00:00.000: X: a?[2Jb\n");
}

TEST(IsDebugCommand, KnowsAbbreviations) {
  for (const char* yes : {"deb cry ike err", "undeb all", "no deb all", "show debugging", "sh debu"})
    EXPECT_TRUE(IsDebugCommand(yes)) << yes;
  for (const char* no : {"show derived-config interface Tunnel0", "", "clear ip nhrp", "debug", "no"})
    EXPECT_FALSE(IsDebugCommand(no)) << no;
}

}  // namespace
}  // namespace flexvpn::shell
