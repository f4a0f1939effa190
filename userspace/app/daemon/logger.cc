// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/logger.h"

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <string>

namespace flexvpn::app {
namespace {

bool g_debug = false;

std::string Printable(absl::string_view text) {
  std::string out;
  for (char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u != 0x7f) {
      out.push_back(c);
      continue;
    }
    char hex[5];
    snprintf(hex, sizeof hex, "\\x%02x", u);
    out += hex;
  }
  return out;
}

}  // namespace

void SetDebug(bool on) { g_debug = on; }

void LogLine(Level level, absl::string_view text) {
  if (level == Level::kDebug && !g_debug) return;
  static const bool journal = getenv("JOURNAL_STREAM") != nullptr;
  const std::string line = Printable(text);
  if (journal) {
    const char* priority = level == Level::kError     ? SD_ERR
                           : level == Level::kWarning ? SD_WARNING
                           : level == Level::kInfo    ? SD_INFO
                                                      : SD_DEBUG;
    fprintf(stderr, "%s%s\n", priority, line.c_str());
    return;
  }
  timespec ts{};
  clock_gettime(CLOCK_REALTIME, &ts);
  tm t{};
  localtime_r(&ts.tv_sec, &t);
  char stamp[32];
  strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &t);
  const char* name = level == Level::kError     ? "error"
                     : level == Level::kWarning ? "warning"
                     : level == Level::kInfo    ? "info"
                                                : "debug";
  fprintf(stderr, "%s.%03ld %s: %s\n", stamp, ts.tv_nsec / 1000000, name, line.c_str());
}

}  // namespace flexvpn::app
