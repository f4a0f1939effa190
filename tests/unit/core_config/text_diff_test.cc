// SPDX-License-Identifier: Apache-2.0
#include "core/config/text_diff.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/model.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::HasSubstr;

TEST(DiffText, ShowsWhatChangedUnderTheHeadsOfItsBlocks) {
  const std::string before = "hostname hub\ncrypto ikev2 keyring K\n peer A\n  address 192.0.2.1\n  pre-shared-key 0 a\n !\n peer B\n"
                             "  address 192.0.2.2\n  pre-shared-key 0 b\n !\n!\ninterface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n"
                             " ip mtu 1400\n tunnel source eth0\n!\ninterface Tunnel1\n ip mtu 1400\n!\nend\n";
  const std::string after = "hostname hub\ncrypto ikev2 keyring K\n peer A\n  address 192.0.2.1\n  pre-shared-key 0 a\n !\n peer B\n"
                            "  address 192.0.2.2\n  pre-shared-key 0 c\n !\n peer D\n  address 192.0.2.4\n !\n!\ninterface Tunnel0\n"
                            " ip address 10.0.0.1 255.255.255.0\n ip mtu 1380\n tunnel source eth0\n!\nend\n";
  EXPECT_EQ(DiffText(before, after), R"( crypto ikev2 keyring K
  peer B
-  pre-shared-key 0 b
+  pre-shared-key 0 c
+ peer D
+  address 192.0.2.4
 interface Tunnel0
- ip mtu 1400
+ ip mtu 1380
-interface Tunnel1
- ip mtu 1400
)");
  EXPECT_EQ(DiffText(after, after), "");
}

TEST(DiffText, KeepsTheOrderOfLinesThatMoved) {
  EXPECT_EQ(DiffText("a\nb\nc\nd\n", "b\nc\nd\na\n"), "-a\n+a\n");
  EXPECT_EQ(DiffText("l\n x\n x\n y\n", "l\n x\n y\n"), " l\n- x\n");  // twins
  EXPECT_EQ(DiffText("", "a\n b\n"), "+a\n+ b\n");
  EXPECT_EQ(DiffText("a\n b\n", ""), "-a\n- b\n");
}

TEST(DiffText, ABannerIsOneThing) {
  const std::string one = "hostname a\nbanner motd ^Cline\ninterface X\n!\nend^C\nhostname b\n";
  const std::string two = "hostname a\nbanner motd ^Cline\ninterface Y\n!\nend^C\nhostname b\n";
  EXPECT_EQ(DiffText(one, two), "-banner motd ^Cline\n-interface X\n-!\n-end^C\n+banner motd ^Cline\n+interface Y\n+!\n+end^C\n");
  EXPECT_EQ(DiffText("banner motd ^Cnever ends\nhostname a\n", ""), "-banner motd ^Cnever ends\n-hostname a\n");
}

// Whatever the text is like: what is printed with '-' is in the one, with '+' in the other, and nothing is missing.
TEST(DiffText, OfAnyTwoExamplesHoldsEveryLineThatOneOfThemLacks) {
  for (const auto& a : Configs()) {
    const std::string x = Render(Parse(ReadFile(a)).model, false, true);
    EXPECT_EQ(DiffText(x, x), "") << a;
    for (const auto& b : Configs()) {
      const std::string y = Render(Parse(ReadFile(b)).model, false, true);
      const std::string diff = DiffText(x, y);
      EXPECT_EQ(diff.empty(), x == y) << a << b;
      std::istringstream lines(diff);
      for (std::string line; std::getline(lines, line);) {
        ASSERT_FALSE(line.empty());
        const std::string whole = absl::StrCat("\n", line.substr(1), "\n");
        const bool in_x = absl::StrContains(absl::StrCat("\n", x), whole), in_y = absl::StrContains(absl::StrCat("\n", y), whole);
        EXPECT_TRUE(line[0] == '+' || in_x) << line;
        EXPECT_TRUE(line[0] == '-' || in_y) << line;
      }
    }
  }
}

TEST(DiffText, DepthIsBounded) {
  std::string deep;
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&deep, std::string(static_cast<size_t>(i), ' '), "x\n");
  EXPECT_THAT(DiffText(deep, ""), HasSubstr("-x\n- x\n"));
  EXPECT_EQ(DiffText(deep, deep), "");
}

}  // namespace
}  // namespace flexvpn::config
