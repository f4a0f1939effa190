// SPDX-License-Identifier: Apache-2.0
#include "core/ike/proposal.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/container/inlined_vector.h"

namespace flexvpn::ike {
namespace {

using crypto::KeMethod;

// A set of suites as a cross product: one set of values a dimension.
constexpr size_t kAdditional = std::tuple_size_v<decltype(Suite::additional)>;
constexpr auto kFirstAdditional = static_cast<TransformType>(6);  // RFC 9370 §3.1: ADDKE1..ADDKE7 are 6..12
enum Dimension : size_t { kEncrDim, kPrfDim, kIntegDim, kKeDim, kEsnDim, kAddKeDim, kDimensions = kAddKeDim + kAdditional };
using Values = absl::InlinedVector<uint32_t, 1>;  // one suite has one of each: no allocation
using Product = std::array<Values, kDimensions>;

Product ProductOf(const Suite& s) {
  Product p;
  p[kEncrDim] = {static_cast<uint32_t>(s.encr) << 16 | s.encr_key_bits};
  p[kPrfDim] = {static_cast<uint32_t>(s.prf)};
  p[kIntegDim] = {static_cast<uint32_t>(s.integ)};
  p[kKeDim] = {static_cast<uint32_t>(s.ke)};
  p[kEsnDim] = {s.esn ? 1u : 0u};
  for (size_t i = 0; i < kAdditional; ++i) p[kAddKeDim + i] = {static_cast<uint32_t>(s.additional[i])};
  return p;
}

// Unites products that differ in `dim` alone: the union stays an exact cross product.
std::vector<Product> MergeAlong(size_t dim, const std::vector<Product>& in) {
  std::vector<Product> out;
  std::map<Product, size_t> index;  // keyed by the other dimensions
  for (const Product& p : in) {
    Product key = p;
    key[dim].clear();
    auto [it, fresh] = index.emplace(std::move(key), out.size());
    if (fresh) {
      out.push_back(p);
      continue;
    }
    for (uint32_t v : p[dim]) {
      auto& have = out[it->second][dim];
      if (std::find(have.begin(), have.end(), v) == have.end()) have.push_back(v);
    }
  }
  return out;
}

Transform EncrTransform(uint32_t v) {
  Transform t{TransformType::kEncr, static_cast<uint16_t>(v >> 16), std::nullopt};
  if (const auto bits = static_cast<uint16_t>(v); bits != 0) t.key_bits = bits;
  return t;
}

TransformType AdditionalType(size_t i) {
  return static_cast<TransformType>(static_cast<size_t>(kFirstAdditional) + i);
}

bool IsKe(TransformType t) {
  return t == TransformType::kKe || (t >= kFirstAdditional && t <= AdditionalType(kAdditional - 1));
}

std::vector<Transform> TransformsOf(ProtocolId protocol, const Product& p) {
  std::vector<Transform> out;
  out.reserve(kDimensions);
  for (uint32_t v : p[kEncrDim]) out.push_back(EncrTransform(v));
  auto add = [&out](TransformType type, const Values& values, bool none_too) {
    for (uint32_t v : values)
      if (v != 0 || none_too) out.push_back({type, static_cast<uint16_t>(v), std::nullopt});
  };
  if (protocol == ProtocolId::kIke) add(TransformType::kPrf, p[kPrfDim], false);
  add(TransformType::kInteg, p[kIntegDim], false);
  add(TransformType::kKe, p[kKeDim], p[kKeDim].size() > 1);  // optional PFS says NONE among groups
  if (protocol == ProtocolId::kEsp) add(TransformType::kEsn, p[kEsnDim], true);
  for (size_t i = 0; i < kAdditional; ++i) {
    const Values& values = p[kAddKeDim + i];
    add(AdditionalType(i), values, values.size() > 1);  // NONE among others: this exchange is optional
  }
  return out;
}

uint64_t Key(const Transform& t) {
  return static_cast<uint64_t>(t.type) << 48 | static_cast<uint64_t>(t.id) << 16 | t.key_bits.value_or(0);
}

// One offered proposal, ready for many lookups.
class Offered {
 public:
  Offered(const Proposal& p, bool ignore_ke) : proposal_(&p) {
    keys_.reserve(p.transforms.size());
    types_.reserve(p.transforms.size());
    for (const Transform& t : p.transforms) {
      if (ignore_ke && IsKe(t.type)) continue;
      keys_.push_back(Key(t));
      types_.push_back(t.type);
    }
    std::sort(keys_.begin(), keys_.end());
    std::sort(types_.begin(), types_.end());
    types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
  }
  const Proposal& proposal() const { return *proposal_; }

