// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "core/dissect/dumper.h"

namespace flexvpn::dissect {
namespace {

std::string Scalar(const Json& v) {
  return v.is_string() ? v.get<std::string>() : v.dump(-1, ' ', true, Json::error_handler_t::replace);
}

// "number 1, protocol IKE"; lists are lines of their own below.
void Line(const Json& object, const std::string& indent, std::string* out) {
  std::string below;
  bool first = true;
  for (const auto& [key, value] : object.items()) {
    if (key == "payload") {
      absl::StrAppend(out, indent, Scalar(value), ":");
      first = true;
    } else if (value.is_array()) {
      for (const Json& v : value) {
        if (!v.is_object()) {
          absl::StrAppend(&below, indent, "  ", Scalar(v), "\n");
          continue;
        }
        Line(v, indent + "  ", &below);
      }
    } else {
      absl::StrAppend(out, first ? (object.contains("payload") ? " " : indent) : ", ", key, " ",
                      Scalar(value));
      first = false;
    }
  }
  absl::StrAppend(out, "\n", below);
}

}  // namespace

std::string RenderText(const Json& m) {
  std::string out =
      absl::StrCat(Scalar(m["time"]), " ", Scalar(m["source"]), " > ", Scalar(m["destination"]));
  if (!m.contains("exchange")) return absl::StrCat(out, " not IKEv2: ", Scalar(m["error"]), "\n");
  absl::StrAppend(&out, " ", Scalar(m["exchange"]), m["response"].get<bool>() ? " response " : " request ",
                  Scalar(m["message_id"]), m["from_initiator"].get<bool>() ? " i " : " r ",
                  Scalar(m["initiator_spi"]), "/", Scalar(m["responder_spi"]), ", ", Scalar(m["octets"]),
                  " octets", m.contains("decrypted") && m["decrypted"].get<bool>() ? ", decrypted" : "",
                  "\n");
  for (const Json& p : m["payloads"]) Line(p, "    ", &out);
  if (m.contains("error")) absl::StrAppend(&out, "    error: ", Scalar(m["error"]), "\n");
  if (m.contains("undecoded")) absl::StrAppend(&out, "    undecoded: ", Scalar(m["undecoded"]), "\n");
  return out;
}

}  // namespace flexvpn::dissect
