// SPDX-License-Identifier: Apache-2.0
#include "core/ike/codec/fragment.h"

#include <algorithm>

#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kFragmentBody = kHeaderSize + kGenericHeaderSize + 4;  // where the IV begins
constexpr size_t kLeastContent = 64;  // a smaller part of a message is not worth a datagram

absl::StatusOr<Bytes> ProtectFragment(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                      const FragmentHeader& fragment, BytesView content, uint64_t sequence, Rng& rng) {
  const size_t total = kFragmentBody + SealedSize(keys, content.size());
  ByteWriter out;
  EncodeHeader(header, static_cast<uint8_t>(PayloadType::kEncryptedFragment), out);
  out.PatchU32(kLengthOffset, static_cast<uint32_t>(total));
  out.U8(fragment.first_type);
  out.U8(0);
  out.U16(static_cast<uint16_t>(total - kHeaderSize));
  out.U16(fragment.number);
  out.U16(fragment.total);
  RETURN_IF_ERROR(SealInto(crypto, keys, content, sequence, rng, out));
  return std::move(out).Release();
}

}  // namespace

size_t IkeSpace(uint16_t mtu, net::Family family, bool marker) {
  const size_t headers = (family == net::Family::kIpv6 ? 40u : 20u) + 8u + (marker ? 4u : 0u);
  return mtu > headers ? mtu - headers : 0;
}

absl::StatusOr<FragmentHeader> DecodeFragmentHeader(BytesView datagram) {
  ByteReader r(datagram.subspan(std::min(datagram.size(), kHeaderSize)));
  FragmentHeader f;
  f.first_type = r.U8();
  r.U8();  // critical bit and reserved
  const size_t length = r.U16();
  f.number = r.U16();
  f.total = r.U16();
  if (!r.ok() || length != datagram.size() - kHeaderSize) return absl::InvalidArgumentError("SKF payload: length");
  if (f.number == 0 || f.number > f.total || f.total > kMaxFragments)
    return absl::InvalidArgumentError("SKF payload: fragment number");
  return f;
}

absl::StatusOr<SecretBytes> OpenFragment(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram) {
  if (!CanProtect(keys)) return absl::FailedPreconditionError("SKF payload: no integrity protection");
  return OpenFrom(crypto, keys, datagram, kFragmentBody);
}

absl::StatusOr<WireMessage> ProtectWithin(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                          const PlainPayloads& plain, size_t space, uint64_t& sequence, Rng& rng) {
  if (!CanProtect(keys)) return absl::FailedPreconditionError("SK payload: no integrity protection");
  const size_t size = plain.octets.size();
  size_t content = SealedContent(keys, space > kFragmentBody ? space - kFragmentBody : 0);
  content = std::max({content, kLeastContent, (size + kMaxFragments - 1) / kMaxFragments});
  WireMessage out;
  if (space == 0 || size <= content || kHeaderSize + kGenericHeaderSize + SealedSize(keys, size) <= space) {
    ASSIGN_OR_RETURN(Bytes whole, ProtectPlain(crypto, keys, header, plain, sequence++, rng));
    out.push_back(std::move(whole));
    return out;
  }
  if (size > kMaxFragmentedSize) return absl::ResourceExhaustedError("message too long to be sent in fragments");
  FragmentHeader f{plain.first_type, 1, static_cast<uint16_t>((size + content - 1) / content)};
  for (size_t at = 0; f.number <= f.total; at += content, ++f.number, f.first_type = 0) {
    const BytesView part = BytesView(plain.octets).subspan(at, std::min(content, size - at));
    ASSIGN_OR_RETURN(Bytes fragment, ProtectFragment(crypto, keys, header, f, part, sequence++, rng));
    out.push_back(std::move(fragment));
  }
  return out;
}

}  // namespace flexvpn::ike
