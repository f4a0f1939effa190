// SPDX-License-Identifier: Apache-2.0
#include "app/shell/pager.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace flexvpn::shell {
namespace {

std::string Lines(int from, int to) {
  std::string out;
  for (int i = from; i <= to; ++i) absl::StrAppend(&out, i, "\n");
  return out;
}

TEST(Pager, LeavesOneRowForTheQuestion) {
  Pager p(Lines(1, 50), 24, 80);
  EXPECT_EQ(p.Page(), Lines(1, 23));
  EXPECT_EQ(p.Line(), "24\n");
  EXPECT_EQ(p.Page(), Lines(25, 47));
  EXPECT_FALSE(p.done());
  EXPECT_EQ(p.Page(), Lines(48, 50));
  EXPECT_TRUE(p.done());
}

TEST(Pager, WhatFitsIsNotAskedAbout) {
  Pager p(Lines(1, 23), 24, 80);
  EXPECT_EQ(p.Page(), Lines(1, 23));
  EXPECT_TRUE(p.done());
}

TEST(Pager, LengthZeroIsEverythingAtOnce) {
  Pager p(Lines(1, 5000), 0, 80);
  EXPECT_EQ(p.Page(), Lines(1, 5000));
  EXPECT_TRUE(p.done());
}

TEST(Pager, AWrappedLineTakesItsRows) {
  const std::string line(100, 'x');
  Pager p(absl::StrCat(line, "\n", line, "\n", line, "\n"), 6, 40);  // three rows each, five to fill
  EXPECT_EQ(p.Page(), absl::StrCat(line, "\n"));
  EXPECT_EQ(p.Page(), absl::StrCat(line, "\n"));
}

TEST(Pager, AlwaysGetsOn) {
  for (int rows : {1, 2}) {
    Pager p(std::string(1000, 'x') + "\nlast", rows, 10);
    EXPECT_EQ(p.Page(), std::string(1000, 'x') + "\n");
    EXPECT_EQ(p.Page(), "last");
    EXPECT_TRUE(p.done());
  }
}

TEST(RowsOf, CountsCodePoints) {
  EXPECT_EQ(RowsOf("", 80), 1);
  EXPECT_EQ(RowsOf(std::string(80, 'x'), 80), 1);
  EXPECT_EQ(RowsOf(std::string(81, 'x'), 80), 2);
  EXPECT_EQ(RowsOf("äöü", 3), 1);
  EXPECT_EQ(RowsOf(std::string(500, 'x'), 0), 1);
}

}  // namespace
}  // namespace flexvpn::shell
