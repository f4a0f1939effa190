// SPDX-License-Identifier: Apache-2.0
// Every form of every command of a mode, with sample arguments: names are X1, addresses 192.0.2.1, interfaces Tunnel7.
#ifndef FLEXVPN_TESTS_SUPPORT_COMMAND_FORMS_H_
#define FLEXVPN_TESTS_SUPPORT_COMMAND_FORMS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {

// A word that fits the node.
inline std::string Sample(const Node& n) {
  if (n.choices != nullptr) return n.choices->front();
  switch (n.type) {
    case ArgType::kKeyword: return n.name;
    case ArgType::kNumber: return n.min <= 64 && n.max >= 64 ? "64" : absl::StrCat(n.min);
    case ArgType::kIpv4:
    case ArgType::kAddress: return "192.0.2.1";
    case ArgType::kIpv6: return "2001:db8::1";
    case ArgType::kMask: return "255.255.255.255";
    case ArgType::kWildcard: return "0.0.0.0";
    case ArgType::kPrefix: return "2001:db8::/64";
    case ArgType::kInterface: return "Tunnel7";
    case ArgType::kSecret: return n.name == "HEX" ? "0a0b" : "quarz";
    case ArgType::kWord: return n.name == "FILE" || n.name == "PATH" ? "/x" : "X1";
    case ArgType::kWords: return "local";
    case ArgType::kLine: return "some text";
  }
  return "";
}

// A complete line that ends in a command of ours.
struct CommandForm {
  std::string line;
  const Command* command = nullptr;
};

inline void AddForms(const Node& node, const std::string& line, std::vector<CommandForm>* out) {
  const Command* c = node.command;
  if (c != nullptr && (c->kind == Command::Kind::kOwn || c->kind == Command::Kind::kKept)) out->push_back({line, c});
  for (const auto& child : node.children)
    if (child->own) AddForms(*child, absl::StrCat(line, line.empty() ? "" : " ", Sample(*child)), out);
}

inline std::vector<CommandForm> CommandForms(ModeId mode) {
  std::vector<CommandForm> out;
  AddForms(GetMode(mode).root, "", &out);
  return out;
}

}  // namespace flexvpn::config

#endif  // FLEXVPN_TESTS_SUPPORT_COMMAND_FORMS_H_
