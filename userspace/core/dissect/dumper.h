// SPDX-License-Identifier: Apache-2.0
// Every IKE message of a capture, decoded and, where the key log has its keys, decrypted.
#ifndef FLEXVPN_CORE_DISSECT_DUMPER_H_
#define FLEXVPN_CORE_DISSECT_DUMPER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/crypto/provider.h"
#include "core/dissect/describe.h"
#include "core/dissect/frame.h"
#include "core/ike/key_log.h"

namespace flexvpn::dissect {

class Dumper {
 public:
  Dumper(const crypto::Provider& crypto, std::vector<ike::KeyLogEntry> keys)
      : crypto_(crypto), keys_(std::move(keys)) {}

  // The message as JSON; null for what is not IKE (ESP, NAT keepalives, other ports).  A message that cannot
  // be decoded or decrypted has "error" and what is known of it.  `time` is copied into the answer.
  Json Dump(const std::string& time, const UdpPacket& packet);

 private:
  static constexpr size_t kMaxUnfinished = 64;
  // SKF messages (RFC 7383) whose fragments are not all here: (initiator SPI, responder SPI, flags, message
  // id).
  using MessageKey = std::tuple<uint64_t, uint64_t, uint8_t, uint32_t>;
  struct Unfinished {
    uint8_t first_type = 0;
    uint16_t total = 0;
    std::map<uint16_t, SecretBytes> parts;
  };
  void Protected(const ike::Header& header, BytesView message, Json* out);
  // Tries every key of the log that has the message's SPIs: an IKE SA that used IKE_INTERMEDIATE has several.
  std::optional<SecretBytes> Open(const ike::Header& header, BytesView message, size_t body, Json* out) const;
  void Fragment(const ike::Header& header, BytesView message, Json* out);

  const crypto::Provider& crypto_;
  std::vector<ike::KeyLogEntry> keys_;
  std::map<MessageKey, Unfinished> unfinished_;
  std::deque<MessageKey> order_;  // of arrival
};

// "12:00:01.5 192.0.2.1:500 > 192.0.2.2:500 IKE_SA_INIT request 0 …" and an indented line a payload.
std::string RenderText(const Json& message);

}  // namespace flexvpn::dissect

#endif  // FLEXVPN_CORE_DISSECT_DUMPER_H_
