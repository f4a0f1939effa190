// SPDX-License-Identifier: Apache-2.0
// A key log: what is read is written and read again as the same.  Seeds: lines as the daemon writes them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/ike/key_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn;
  const auto entries = ike::ParseKeyLog({reinterpret_cast<const char*>(data), size});
  if (!entries.ok()) return 0;
  for (const ike::KeyLogEntry& e : *entries) {
    const SecretBytes line = ike::FormatKeyLog(e);
    const auto again = ike::ParseKeyLog({reinterpret_cast<const char*>(line.data()), line.size()});
    if (!again.ok() || again->size() != 1 || ike::FormatKeyLog(again->front()) != line) abort();
  }
  return 0;
}
