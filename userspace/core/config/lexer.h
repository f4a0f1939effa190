// SPDX-License-Identifier: Apache-2.0
// Lines and words of an IOS configuration text.
#ifndef FLEXVPN_CORE_CONFIG_LEXER_H_
#define FLEXVPN_CORE_CONFIG_LEXER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/config/model.h"

namespace flexvpn::config {

// Bounds of what is read; beyond them an error says so and the rest is left out.
inline constexpr size_t kMaxTextBytes = 16u << 20;
inline constexpr size_t kMaxLineBytes = 4096;
inline constexpr int kMaxLines = 200000;

struct Word {
  absl::string_view text;
  int column = 0;  // from 1, in octets
};

// One line.  Views point into the text given to the Lexer.
struct Line {
  int number = 0;            // from 1
  int indent = 0;            // leading blanks; a tab counts as one
  absl::string_view raw;     // without line end and trailing blanks
  absl::string_view code;    // raw up to an inline comment, without trailing blanks
  std::vector<Word> words;   // of code
  Word comment;              // the word that opens the inline comment ("!…"), empty if none
};

class Lexer {
 public:
  // Errors of the text itself (too long, control characters) are appended to `diagnostics`.
  Lexer(absl::string_view text, std::vector<Diagnostic>* diagnostics);
  // Next line that has words; false at the end.  `line` may be empty of words only from NextRaw.
  bool Next(Line* line);
  // Next line as it stands, comments and all (bodies of banners).
  bool NextRaw(Line* line);

 private:
  bool Cut(Line* line);
  absl::string_view rest_;
  int number_ = 0;
  std::vector<Diagnostic>* diagnostics_;
};

// Splits one command line typed by a user.
Line LexLine(absl::string_view text);

// The line with every key, password and community replaced by "*****".  If `column` is given (from 1) it is
// moved to where that octet is afterwards.
std::string MaskSecrets(absl::string_view line, int* column = nullptr);
// Whether the word at `column` of the line would be masked.
bool IsSecretAt(absl::string_view line, int column);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_LEXER_H_
