// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/config/lexer.h"
#include "core/show/document.h"

namespace flexvpn::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Body(const show::Json& lines) { return show::Json{{"version", 1}, {"command", "commit"}, {"lines", lines}}.dump(); }
std::string Refusal(const std::string& body) {
  const auto r = ReadRequest(body);
  return r.ok() ? "" : std::string(r.status().message());
}

TEST(Request, CarriesACommandAndLines) {
  const auto r = ReadRequest(Body({"interface Tunnel0", "  ip mtu 1380", ""}));
  ASSERT_TRUE(r.ok()) << r.status();
  EXPECT_EQ(r->command, "commit");
  EXPECT_THAT(r->lines, ElementsAre("interface Tunnel0", "  ip mtu 1380", ""));
  EXPECT_THAT(ReadRequest(R"({"version": 1, "command": "show version"})")->lines, IsEmpty());
}

TEST(Request, NamesTheFormOfTheAnswer) {
  EXPECT_EQ(ReadRequest(R"({"version": 1, "command": "show version"})")->form, AnswerForm::kBoth);
  EXPECT_EQ(ReadRequest(R"({"version": 1, "command": "show version", "form": "text"})")->form, AnswerForm::kText);
  EXPECT_EQ(ReadRequest(R"({"version": 1, "command": "show version", "form": "json"})")->form, AnswerForm::kJson);
}

TEST(Event, OfDebuggingIsOneObjectWhateverTheText) {
  EXPECT_EQ(DebugEvent(1732646400123, "IKEv2", "called by \"x\""),
            R"({"version":1,"event":"debug","time":1732646400123,"facility":"IKEv2","text":"called by \"x\""})");
  EXPECT_TRUE(show::Json::accept(DebugEvent(0, "NHRP", "\xff\xfe")));
}

TEST(Request, OfAnotherShapeIsRefused) {
  for (const char* body : {"", "[]", "{}", R"({"version": 1})", R"({"version": 1, "command": 5})", R"({"command": "x"})",
                           R"({"version": 1, "command": "commit", "lines": "x"})",
                           R"({"version": 1, "command": "commit", "lines": [1]})",
                           R"({"version": 1, "command": "show version", "form": "xml"})",
                           R"({"version": 1, "command": "commit", "lines": [["x"]]})"})
    EXPECT_THAT(Refusal(body), HasSubstr("malformed request")) << body;
  EXPECT_THAT(Refusal(R"({"version": 2, "command": "x"})"), HasSubstr("version 1"));
}

TEST(Request, IsBoundedAsTheLanguageIs) {
  EXPECT_EQ(Refusal(Body({std::string(config::kMaxLineBytes, 'x')})), "");
  EXPECT_THAT(Refusal(Body({"a", std::string(config::kMaxLineBytes + 1, 'x')})), HasSubstr("line 2 of \"lines\": longer than"));
  EXPECT_THAT(Refusal(Body({"two\nlines"})), HasSubstr("a line end"));
  EXPECT_THAT(Refusal(Body({std::string("a\0b", 3)})), HasSubstr("zero octet"));
  EXPECT_THAT(Refusal(Body(std::vector<std::string>(config::kMaxLines + 1))), HasSubstr("more than 200000 lines"));
  const size_t too_many = config::kMaxTextBytes / config::kMaxLineBytes + 1;
  EXPECT_THAT(Refusal(Body(std::vector<std::string>(too_many, std::string(config::kMaxLineBytes, 'x')))), HasSubstr("16 MiB"));
}

}  // namespace
}  // namespace flexvpn::app
