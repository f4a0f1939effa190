// SPDX-License-Identifier: Apache-2.0
// What decodes must encode to something that decodes to the same.  The input's checksum is made right first:
// a fuzzer would hardly find it.
#include <cstdint>
#include <cstdlib>

#include "core/nhrp/codec.h"
#include "core/nhrp/summary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn;
  BytesView view(data, size);
  (void)nhrp::Decode(view);
  (void)nhrp::DecodeOffendingHeader(view);
  Bytes repaired(view.begin(), view.end());
  if (repaired.size() >= 14) {
    size_t length = static_cast<size_t>(repaired[10] << 8 | repaired[11]);
    repaired[12] = repaired[13] = 0;
    uint16_t sum = net::InternetChecksum(BytesView(repaired).first(std::min(length, repaired.size())));
    repaired[12] = static_cast<uint8_t>(sum >> 8);
    repaired[13] = static_cast<uint8_t>(sum);
  }
  absl::StatusOr<nhrp::Packet> packet = nhrp::Decode(repaired);
  if (nhrp::Summarize(repaired).size() > 8192) abort();
  if (!packet.ok()) return 0;
  absl::StatusOr<nhrp::Packet> again = nhrp::Decode(nhrp::Encode(*packet));
  if (!again.ok() || *again != *packet) abort();
  for (const nhrp::Extension& e : packet->extensions) {
    absl::StatusOr<std::vector<nhrp::Cie>> list = nhrp::DecodeCieList(e.value);
    if (list.ok() && *nhrp::DecodeCieList(nhrp::EncodeCieList(*list)) != *list) abort();
  }
  return 0;
}