  // The answer with exactly one transform of each offered type (§2.7), if `suite` fits.
  std::optional<std::vector<Transform>> Match(ProtocolId protocol, const Suite& suite) const {
    std::vector<Transform> answer = TransformsOf(protocol, ProductOf(suite));
    if (!suite.esn && !Has(TransformType::kEsn))  // left out: no ESN
      std::erase_if(answer, [](const Transform& t) { return t.type == TransformType::kEsn; });
    for (const Transform& t : answer)
      if (!Contains(t)) return std::nullopt;
    for (TransformType type : types_) {
      const bool covered = std::any_of(answer.begin(), answer.end(), [&](const Transform& t) { return t.type == type; });
      if (covered) continue;
      const Transform none{type, 0, std::nullopt};
      if (!Contains(none)) return std::nullopt;
      answer.push_back(none);
    }
    return answer;
  }

 private:
  bool Contains(const Transform& t) const { return std::binary_search(keys_.begin(), keys_.end(), Key(t)); }
  bool Has(TransformType type) const { return std::binary_search(types_.begin(), types_.end(), type); }
  const Proposal* proposal_;
  std::vector<uint64_t> keys_;
  std::vector<TransformType> types_;
};

std::optional<Choice> FirstMatch(ProtocolId protocol, const std::vector<Suite>& own, const std::vector<Offered>& offers,
                                 KeMethod only_ke, bool no_additional) {
  for (const Suite& raw : own) {
    if (no_additional && HasAdditional(raw)) continue;
    const Suite suite = Normalize(protocol, raw);
    if (only_ke != KeMethod::kNone && suite.ke != only_ke) continue;
    for (const Offered& offer : offers) {
      auto transforms = offer.Match(protocol, suite);
      if (!transforms) continue;
      Proposal answer = offer.proposal();
      answer.transforms = *std::move(transforms);
      return Choice{suite, std::move(answer)};
    }
  }
  return std::nullopt;
}

bool AdditionalFit(const crypto::Provider& crypto, const Suite& s) {
  std::vector<KeMethod> seen = {s.ke};
  for (KeMethod m : AdditionalMethods(s)) {
    if (s.ke == KeMethod::kNone || !crypto.Supports(m) || std::find(seen.begin(), seen.end(), m) != seen.end())
      return false;
    seen.push_back(m);
  }
  return true;
}

}  // namespace

std::vector<KeMethod> AdditionalMethods(const Suite& suite) {
  std::vector<KeMethod> out;
  for (KeMethod m : suite.additional)
    if (m != KeMethod::kNone) out.push_back(m);
  return out;
}

bool HasAdditional(const Suite& suite) {
  return std::any_of(suite.additional.begin(), suite.additional.end(), [](KeMethod m) { return m != KeMethod::kNone; });
}

Suite Normalize(ProtocolId protocol, Suite suite) {
  if (crypto::IsAead(suite.encr)) suite.integ = crypto::Integ::kNone;
  if (protocol == ProtocolId::kEsp) suite.prf = crypto::Prf::kNone;
  if (protocol == ProtocolId::kIke) suite.esn = false;
  return suite;
}

std::vector<Transform> TransformsOf(ProtocolId protocol, const Suite& suite) {
  return TransformsOf(protocol, ProductOf(Normalize(protocol, suite)));
}

SaPayload BuildSa(ProtocolId protocol, BytesView spi, const std::vector<Suite>& suites) {
  std::vector<Product> products;
  for (const Suite& s : suites) {
    Product p = ProductOf(Normalize(protocol, s));
    if (std::find(products.begin(), products.end(), p) == products.end()) products.push_back(std::move(p));
  }
  for (size_t i = 0; i < kAdditional; ++i) products = MergeAlong(kAddKeDim + i, products);
  for (Dimension d : {kKeDim, kIntegDim, kPrfDim, kEsnDim, kEncrDim}) products = MergeAlong(d, products);
  SaPayload sa;
  for (const Product& p : products) {
    if (sa.proposals.size() == 255) break;
    Proposal out;
    out.number = static_cast<uint8_t>(sa.proposals.size() + 1);
    out.protocol = protocol;
    out.spi.assign(spi.begin(), spi.end());
    out.transforms = TransformsOf(protocol, p);
    if (out.transforms.size() > 255) out.transforms.resize(255);
    sa.proposals.push_back(std::move(out));
  }
  return sa;
}

std::optional<Choice> SelectSuite(ProtocolId protocol, const std::vector<Suite>& own, const SaPayload& offer,
                                  const SelectOptions& options) {
  std::vector<Offered> offers;
  for (const Proposal& p : offer.proposals)
    if (p.protocol == protocol) offers.emplace_back(p, options.ignore_ke);
  if (options.prefer_ke != KeMethod::kNone)
    if (auto choice = FirstMatch(protocol, own, offers, options.prefer_ke, options.no_additional)) return choice;
  return FirstMatch(protocol, own, offers, KeMethod::kNone, options.no_additional);
}

std::optional<crypto::KeMethod> WantedGroup(const NotifyPayload& error, const std::vector<Suite>& offered) {
  if (error.type != NotifyType::kInvalidKePayload || error.data.size() != 2) return std::nullopt;
  const auto wanted = static_cast<crypto::KeMethod>(ByteReader(error.data).U16());
  const bool ours = std::any_of(offered.begin(), offered.end(), [&](const Suite& s) { return s.ke == wanted; });
  return ours ? std::optional(wanted) : std::nullopt;
}

std::optional<Choice> ParseChosen(ProtocolId protocol, const SaPayload& answer, const std::vector<Suite>& offered) {
  if (answer.proposals.size() != 1) return std::nullopt;
  std::vector<TransformType> seen;
  for (const Transform& t : answer.proposals[0].transforms) {
    if (std::find(seen.begin(), seen.end(), t.type) != seen.end()) return std::nullopt;  // one of each type
    seen.push_back(t.type);
  }
  return SelectSuite(protocol, offered, answer);
}

std::vector<Suite> Supported(const crypto::Provider& crypto, ProtocolId protocol, const std::vector<Suite>& suites) {
  std::vector<Suite> out;
  for (const Suite& raw : suites) {
    const Suite s = Normalize(protocol, raw);
    const bool ike = protocol == ProtocolId::kIke, aead = crypto::IsAead(s.encr);
    if (!(ike ? crypto.Supports(s.encr, s.encr_key_bits) : crypto::IsForEsp(s.encr, s.encr_key_bits))) continue;
    if (!aead && !(ike ? crypto.Supports(s.integ) : crypto::IsForEsp(s.integ))) continue;
    if (ike && (!crypto.Supports(s.prf) || s.ke == KeMethod::kNone)) continue;
    if (s.ke != KeMethod::kNone && !crypto.Supports(s.ke)) continue;
    if (!AdditionalFit(crypto, s)) continue;
    out.push_back(s);
  }
  return out;
}

}  // namespace flexvpn::ike
