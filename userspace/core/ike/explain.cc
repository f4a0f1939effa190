// SPDX-License-Identifier: Apache-2.0
#include "core/ike/explain.h"

#include "absl/strings/str_cat.h"
#include "core/crypto/transforms.h"
#include "core/ike/proposal.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kEnough = 400;

// Appends while there is room; false from the first text that has none.
bool Append(std::string& out, absl::string_view separator, absl::string_view text) {
  if (out.size() + separator.size() + text.size() > kEnough) {
    if (!out.empty() && out.back() != '.') out += " ...";
    return false;
  }
  absl::StrAppend(&out, out.empty() ? "" : separator, text);
  return true;
}

std::string TransformText(const Transform& t) {
  std::string text;
  switch (t.type) {
    case TransformType::kEncr: text = crypto::EncrName(static_cast<crypto::Encr>(t.id)); break;
    case TransformType::kPrf: text = absl::StrCat("PRF ", crypto::PrfName(static_cast<crypto::Prf>(t.id))); break;
    case TransformType::kInteg: text = crypto::IntegName(static_cast<crypto::Integ>(t.id)); break;
    case TransformType::kKe: text = crypto::KeName(static_cast<crypto::KeMethod>(t.id)); break;
    case TransformType::kEsn: text = t.id == 0 ? "no ESN" : "ESN"; break;
    default: text = absl::StrCat("additional ", crypto::KeName(static_cast<crypto::KeMethod>(t.id))); break;
  }
  if (t.key_bits) absl::StrAppend(&text, "/", *t.key_bits);
  return text;
}

}  // namespace

std::string DescribeOffer(const SaPayload& offer) {
  std::string out;
  for (const Proposal& p : offer.proposals) {
    absl::string_view separator = ", ";
    for (const Transform& t : p.transforms) {
      if (!Append(out, separator, TransformText(t))) return out;
      separator = " ";
    }
  }
  return out.empty() ? "nothing" : out;
}

std::string DescribeSuites(ProtocolId protocol, const std::vector<Suite>& suites) {
  return DescribeOffer(BuildSa(protocol, {}, suites));
}

std::string DescribeSelectors(const std::vector<TrafficSelector>& selectors) {
  std::string out;
  for (const TrafficSelector& ts : selectors)
    if (!Append(out, ", ", ts.ToString())) return out;
  return out.empty() ? "nothing" : out;
}

std::string OfferedAndWanted(const std::string& offered, const std::string& wanted) {
  return absl::StrCat("offered ", offered, "; wanted ", wanted);
}

}  // namespace flexvpn::ike
