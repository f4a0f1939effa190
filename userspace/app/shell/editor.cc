// SPDX-License-Identifier: Apache-2.0
#include "app/shell/editor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
// After <stdio.h>, which it needs.
#include <readline/readline.h>

#include "base/secret.h"

namespace flexvpn::shell {
namespace {

EditorHooks* hooks = nullptr;  // readline calls back without an argument

// Ctrl-C and, in configuration mode, Ctrl-Z come as keys while a line is edited.
void Prepare(int meta) {
  rl_prep_terminal(meta);
  termios t{};
  if (tcgetattr(STDIN_FILENO, &t) != 0) return;
  t.c_cc[VINTR] = _POSIX_VDISABLE;
  if (hooks->configuring()) t.c_cc[VSUSP] = _POSIX_VDISABLE;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

int OnInterrupt(int, int) {
  rl_point = rl_end;
  rl_redisplay();
  fputs("^C", rl_outstream);
  rl_replace_line("", 0);
  rl_done = 1;
  rl_crlf();
  return 0;
}

int OnEnd(int count, int key) {
  if (!hooks->configuring() || hooks->plain()) return rl_insert(count, key);
  rl_replace_line("end", 1);
  return rl_newline(count, key);
}

int OnQuestion(int count, int key) {
  if (hooks->plain()) return rl_insert(count, key);
  const std::string line(rl_line_buffer, static_cast<size_t>(rl_point));
  rl_insert(1, '?');  // seen, as in IOS, then taken back
  rl_redisplay();
  rl_crlf();
  rl_delete_text(rl_point - 1, rl_point);
  rl_point -= 1;
  rl_deprep_terminal();
  hooks->help(line);
  Prepare(1);
  rl_on_new_line();
  rl_redisplay();
  return 0;
}

// Text above the line: the line goes, and is drawn again below.
void PrintAbove(const std::string& text) {
  if (text.empty()) return;
  rl_clear_visible_line();
  fwrite(text.data(), 1, text.size(), rl_outstream);
  rl_on_new_line();
  rl_redisplay();
}

// The next key; meanwhile prints what arrives.  A key goes before what arrives.
int GetKey(FILE* in) {
  for (;;) {
    pollfd p[] = {{fileno(in), POLLIN, 0}, {hooks->watch(), POLLIN, 0}};  // a negative one is passed over
    if (poll(p, 2, -1) < 0) {
      if (errno != EINTR) break;
      rl_check_signals();  // the window has another size
      continue;
    }
    if (p[0].revents != 0) break;
    if (p[1].revents != 0) PrintAbove(hooks->arrived());
  }
  return rl_getc(in);
}

int OnTab(int count, int key) { return hooks->plain() ? rl_insert(count, key) : rl_complete(count, key); }

char** Attempt(const char*, int, int end) {
  rl_attempted_completion_over = 1;  // never file names
  const std::vector<std::string> words =
      hooks->complete(std::string(rl_line_buffer, static_cast<size_t>(end)));
  if (words.empty()) return nullptr;
  static const std::vector<std::string>* source = nullptr;
  source = &words;
  return rl_completion_matches("", [](const char*, int state) -> char* {
    static size_t next = 0;
    if (state == 0) next = 0;
    return next < source->size() ? strdup((*source)[next++].c_str()) : nullptr;
  });
}

}  // namespace

Editor::Editor(EditorHooks h) {
  hooks = new EditorHooks(std::move(h));
  rl_readline_name = "flexvpn";
  rl_catch_signals = 0;
  rl_initialize();
  rl_variable_bind("show-all-if-ambiguous", "on");
  rl_variable_bind("completion-ignore-case", "on");
  rl_variable_bind("bell-style", "none");
  rl_attempted_completion_function = Attempt;
  rl_completer_word_break_characters = " \t";
  rl_completer_quote_characters = "";
  rl_prep_term_function = Prepare;
  rl_getc_function = GetKey;
  rl_bind_key('?', OnQuestion);
  rl_bind_key('\t', OnTab);
  rl_bind_key(3, OnInterrupt);
  rl_bind_key(26, OnEnd);
}

Editor::~Editor() {
  delete hooks;
  hooks = nullptr;
}

std::optional<std::string> Editor::Read(const std::string& prompt) {
  char* line = readline(prompt.c_str());
  if (line == nullptr) return std::nullopt;
  std::string out = line;
  WipeMemory(line, strlen(line));
  free(line);
  return out;
}

}  // namespace flexvpn::shell
