// SPDX-License-Identifier: Apache-2.0
// docs/show-json.md against the answers of a living overlay: every show command is there, and says the keys it has.
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/command_forms.h"

namespace flexvpn::sim {
namespace {

using show::Json;
using Words = std::set<std::string>;

// What stands below one heading.
struct Section {
  std::string title;
  std::vector<std::string> commands;  // "show ip nhrp", without options and names
  Words lists;                        // what the heading calls the rows
  Words words;                        // all in backticks: keys, and values
  Words columns;                      // of these, what stands first in a row of a table: keys alone
};

Words InBackticks(const std::string& text) {
  static const std::regex kWord("`([a-z][a-z0-9_]*)`");
  Words out;
  for (std::sregex_iterator i(text.begin(), text.end(), kWord), end; i != end; ++i) out.insert((*i)[1]);
  return out;
}

// "show ip|ipv6 nhrp [brief|detail]" -> "show ip nhrp", "show ipv6 nhrp"
std::vector<std::string> CommandsOf(const std::string& text) {
  std::vector<std::string> out = {""};
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  for (const std::string& word : words) {
    if (word[0] == '[' || absl::ascii_isupper(static_cast<unsigned char>(word[0]))) continue;
    const std::vector<std::string> choice = absl::StrSplit(word, '|');
    std::vector<std::string> next;
    for (const std::string& before : out)
      for (const std::string& one : choice) next.push_back(absl::StrCat(before, before.empty() ? "" : " ", one));
    out = std::move(next);
  }
  return out;
}

Section Head(const std::string& title) {
  static const std::regex kCommand("(show [^`,]*?)(?: — `([a-z_]+)`)?(?:, |$)");
  Section s;
  s.title = title;
  for (std::sregex_iterator i(title.begin(), title.end(), kCommand), end; i != end; ++i) {
    for (std::string& c : CommandsOf((*i)[1])) s.commands.push_back(std::move(c));
    if ((*i)[2].matched) s.lists.insert((*i)[2]);
  }
  return s;
}

std::vector<Section> ReadSections() {
  std::ifstream in(FLEXVPN_SOURCE_DIR "/docs/show-json.md");
  std::vector<Section> out;
  for (std::string line; std::getline(in, line);) {
    if (absl::StartsWith(line, "## ")) out.push_back(Head(line.substr(3)));
    if (out.empty()) continue;
    out.back().words.merge(InBackticks(line));
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    if (absl::StartsWith(line, "| ") && cells.size() > 2) out.back().columns.merge(InBackticks(cells[1]));
  }
  // "a row of `ike_sas`" has the keys of that.
  for (Section& s : out)
    for (const Section& other : out)
      if (std::any_of(other.lists.begin(), other.lists.end(), [&](const auto& l) { return s.words.contains(l); }))
        s.words.insert(other.words.begin(), other.words.end());
  return out;
}

// All keys at any depth; `data` of show tech-support are the answers of other commands.
void CollectKeys(const Json& j, Words* out) {
  if (!j.is_structured()) return;
  for (const auto& [key, value] : j.items()) {
    if (j.is_object()) out->insert(key);
    if (key != "data") CollectKeys(value, out);
  }
}

class ShowJson : public testing::Test {
 protected:
  void SetUp() override {
    const std::string client = "crypto ikev2 client flexvpn HUBS\n peer 1 192.0.2.1\n";
    w_.Add(HubText("key") + client, *net::IpAddress::Parse("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
    for (int i : {1, 2})
      w_.Add(SpokeText(i, "key"), *net::IpAddress::Parse(absl::StrCat("203.0.113.", i)),
             *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
    ASSERT_TRUE(w_.ComesUp(0, 2)) << w_.violation();
    const auto shortcut = [&] {
      w_.Ping(1, 2);
      w_.Ping(2, 1);
      w_.RunFor(milliseconds(500));
      return w_.HasShortcut(1, 2) && w_.HasShortcut(2, 1);
    };
    ASSERT_TRUE(w_.RunUntil(shortcut, seconds(60)));
    for (size_t router : {size_t{0}, size_t{1}}) w_.Show(router, "debug nhrp", 7);
    w_.Add(SpokeText(3, "wrong"), *net::IpAddress::Parse("203.0.113.3"), *net::Prefix::Parse("172.16.3.0/24"));
    w_.RunFor(seconds(60));
  }
  const Section* SectionOf(const std::string& line) const {
    const std::string text = absl::StrReplaceAll(line, {{"show ipv6 ", "show ip "}});  // some name one for both
    const Section* best = nullptr;
    size_t length = 0;
    for (const Section& s : sections_)
      for (const std::string& c : s.commands)
        if ((text == c || absl::StartsWith(text, c + " ")) && c.size() > length) best = &s, length = c.size();
    return best;
  }
  // Every form of every show command that the daemon answers.
  static std::vector<std::string> Lines() {
    std::vector<std::string> out;
    for (const config::CommandForm& f : config::CommandForms(config::ModeId::kExec))
      if (absl::StartsWith(f.line, "show ") && f.command->place == config::Place::kDaemon) out.push_back(f.line);
    return out;
  }
  World w_{{.seed = 3}};
  std::vector<Section> sections_ = ReadSections();
};

TEST_F(ShowJson, EveryAnswerHasTheKeysThatAreDocumented) {
  std::map<const Section*, Words> seen;
  for (const std::string& line : Lines()) {
    const Section* s = SectionOf(line);
    ASSERT_NE(s, nullptr) << "docs/show-json.md does not tell of: " << line;
    for (size_t router : {size_t{0}, size_t{1}}) {
      const char* interface = router == 0 ? "Virtual-Access1" : "Tunnel0";
      const Json answer = w_.ShowJson(router, absl::StrReplaceAll(line, {{"Tunnel7", interface}}));
      if (answer.contains("error")) continue;  // an object of that name is not there
      Words keys;
      CollectKeys(answer, &keys);
      for (const std::string& k : keys)
        EXPECT_TRUE(s->words.contains(k)) << "key `" << k << "` of " << line << " is not told of in docs/show-json.md";
      seen[s].merge(keys);
    }
  }
  Words missing;
  for (const auto& [s, keys] : seen)
    for (const std::string& k : s->columns)
      if (!keys.contains(k)) missing.insert(absl::StrCat(s->title, ": ", k));
  // There are none in this overlay.
  for (const char* k : {"fingerprint_sha256", "issuer", "key", "names", "not_after", "not_before", "role", "serial",
                        "signature_algorithm", "status", "subject", "trustpoint"})
    missing.erase(absl::StrCat("show crypto pki certificates — `certificates`: ", k));
  EXPECT_THAT(missing, testing::IsEmpty()) << "docs/show-json.md tells of keys that no answer has";
}

TEST_F(ShowJson, EveryHeadingIsACommandWithAnAnswer) {
  const std::vector<std::string> lines = Lines();
  for (const Section& s : sections_)
    for (const std::string& c : s.commands)
      EXPECT_TRUE(std::any_of(lines.begin(), lines.end(),
                              [&](const std::string& l) { return l == c || absl::StartsWith(l, c + " "); }))
          << c;
}

}  // namespace
}  // namespace flexvpn::sim
