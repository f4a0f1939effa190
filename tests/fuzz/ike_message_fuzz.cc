// SPDX-License-Identifier: Apache-2.0
// A whole unprotected IKE message, and the same octets as the inside of an SK payload: what decodes must encode to
// something that decodes to the same.  Seeds: strongSwan 5.9.8 between FRR 8.4.4 routers, and ikev2four.pcap of the
// tcpdump test suite (an initiator that answers a cookie).
#include <cstdint>
#include <cstdlib>

#include "core/dissect/summary.h"
#include "core/ike/codec/message.h"
#include "core/ike/ticket.h"

namespace {

using namespace flexvpn;

void CheckChain(uint8_t first, BytesView body) {
  const auto payloads = ike::DecodePayloads(first, body);
  if (!payloads.ok()) return;
  for (char c : dissect::Summarize(*payloads))
    if (c < 0x20 || c > 0x7e) abort();
  ByteWriter out;
  const uint8_t type = ike::EncodePayloads(*payloads, out);
  const auto again = ike::DecodePayloads(type, out.view());
  if (!again.ok() || *again != *payloads) abort();
}

// Data of TICKET_LT_OPAQUE, and the inside of a ticket (RFC 5723).
void CheckTicket(BytesView octets) {
  const auto given = ike::DecodeLifetimeTicket(octets);
  if (given && ike::EncodeLifetimeTicket(*given) != Bytes(octets.begin(), octets.end())) abort();
  const auto state = ike::DecodeTicketState(octets);
  if (state && ike::DecodeTicketState(ike::EncodeTicketState(*state)) != state) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes message(data, data + size);
  CheckTicket(message);
  (void)ike::DecodeHeader(message);
  if (size < ike::kHeaderSize) return 0;
  // The length field is repaired: a fuzzer would change it with every octet it adds.
  for (size_t i = 0; i < 4; ++i) message[24 + i] = static_cast<uint8_t>(size >> (24 - 8 * i));
  const auto header = ike::DecodeHeader(message);
  if (header.ok()) CheckChain(header->next_payload, BytesView(message).subspan(ike::kHeaderSize));
  CheckChain(data[0], BytesView(message).subspan(1));
  return 0;
}
