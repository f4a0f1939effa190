// SPDX-License-Identifier: Apache-2.0
#include "sim/ike/wiretap.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/overloaded.h"

namespace flexvpn::ike::sim {

Payloads Wiretap::Read(BytesView datagram) const {
  const auto header = DecodeHeader(datagram);
  if (!header.ok()) return {};
  absl::StatusOr<Payloads> payloads = Payloads{};
  if (header->next_payload != static_cast<uint8_t>(PayloadType::kEncrypted)) {
    payloads = DecodePayloads(header->next_payload, datagram.subspan(kHeaderSize));
    return payloads.ok() ? *payloads : Payloads{};
  }
  for (size_t iv : {size_t{8}, size_t{16}}) {
    const size_t at = kHeaderSize + 4 + iv;
    if (datagram.size() < at + kStart) continue;
    auto it = plain_.find(Bytes(datagram.begin() + static_cast<ptrdiff_t>(at),
                                datagram.begin() + static_cast<ptrdiff_t>(at + kStart)));
    if (it == plain_.end() || it->second.empty() || it->second.size() < it->second.back() + size_t{1})
      continue;
    const BytesView inner = BytesView(it->second).first(it->second.size() - 1 - it->second.back());
    payloads = DecodePayloads(datagram[kHeaderSize], inner);
    if (payloads.ok()) return *payloads;
  }
  return {};
}

std::string Wiretap::Describe(BytesView datagram) const {
  if (datagram.size() == 1) return "NAT keepalive";
  const auto header = DecodeHeader(datagram);
  if (!header.ok()) return absl::StrCat(datagram.size(), " octets of garbage");
  const Payloads payloads = Read(datagram);
  return absl::StrCat(
      ExchangeName(header->exchange), header->is_response() ? " answer " : " request ", header->message_id,
      " on ", absl::Hex(header->initiator_spi.value() >> 48, absl::kZeroPad4), " {",
      absl::StrJoin(payloads, " ",
                    [](std::string* out, const Payload& p) { absl::StrAppend(out, PayloadName(p)); }),
      "}");
}

std::string PayloadName(const Payload& payload) {
  return std::visit(Overloaded{
                        [](const SaPayload&) { return std::string("SA"); },
                        [](const KePayload&) { return std::string("KE"); },
                        [](const IdPayload& p) { return std::string(p.initiator ? "IDi" : "IDr"); },
                        [](const AuthPayload&) { return std::string("AUTH"); },
                        [](const NoncePayload&) { return std::string("Nonce"); },
                        [](const NotifyPayload& p) {
                          const std::string spi = p.spi.empty() ? "" : absl::StrCat(" ", ToHex(p.spi));
                          return absl::StrCat("N(", NotifyName(p.type), spi, ")");
                        },
                        [](const DeletePayload& p) {
                          std::string out = p.protocol == ProtocolId::kIke ? "D(IKE" : "D(ESP";
                          for (EspSpi spi : p.spis)
                            absl::StrAppend(&out, " ", absl::Hex(spi.value(), absl::kZeroPad8));
                          return out + ")";
                        },
                        [](const TsPayload& p) { return std::string(p.initiator ? "TSi" : "TSr"); },
                        [](const ConfigPayload& p) {
                          static constexpr const char* kNames[] = {"?", "REQUEST", "REPLY", "SET", "ACK"};
                          return absl::StrCat("CP(", kNames[std::min<size_t>(static_cast<size_t>(p.type), 4)],
                                              ")");
                        },
                        [](const VendorIdPayload&) { return std::string("V"); },
                        [](const auto&) { return std::string("?"); },
                    },
                    payload);
}

}  // namespace flexvpn::ike::sim
