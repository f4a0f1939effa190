// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "app/daemon/config_file.h"
#include "app/daemon/files.h"
#include "scratch.h"

namespace flexvpn::app {
namespace {

using ::testing::HasSubstr;

std::string Revision(const Archive& a, size_t n) {
  const auto text = a.Read(n);
  return text.ok() ? std::string(TextOf(*text)) : std::string(text.status().message());
}

TEST(Archive, KeepsTheLastTwentyAndSurvivesARestart) {
  Scratch dir;
  const std::string path = dir.path() + "/state/default/rollback";
  Archive a(path);
  EXPECT_TRUE(a.List()->empty());
  for (int i = 1; i <= 25; ++i) ASSERT_TRUE(a.Add(AsView(absl::StrCat("version ", i))).ok());
  const Archive again(path);
  ASSERT_EQ(again.List()->size(), Archive::kKept);
  EXPECT_EQ(Revision(again, 1), "version 25");
  EXPECT_EQ(Revision(again, 20), "version 6");
  EXPECT_EQ(Revision(again, 21), "no revision 21: 1 to 20 are kept");
  EXPECT_EQ(Revision(again, 0), "no revision 0: 1 to 20 are kept");
  size_t files = 0;
  for (const auto& e : std::filesystem::directory_iterator(path)) {
    EXPECT_EQ(ModeOf(e.path()), 0600u) << e.path();
    ++files;
  }
  EXPECT_EQ(files, Archive::kKept);
  EXPECT_EQ(ModeOf(path), 0700u);
  EXPECT_EQ(ModeOf(dir.path() + "/state"), 0700u);
}

TEST(Archive, WhatACrashLeftIsNoVersion) {
  Scratch dir;
  Archive a(dir.path());
  ASSERT_TRUE(a.Add(AsView("one")).ok());
  Spill(dir.path() + "/0000000002.conf.new", "half of tw");  // written, not renamed
  Spill(dir.path() + "/notes.conf", "mine");
  Spill(dir.path() + "/-3.conf", "x");
  std::filesystem::create_directory(dir.path() + "/0000000009.conf");
  EXPECT_EQ(a.List()->size(), 1u);
  EXPECT_EQ(Revision(a, 1), "one");
  ASSERT_TRUE(a.Add(AsView("two")).ok());
  EXPECT_EQ(Revision(a, 1), "two");
  EXPECT_EQ(Slurp(dir.path() + "/0000000002.conf"), "two");
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/0000000002.conf.new"));
  EXPECT_EQ(Slurp(dir.path() + "/notes.conf"), "mine");
}

TEST(Archive, ADirectoryThatIsNoneIsAnErrorThatNamesIt) {
  Scratch dir;
  Spill(dir.path() + "/file", "");
  Archive a(dir.path() + "/file/rollback");
  const absl::Status s = a.Add(AsView("x"));
  EXPECT_FALSE(s.ok());
  EXPECT_THAT(std::string(s.message()), HasSubstr(dir.path() + "/file"));
  EXPECT_FALSE(Archive(dir.path() + "/file").List().ok());
  EXPECT_FALSE(Archive(dir.path() + "/file").Read(1).ok());
}

TEST(WriteFileAtomically, LeavesTheOldFileWhereItCannotWriteTheNewOne) {
  Scratch dir;
  const std::string path = dir.path() + "/f";
  ASSERT_TRUE(WriteFileAtomically(path, AsView("old")).ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  // The name beside it is taken by what cannot be unlinked.
  std::filesystem::create_directory(path + ".new");
  EXPECT_FALSE(WriteFileAtomically(path, AsView("new")).ok());
  EXPECT_EQ(Slurp(path), "old");
  std::filesystem::remove(path + ".new");
  // A link in the way is replaced, what it leads to is not written.
  std::filesystem::create_symlink(dir.path() + "/elsewhere", path + ".new");
  ASSERT_TRUE(WriteFileAtomically(path, AsView("new")).ok());
  EXPECT_EQ(Slurp(path), "new");
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/elsewhere"));
}

TEST(ReadFile, HasALimit) {
  Scratch dir;
  Spill(dir.path() + "/f", std::string(200000, 'x'));
  EXPECT_EQ(ReadFile(dir.path() + "/f", 200000)->size(), 200000u);
  EXPECT_FALSE(ReadFile(dir.path() + "/f", 199999).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadFile(dir.path() + "/none", 10).status()));
}

}  // namespace
}  // namespace flexvpn::app
