// SPDX-License-Identifier: Apache-2.0
// Output filters: how a line is cut at its '|', and what each filter lets through.
#include "app/shell/pipe.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::shell {
namespace {

constexpr char kConfig[] =
    "hostname hub\n"
    "interface Tunnel0\n"
    " ip mtu 1400\n"
    " tunnel source eth0\n"
    "vrf definition RED\n"
    " address-family ipv4\n"
    "  route-target export 1:1\n"
    " exit-address-family\n"
    "end\n";

std::string Filtered(const std::string& line) {
  const Piped p = SplitPipes(line);
  EXPECT_EQ(p.error.message, "") << line;
  return ApplyFilters(p.filters, kConfig);
}

TEST(SplitPipes, LeavesALineWithoutPipeAlone) {
  const Piped p = SplitPipes("show version");
  EXPECT_EQ(p.command, "show version");
  EXPECT_EQ(p.pipe, std::string::npos);
  EXPECT_TRUE(p.filters.empty());
}

TEST(SplitPipes, TakesAbbreviationsAndNeedsNoBlanks) {
  const Piped p = SplitPipes("sh run|i mtu");
  EXPECT_EQ(p.command, "sh run");
  ASSERT_EQ(p.filters.size(), 1u);
  EXPECT_EQ(p.filters[0].kind, FilterKind::kInclude);
}

TEST(SplitPipes, AnExpressionMayHoldAlternativesAndAFurtherFilterFollowsABlank) {
  EXPECT_EQ(SplitPipes("show run | include mtu|source").filters.size(), 1u);
  const Piped p = SplitPipes("show run | json | exclude a|b | count x");
  ASSERT_EQ(p.filters.size(), 3u);
  EXPECT_EQ(p.filters[0].kind, FilterKind::kJson);
  EXPECT_EQ(p.filters[2].kind, FilterKind::kCount);
}

TEST(SplitPipes, PointsAtWhatIsWrong) {
  EXPECT_EQ(SplitPipes("show run | frobnicate x").error.column, 12);
  EXPECT_EQ(SplitPipes("show run | include (").error.column, 20);
  EXPECT_EQ(SplitPipes("show run | count x | json").error.column, 22);
  EXPECT_EQ(SplitPipes("show run | json x").error.column, 17);
  for (const char* line : {"show run |", "show run | ", "show run | include", "show run | json |"})
    EXPECT_EQ(SplitPipes(line).error.message, "Incomplete command.") << line;
}

TEST(Filters, IncludeAndExcludeAreEachOthersRest) {
  EXPECT_EQ(Filtered("show run | include mtu|source"), " ip mtu 1400\n tunnel source eth0\n");
  EXPECT_EQ(Filtered("show run | exclude ^ |^(interface|vrf|end)"), "hostname hub\n");
}

TEST(Filters, BeginGoesOnToTheEnd) {
  EXPECT_EQ(Filtered("show run | begin exit-"), " exit-address-family\nend\n");
}

TEST(Filters, CountSaysItAsIosDoes) {
  EXPECT_EQ(Filtered("show run | count ^[ ]"), "Number of lines which match regexp = 5\n");
  EXPECT_EQ(Filtered("show run | count nothing"), "Number of lines which match regexp = 0\n");
}

TEST(Filters, SectionTakesWhatBelongsToAMatch) {
  EXPECT_EQ(Filtered("show run | section interface"),
            "interface Tunnel0\n ip mtu 1400\n tunnel source eth0\n");
  EXPECT_EQ(Filtered("show run | section route-target"),
            "vrf definition RED\n address-family ipv4\n  route-target export 1:1\n");
  EXPECT_EQ(
      Filtered("show run | section vrf|mtu"),
      "interface Tunnel0\n ip mtu 1400\nvrf definition RED\n address-family ipv4\n  route-target export 1:1\n"
      " exit-address-family\n");
}

TEST(Filters, WorkOneAfterTheOther) {
  EXPECT_EQ(Filtered("show run | section interface | exclude mtu | include ^[ ]"), " tunnel source eth0\n");
}

TEST(Filters, ALongLineAndNastyExpressionAreNoMatterOfTheStack) {
  const Piped p = SplitPipes("show run | include (a*)*b");
  EXPECT_EQ(ApplyFilters(p.filters, std::string(100000, 'a') + "\n"), "");
}

TEST(PipeHelp, OffersTheFiltersAndThenAnExpression) {
  const auto words = [](const char* line) {
    std::vector<std::string> out;
    for (const auto& i : HelpForPipe(line).items) out.push_back(i.word);
    return out;
  };
  using testing::ElementsAre;
  EXPECT_THAT(words("show run | "), ElementsAre("begin", "count", "exclude", "include", "json", "section"));
  EXPECT_THAT(words("show run | in"), ElementsAre("include"));
  EXPECT_THAT(words("show run | in "), ElementsAre("LINE"));
  EXPECT_THAT(words("show run | json | s"), ElementsAre("section"));
  EXPECT_EQ(HelpForPipe("show run | foo ").column, 12);
}

}  // namespace
}  // namespace flexvpn::shell
