// SPDX-License-Identifier: Apache-2.0
// One captured frame (the first octet chooses the link layer) through ikedump's whole way: link layer, IP,
// fragments, UDP, IKE, decryption with known keys, JSON and text.  Seeds: frames of ikev2four.pcap of the
// tcpdump test suite and a message protected with the keys below.
#include <cstdint>
#include <cstdlib>

#include "core/dissect/dumper.h"

namespace {

using namespace flexvpn;

ike::ProtectKeys Keys() {
  ike::ProtectKeys k;
  k.encr = crypto::Encr::kAesGcm16;
  k.encr_key.assign(20, 0x11);
  return k;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<crypto::Provider> provider = crypto::NewOpensslProvider();
  constexpr int kLinkTypes[] = {1, 0, 12, 113, 276};
  if (size == 0) return 0;
  dissect::FrameReader frames;
  dissect::Dumper dumper(
      *provider, {{ike::IkeSpi(0x0102030405060708), ike::IkeSpi(0x1112131415161718), Keys(), Keys()}});
  for (int round = 0; round < 2; ++round) {  // a fragment may complete another
    const auto packet = frames.Read(kLinkTypes[data[0] % 5], {data + 1, size - 1});
    if (!packet) continue;
    const dissect::Json message = dumper.Dump("now", *packet);
    if (message.is_null()) continue;
    if (dissect::RenderText(message).empty() || message.dump().empty()) abort();
  }
  return 0;
}
