// SPDX-License-Identifier: Apache-2.0
// Any octets at the control socket: cut into frames, each read as a request.
#include <cstdio>
#include <cstdlib>

#include "app/daemon/request.h"
#include "os/control/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn::os;
  std::string buffer(reinterpret_cast<const char*>(data), size);
  for (;;) {
    const size_t before = buffer.size();
    auto frame = TakeFrame(buffer, kMaxRequest);
    if (!frame.ok() || !*frame) {
      if (buffer.size() == before) return 0;
      std::fputs("a frame that is not there was taken\n", stderr);
      std::abort();
    }
    if (EncodeFrame(**frame).size() + buffer.size() != before) {
      std::fputs("a frame of another length was taken\n", stderr);
      std::abort();
    }
    auto request = flexvpn::app::ReadRequest(**frame);
    if (request.ok()) flexvpn::app::WipeLines(request->lines);
  }
}
