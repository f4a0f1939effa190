// SPDX-License-Identifier: Apache-2.0
#include "core/dissect/dumper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/ike/codec/fragment.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::dissect {
namespace {

constexpr uint16_t kIkePort = 500, kNatTPort = 4500;
constexpr size_t kSkBody = ike::kHeaderSize + ike::kGenericHeaderSize;  // generic header of SK and SKF
constexpr auto kSk = static_cast<uint8_t>(ike::PayloadType::kEncrypted);
constexpr auto kSkf = static_cast<uint8_t>(ike::PayloadType::kEncryptedFragment);

bool Uses(const UdpPacket& p, uint16_t port) { return p.source.port == port || p.destination.port == port; }

// The IKE message in a datagram: behind the non-ESP marker on port 4500 (RFC 3948 §2.2).
std::optional<BytesView> IkeMessage(const UdpPacket& p) {
  const BytesView all(p.payload);
  if (Uses(p, kNatTPort)) {
    if (all.size() < 4 || std::any_of(all.begin(), all.begin() + 4, [](uint8_t b) { return b != 0; }))
      return std::nullopt;
    return all.subspan(4);
  }
  if (Uses(p, kIkePort)) return all;
  return std::nullopt;
}

std::string Spi(ike::IkeSpi spi) { return absl::StrCat(absl::Hex(spi.value(), absl::kZeroPad16)); }

void AppendPayloads(uint8_t first, BytesView chain, Json* out) {
  const auto payloads = ike::DecodePayloads(first, chain);
  if (!payloads.ok()) {
    (*out)["error"] = std::string(payloads.status().message());
    (*out)["undecoded"] = ToHex(chain);
    return;
  }
  for (const ike::Payload& p : *payloads) (*out)["payloads"].push_back(Describe(p));
}

}  // namespace

Json Dumper::Dump(const std::string& time, const UdpPacket& packet) {
  const auto message = IkeMessage(packet);
  if (!message) return nullptr;
  Json out;
  out["time"] = time;
  out["source"] = packet.source.ToString();
  out["destination"] = packet.destination.ToString();
  out["octets"] = message->size();
  const auto header = ike::DecodeHeader(*message);
  if (!header.ok()) {
    out["error"] = std::string(header.status().message());
    return out;
  }
  out["exchange"] = ike::ExchangeName(header->exchange);
  out["response"] = header->is_response();
  out["message_id"] = header->message_id;
  out["from_initiator"] = header->from_initiator();
  out["initiator_spi"] = Spi(header->initiator_spi);
  out["responder_spi"] = Spi(header->responder_spi);
  out["payloads"] = Json::array();
  if (header->next_payload == kSk)
    Protected(*header, *message, &out);
  else if (header->next_payload == kSkf)
    Fragment(*header, *message, &out);
  else
    AppendPayloads(header->next_payload, message->subspan(ike::kHeaderSize), &out);
  return out;
}

std::optional<SecretBytes> Dumper::Open(const ike::Header& header, BytesView message, size_t body,
                                        Json* out) const {
  bool known = false;
  for (auto k = keys_.rbegin(); k != keys_.rend(); ++k) {
    if (k->spi_i != header.initiator_spi || k->spi_r != header.responder_spi) continue;
    known = true;
    const ike::ProtectKeys& keys = header.from_initiator() ? k->initiator : k->responder;
    auto plain = ike::OpenFrom(crypto_, keys, message, body);
    if (!plain.ok()) continue;
    (*out)["decrypted"] = true;
    return *std::move(plain);
  }
  (*out)["decrypted"] = false;
  (*out)["error"] =
      known ? "the key log's keys do not fit this message" : "the key log has no keys of this IKE SA";
  return std::nullopt;
}

void Dumper::Protected(const ike::Header& header, BytesView message, Json* out) {
  ByteReader r(message.subspan(ike::kHeaderSize));
  const uint8_t first = r.U8();
  r.U8();
  const size_t length = r.U16();
  if (!r.ok() || length != message.size() - ike::kHeaderSize) {
    (*out)["error"] = "SK payload: length";
    return;
  }
  if (const auto plain = Open(header, message, kSkBody, out)) return AppendPayloads(first, *plain, out);
  (*out)["payloads"].push_back(
      {{"payload", "SK"}, {"first", PayloadName(first)}, {"octets", message.size() - kSkBody}});
}

void Dumper::Fragment(const ike::Header& header, BytesView message, Json* out) {
  const auto fragment = ike::DecodeFragmentHeader(message);
  if (!fragment.ok()) {
    (*out)["error"] = std::string(fragment.status().message());
    return;
  }
  (*out)["payloads"].push_back({{"payload", "SKF"}, {"fragment", fragment->number}, {"of", fragment->total}});
  auto plain = Open(header, message, kSkBody + 4, out);
  if (!plain) return;
  const MessageKey key(header.initiator_spi.value(), header.responder_spi.value(), header.flags,
                       header.message_id);
  if (unfinished_.count(key) == 0) {
    if (order_.size() >= kMaxUnfinished) {
      unfinished_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(key);
  }
  Unfinished& u = unfinished_[key];
  if (u.total != fragment->total) u = {0, fragment->total, {}};  // sent again with other sizes (RFC 7383 §2.6)
  if (fragment->number == 1) u.first_type = fragment->first_type;
  u.parts[fragment->number] = *std::move(plain);
  if (u.parts.size() < fragment->total) return;
  SecretBytes whole;
  for (const auto& [n, part] : u.parts) whole.insert(whole.end(), part.begin(), part.end());
  const uint8_t first_type = u.first_type;
  unfinished_.erase(key);
  std::erase(order_, key);
  if (whole.size() > ike::kMaxFragmentedSize) {
    (*out)["error"] = "SKF payloads: longer than 64 KiB together";
    return;
  }
  AppendPayloads(first_type, whole, out);
}

}  // namespace flexvpn::dissect
