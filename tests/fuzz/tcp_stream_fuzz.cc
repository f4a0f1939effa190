// SPDX-License-Identifier: Apache-2.0
// A TCP connection of IKE and ESP (RFC 9329): however it is cut, the same messages come out, and a message goes into a
// frame that gives it back.  The input is read as ESP in UDP, too.  The first octet says how it is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/net/tcp_stream.h"
#include "core/net/udp_packet.h"

namespace {

using flexvpn::Bytes;
using flexvpn::BytesView;
using flexvpn::net::TcpStream;

struct Seen {
  std::vector<std::pair<TcpStream::Kind, Bytes>> messages;
  bool ok = true;
  uint64_t ignored = 0;
};

Seen Feed(BytesView octets, bool prefix, size_t piece) {
  Seen seen;
  TcpStream stream(prefix);
  const auto take = [&](TcpStream::Kind kind, BytesView content) {
    seen.messages.emplace_back(kind, Bytes(content.begin(), content.end()));
  };
  while (seen.ok && !octets.empty()) {
    const BytesView part = octets.first(std::min(piece, octets.size()));
    octets = octets.subspan(part.size());
    seen.ok = stream.Feed(part, take).ok();
    if (stream.buffered() > 65535) abort();
  }
  seen.ignored = stream.ignored();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn;
  if (size == 0) return 0;
  const bool prefix = (data[0] & 0x80) != 0;
  const size_t piece = 1 + (data[0] & 0x7f);
  const BytesView octets(data + 1, size - 1);
  const Seen whole = Feed(octets, prefix, octets.size() + 1), cut = Feed(octets, prefix, piece);
  if (whole.ok != cut.ok || whole.messages != cut.messages || whole.ignored != cut.ignored) abort();
  for (const auto& [kind, content] : whole.messages) {
    const auto frame = net::TcpFrame(kind, content);
    if (!frame) abort();
    const Seen again = Feed(*frame, false, piece);
    if (again.messages.size() != 1 || again.messages[0] != std::pair(kind, content)) abort();
  }
  if (const auto packet = net::ParseUdpPacket(octets)) {
    const auto made = net::MakeUdpPacket(packet->source, packet->destination, packet->payload);
    if (!made) abort();
    const auto parsed = net::ParseUdpPacket(*made);
    if (!parsed || parsed->source != packet->source || parsed->destination != packet->destination ||
        !std::equal(parsed->payload.begin(), parsed->payload.end(), packet->payload.begin(), packet->payload.end()))
      abort();
  }
  return 0;
}
