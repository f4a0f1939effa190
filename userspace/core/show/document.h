// SPDX-License-Identifier: Apache-2.0
// One typed description of a show command's answer, rendered as text in Cisco's layout and as JSON.
#ifndef FLEXVPN_CORE_SHOW_DOCUMENT_H_
#define FLEXVPN_CORE_SHOW_DOCUMENT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace flexvpn::show {

using Json = nlohmann::ordered_json;

// `command` selects the text layout ("crypto ikev2 sa", "ip nhrp" …); `data` is the JSON answer itself, so text
// can print nothing that JSON does not have.
struct Document {
  std::string command;
  Json data;
};

// Something the operator must see with every answer: "warnings" of the JSON, the first lines of the text.
void AddWarning(Document& d, const std::string& text);

std::string RenderJson(const Document& d);  // pretty printed, trailing newline
// Text for a known command; for an unknown one a plain indented listing of the JSON.
std::string RenderText(const Document& d);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_DOCUMENT_H_
