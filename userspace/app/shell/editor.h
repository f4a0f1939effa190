// SPDX-License-Identifier: Apache-2.0
// Line editing by GNU readline, with the keys of IOS: Tab completes, `?` helps at once, Ctrl-C drops the
// line, Ctrl-Z ends configuration.
#ifndef FLEXVPN_APP_SHELL_EDITOR_H_
#define FLEXVPN_APP_SHELL_EDITOR_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flexvpn::shell {

// What the keys ask for.  Readline has one keyboard: one Editor at a time.
struct EditorHooks {
  std::function<std::vector<std::string>(const std::string& line)> complete;  // for the last word
  std::function<void(const std::string& line)> help;  // prints; the prompt and line are drawn again below
  std::function<bool()> plain;                        // `?` and Tab are text (within a banner)
  std::function<bool()> configuring;                  // Ctrl-Z is `end`
  // While a key is waited for: a descriptor that becomes readable when there is something to print, -1 if none; and the
  // text, which goes above the line that is edited.
  std::function<int()> watch;
  std::function<std::string()> arrived;
};

class Editor {
 public:
  explicit Editor(EditorHooks hooks);
  ~Editor();
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  // A line without its end; pasted text may hold several.  "" after Ctrl-C; nullopt: Ctrl-D or the terminal
  // is gone.
  std::optional<std::string> Read(const std::string& prompt);
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_EDITOR_H_
