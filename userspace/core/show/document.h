// SPDX-License-Identifier: Apache-2.0
// One typed description of a show command's answer, rendered as text in Cisco's layout and as JSON.
#ifndef FLEXVPN_CORE_SHOW_DOCUMENT_H_
#define FLEXVPN_CORE_SHOW_DOCUMENT_H_

#include <memory>
#include <string>

#include "nlohmann/json.hpp"

namespace flexvpn::show {

using Json = nlohmann::ordered_json;

// Rows of a listing that may be long: text is made of them directly, JSON when somebody wants it.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual void AddTo(Json& data) const = 0;
  virtual std::string Text() const = 0;
};

// `command` selects the text layout ("crypto ikev2 sa", "ip nhrp" …); `data` is the JSON answer itself, so text
// can print nothing that JSON does not have.
struct Document {
  std::string command;
  Json data;
  std::shared_ptr<const Rows> rows = nullptr;  // not in `data` yet
};

// The whole JSON answer: takes what is in `rows` into `data` first.
const Json& Data(Document& d);

// Something the operator must see with every answer: "warnings" of the JSON, the first lines of the text.
void AddWarning(Document& d, const std::string& text);

std::string RenderJson(Document d);  // pretty printed, trailing newline
// Text for a known command; for an unknown one a plain indented listing of the JSON.
std::string RenderText(const Document& d);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_DOCUMENT_H_
