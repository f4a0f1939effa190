// SPDX-License-Identifier: Apache-2.0
// Security Association payload, RFC 7296 §3.3.
#include <algorithm>

#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr uint8_t kLast = 0, kMoreProposals = 2, kMoreTransforms = 3;
constexpr size_t kProposalHeader = 8, kTransformHeader = 8;
constexpr uint16_t kAttributeTv = 0x8000;  // attribute format bit: the value is in the length field
constexpr uint16_t kKeyLength = 14;

absl::Status BadSa(const char* what) { return absl::InvalidArgumentError(std::string("SA payload: ") + what); }

absl::Status DecodeAttributes(ByteReader r, Transform* t) {
  while (r.left() > 0) {
    const uint16_t type = r.U16(), value = r.U16();
    const bool tv = (type & kAttributeTv) != 0;
    const BytesView data = tv ? BytesView{} : r.Take(value);
    if (!r.ok()) return BadSa("truncated attribute");
    if ((type & ~kAttributeTv) == kKeyLength) {
      if (!tv || t->key_bits) return BadSa("key length attribute");
      t->key_bits = value;
      continue;
    }
    ByteWriter raw;
    raw.U16(type);
    raw.U16(value);
    raw.Append(data);
    t->other_attributes.insert(t->other_attributes.end(), raw.view().begin(), raw.view().end());
  }
  return absl::OkStatus();
}

// One substructure: checks the last/more octet against what really follows, reads the length and hands back the
// rest of the substructure.
absl::StatusOr<BytesView> TakeSubstructure(ByteReader& r, uint8_t more, size_t header_size) {
  const uint8_t mark = r.U8();
  r.U8();  // RESERVED
  const size_t length = r.U16();
  if (!r.ok() || length < header_size) return BadSa("substructure too short");
  const BytesView rest = r.Take(length - 4);
  if (!r.ok()) return BadSa("truncated substructure");
  if (mark != (r.left() > 0 ? more : kLast)) return BadSa("last/more mark");
  return rest;
}

absl::StatusOr<Transform> DecodeTransform(ByteReader& r) {
  ASSIGN_OR_RETURN(const BytesView rest, TakeSubstructure(r, kMoreTransforms, kTransformHeader));
  ByteReader body(rest);
  Transform t;
  t.type = static_cast<TransformType>(body.U8());
  body.U8();  // RESERVED
  t.id = body.U16();
  RETURN_IF_ERROR(DecodeAttributes(ByteReader(body.TakeAll()), &t));
  return t;
}

bool SpiSizeFits(ProtocolId protocol, size_t size) {
  switch (protocol) {
    case ProtocolId::kIke:
      return size == 0 || size == 8;
    case ProtocolId::kAh:
    case ProtocolId::kEsp:
      return size == 4;
    default:
      return true;
  }
}

absl::StatusOr<Proposal> DecodeProposal(ByteReader& r) {
  ASSIGN_OR_RETURN(const BytesView rest, TakeSubstructure(r, kMoreProposals, kProposalHeader));
  ByteReader body(rest);
  Proposal p;
  p.number = body.U8();
  p.protocol = static_cast<ProtocolId>(body.U8());
  const size_t spi_size = body.U8();
  const size_t transforms = body.U8();
  p.spi = ToOwned(body.Take(spi_size));
  if (!body.ok()) return BadSa("truncated SPI");
  if (!SpiSizeFits(p.protocol, spi_size)) return BadSa("SPI size");
  ByteReader list(body.TakeAll());
  p.transforms.reserve(std::min(transforms, list.left() / kTransformHeader));
  while (list.left() > 0) {
    ASSIGN_OR_RETURN(Transform t, DecodeTransform(list));
    p.transforms.push_back(std::move(t));
  }
  if (p.transforms.size() != transforms || transforms == 0) return BadSa("number of transforms");
  return p;
}

void EncodeTransform(const Transform& t, bool last, ByteWriter& out) {
  const size_t start = out.size();
  out.U8(last ? kLast : kMoreTransforms);
  out.U8(0);
  out.U16(0);  // length
  out.U8(static_cast<uint8_t>(t.type));
  out.U8(0);
  out.U16(t.id);
  if (t.key_bits) {
    out.U16(kAttributeTv | kKeyLength);
    out.U16(*t.key_bits);
  }
  out.Append(t.other_attributes);
  out.PatchU16(start + 2, static_cast<uint16_t>(out.size() - start));
}

}  // namespace

absl::StatusOr<SaPayload> DecodeSa(BytesView body) {
  ByteReader r(body);
  SaPayload sa;
  while (r.left() > 0) {
    if (sa.proposals.size() == kMaxProposals) return BadSa("too many proposals");
    ASSIGN_OR_RETURN(Proposal p, DecodeProposal(r));
    if (!sa.proposals.empty() && p.number <= sa.proposals.back().number) return BadSa("proposal number");
    sa.proposals.push_back(std::move(p));
  }
  if (sa.proposals.empty()) return BadSa("no proposal");
  return sa;
}

void EncodeBody(const SaPayload& sa, ByteWriter& out) {
  for (size_t i = 0; i < sa.proposals.size(); ++i) {
    const Proposal& p = sa.proposals[i];
    const size_t start = out.size();
    out.U8(i + 1 == sa.proposals.size() ? kLast : kMoreProposals);
    out.U8(0);
    out.U16(0);  // length
    out.U8(p.number);
    out.U8(static_cast<uint8_t>(p.protocol));
    out.U8(static_cast<uint8_t>(p.spi.size()));
    out.U8(static_cast<uint8_t>(p.transforms.size()));
    out.Append(p.spi);
    for (size_t j = 0; j < p.transforms.size(); ++j)
      EncodeTransform(p.transforms[j], j + 1 == p.transforms.size(), out);
    out.PatchU16(start + 2, static_cast<uint16_t>(out.size() - start));
  }
}

}  // namespace flexvpn::ike
