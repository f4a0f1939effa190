// SPDX-License-Identifier: Apache-2.0
// Any text: parse, format every message, render, parse again.  What was accepted must survive the round trip.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/config/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn::config;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const ParseResult r = Parse(text);
  for (const Diagnostic& d : r.diagnostics) (void)FormatDiagnostic(d, "fuzz.conf", text);
  (void)Render(r.model, false, false);
  for (const bool all : {true, false}) {
    const std::string out = Render(r.model, all, true);
    const ParseResult back = Parse(out);
    if (r.ok() && !(back.model == r.model)) {
      std::fprintf(stderr, "not the same after a round trip:\n%s\nread back as\n%s", out.c_str(),
                   Render(back.model, all, true).c_str());
      std::abort();
    }
  }
  return 0;
}
