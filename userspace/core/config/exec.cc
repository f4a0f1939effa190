// SPDX-License-Identifier: Apache-2.0
#include "core/config/exec.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

std::string HintFor(const Mismatch& m, absl::string_view word) {
  const std::string nearest = word.empty() ? "" : Nearest(word, m.keywords);
  if (!nearest.empty()) return absl::StrCat("did you mean '", nearest, "'?");
  if (!m.detail.empty()) return m.detail;
  return m.expected.empty() ? "" : absl::StrCat("expected ", absl::StrJoin(m.expected, ", "));
}

ExecError Explain(absl::string_view text, const Line& line, const Mismatch& m) {
  if (m.word >= line.words.size()) return {"Incomplete command.", "", 0, HintFor(m, "")};
  const Word& w = line.words[m.word];
  constexpr absl::string_view kAmbiguous = "ambiguous: ";
  if (absl::StartsWith(m.detail, kAmbiguous))
    return {absl::StrCat("Ambiguous command: \"", PrintableLine(text), "\""), "", 0, m.detail.substr(kAmbiguous.size())};
  return {"Invalid input detected at '^' marker.", PrintableLine(text), w.column, HintFor(m, w.text)};
}

}  // namespace

std::string PrintableLine(absl::string_view line) {
  std::string out(line);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = c == '\t' ? ' ' : '?';
  return out;
}

ExecLine ParseExec(absl::string_view text) {
  ExecLine out;
  if (text.size() > kMaxLineBytes) {
    out.error.message = absl::StrCat("Line longer than ", kMaxLineBytes, " octets.");
    return out;
  }
  const Line line = LexLine(text);
  Mismatch mismatch;
  if (line.words.empty() || !Match(GetMode(ModeId::kExec), line, 0, &out.call, &mismatch)) {
    out.error = Explain(text, line, mismatch);
    return out;
  }
  out.command = out.call.command;
  out.words = absl::StrJoin(out.call.args, " ", [](std::string* s, const Arg& a) {
    s->append(a.type == ArgType::kKeyword ? a.name : a.text);
  });
  return out;
}

}  // namespace flexvpn::config
