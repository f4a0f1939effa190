// SPDX-License-Identifier: Apache-2.0
#include "core/dissect/summary.h"

#include "absl/strings/str_cat.h"
#include "base/overloaded.h"
#include "core/dissect/describe.h"

namespace flexvpn::dissect {
namespace {

using namespace ike;  // NOLINT: every payload by its name

std::string Octets(BytesView data) { return absl::StrCat(data.size(), " octets"); }

// The strings of a list in Describe's answer, in brackets.
std::string List(const Json& list) {
  std::string out;
  for (const Json& e : list) absl::StrAppend(&out, out.empty() ? "" : " ", e.get<std::string>());
  return out;
}

std::string InShort(const SaPayload& p, const Json& described) {
  std::string out = "SA(";
  for (const Json& proposal : described["proposals"])
    absl::StrAppend(&out, out.back() == '(' ? "" : "; ", proposal["number"].get<int>(), " ",
                    proposal["protocol"].get<std::string>(), " ", List(proposal["transforms"]));
  return absl::StrCat(p.proposals.empty() ? "SA(none" : out, ")");
}

std::string InShort(const ConfigPayload& p, const Json& described) {
  std::string out = absl::StrCat("CP(", described["type"].get<std::string>());
  for (size_t i = 0; i < p.attributes.size(); ++i) {
    const std::string text = described["attributes"][i].get<std::string>();
    const CfgAttr type = p.attributes[i].type;
    const bool address =
        type == CfgAttr::kIp4Address || type == CfgAttr::kIp4Netmask || type == CfgAttr::kIp4Dns;
    absl::StrAppend(&out, " ", address ? text : text.substr(0, text.find(' ')));
    if (!address && !p.attributes[i].value.empty()) absl::StrAppend(&out, " ", Octets(p.attributes[i].value));
  }
  return out + ")";
}

std::string InShort(const NotifyPayload& n) {
  return absl::StrCat("N(", NotifyName(n.type), n.spi.empty() ? "" : absl::StrCat(" SPI ", ToHex(n.spi)),
                      n.data.empty() ? "" : absl::StrCat(" ", Octets(n.data)), ")");
}

std::string Summary(const Payload& payload) {
  const Json j = Describe(payload);
  const std::string name = j["payload"].get<std::string>();
  return std::visit(
      Overloaded{
          [&](const SaPayload& p) { return InShort(p, j); },
          [&](const KePayload& p) {
            return absl::StrCat("KE(", j["method"].get<std::string>(), " ", Octets(p.public_value), ")");
          },
          [&](const IdPayload&) {
            return absl::StrCat(name, "(", j["type"].get<std::string>(),
                                j.contains("value") ? " " + j["value"].get<std::string>() : "", ")");
          },
          [&](const CertPayload& p) {
            return absl::StrCat("CERT(", j["encoding"].get<std::string>(), " ", Octets(p.data), ")");
          },
          [&](const CertReqPayload& p) { return absl::StrCat("CERTREQ(", Octets(p.data), ")"); },
          [&](const AuthPayload& p) {
            return absl::StrCat("AUTH(", j["method"].get<std::string>(), " ", Octets(p.data), ")");
          },
          [&](const NoncePayload& p) { return absl::StrCat("Nonce(", Octets(p.nonce), ")"); },
          [&](const NotifyPayload& p) { return InShort(p); },
          [&](const DeletePayload&) {
            return absl::StrCat("D(", j["protocol"].get<std::string>(),
                                j.contains("spis") ? " " + List(j["spis"]) : "", ")");
          },
          [&](const VendorIdPayload& p) {
            return absl::StrCat("V(", j["text"].get<std::string>().substr(0, 64), ", ", Octets(p.data), ")");
          },
          [&](const TsPayload&) { return absl::StrCat(name, "(", List(j["selectors"]), ")"); },
          [&](const ConfigPayload& p) { return InShort(p, j); },
          [&](const EapPayload& p) { return absl::StrCat("EAP(", Octets(p.message), ")"); },
          [&](const UnknownPayload& p) { return absl::StrCat(name, "(", Octets(p.body), ")"); },
      },
      payload);
}

}  // namespace

std::string Summarize(const net::Endpoint& source, const net::Endpoint& destination, const Header& h) {
  const auto spi = [](IkeSpi s) { return absl::StrCat(absl::Hex(s.value(), absl::kZeroPad16)); };
  return absl::StrCat(source.ToString(), " > ", destination.ToString(), " ", ExchangeName(h.exchange),
                      h.is_response() ? " response " : " request ", h.message_id,
                      h.from_initiator() ? " i " : " r ", spi(h.initiator_spi), "/", spi(h.responder_spi));
}

std::string Summarize(const Payloads& payloads) {
  std::string out;
  for (const Payload& p : payloads) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", Summary(p));
    if (out.size() > kMaxSummary) return out.substr(0, kMaxSummary) + " ...";
  }
  return payloads.empty() ? "no payloads" : out;
}

}  // namespace flexvpn::dissect
