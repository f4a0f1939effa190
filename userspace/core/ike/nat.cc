// SPDX-License-Identifier: Apache-2.0
#include "core/ike/nat.h"

namespace flexvpn::ike {

Bytes NatHash(const crypto::Provider& crypto, IkeSpi spi_i, IkeSpi spi_r, const net::Endpoint& endpoint) {
  ByteWriter w;
  w.U64(spi_i.value());
  w.U64(spi_r.value());
  w.Append(endpoint.address.bytes());
  w.U16(endpoint.port);
  const BytesView parts[] = {w.view()};
  return crypto.Sha1(parts);
}

void AppendNatDetection(const crypto::Provider& crypto, Rng& rng, IkeSpi spi_i, IkeSpi spi_r,
                        const net::Endpoint& local, const net::Endpoint& remote, bool pretend, Payloads& out) {
  NotifyPayload source, destination;
  source.type = NotifyType::kNatDetectionSourceIp;
  source.data = pretend ? rng.Take(20) : NatHash(crypto, spi_i, spi_r, local);
  destination.type = NotifyType::kNatDetectionDestinationIp;
  destination.data = NatHash(crypto, spi_i, spi_r, remote);
  out.emplace_back(std::move(source));
  out.emplace_back(std::move(destination));
}

NatFinding DetectNat(const crypto::Provider& crypto, const Payloads& payloads, IkeSpi spi_i, IkeSpi spi_r,
                     const net::Endpoint& local, const net::Endpoint& remote) {
  const Bytes local_hash = NatHash(crypto, spi_i, spi_r, local);
  const Bytes remote_hash = NatHash(crypto, spi_i, spi_r, remote);
  bool source_seen = false, source_matches = false, destination_seen = false, destination_matches = false;
  for (const Payload& p : payloads) {
    const auto* n = std::get_if<NotifyPayload>(&p);
    if (n == nullptr) continue;
    if (n->type == NotifyType::kNatDetectionSourceIp) {  // several are allowed: any may match
      source_seen = true;
      source_matches = source_matches || n->data == remote_hash;
    } else if (n->type == NotifyType::kNatDetectionDestinationIp) {
      destination_seen = true;
      destination_matches = destination_matches || n->data == local_hash;
    }
  }
  NatFinding found;
  found.supported = source_seen && destination_seen;
  found.local = found.supported && !destination_matches;
  found.remote = found.supported && !source_matches;
  return found;
}

}  // namespace flexvpn::ike
