// SPDX-License-Identifier: Apache-2.0
#include "app/shell/monitor.h"

#include <chrono>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "app/shell/terminal.h"
#include "core/show/text.h"

namespace flexvpn::shell {
namespace {

using show::Json;

// 1234567 -> "1.23M"
std::string Scaled(double v) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  for (; v >= 1000 && unit + 1 < std::size(kUnits); ++unit) v /= 1000;
  return unit == 0 ? absl::StrFormat("%.0f", v) : absl::StrFormat("%.3g%s", v, kUnits[unit]);
}

std::string Clock(int64_t seconds) {
  return absl::StrFormat("%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

// Per second, between two values of a counter of a peer; "-" if there is no earlier one.
std::string Rate(const Json& now, const Json* before, const char* key, double elapsed, double factor) {
  if (before == nullptr || elapsed <= 0 || show::Uint(now, key) < show::Uint(*before, key)) return "-";
  return Scaled(static_cast<double>(show::Uint(now, key) - show::Uint(*before, key)) * factor / elapsed);
}

std::map<std::string, const Json*> PeersByInterface(const Sample& s) {
  std::map<std::string, const Json*> out;
  for (const Json& p : show::List(s.peers, "peers")) out[show::Str(p, "interface")] = &p;
  return out;
}

// The three answers; an empty error if all came.
std::string Take(const Session::Call& call, Sample* out) {
  const std::pair<const char*, Json*> wanted[] = {{"show crypto ikev2 session", &out->sessions},
                                                  {"show dataplane peers", &out->peers},
                                                  {"show ip nhrp shortcut", &out->shortcuts}};
  for (const auto& [command, data] : wanted) {
    auto answer = call(command, nullptr, Form::kJson);
    if (!answer.ok()) return std::string(answer.status().message());
    *data = std::move(answer->data);
  }
  out->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return "";
}

}  // namespace

std::string MonitorText(const Sample& now, const Sample* before) {
  const Json& sessions = show::List(now.sessions, "sessions");
  const Json& shortcuts = show::List(now.shortcuts, "shortcuts");
  const auto peers = PeersByInterface(now);
  const auto earlier = before == nullptr ? std::map<std::string, const Json*>() : PeersByInterface(*before);
  const double elapsed = before == nullptr ? 0 : now.seconds - before->seconds;
  std::string out = absl::StrCat("Sessions: ", sessions.size(), "   Shortcuts: ", shortcuts.size(), "\n\n");
  show::Table table(
      {"Interface", "Remote", "Identity", "Status", "Up", "in pkt/s", "in bit/s", "out pkt/s", "out bit/s"});
  for (const Json& s : sessions) {
    const Json ike = s.is_object() && s.contains("ike_sa") ? s["ike_sa"] : Json();
    const std::string interface = show::Str(ike, "interface", "-");
    std::vector<std::string> row = {interface, show::Str(ike, "remote_address"), show::Str(ike, "remote_id"),
                                    show::Str(s, "status"), Clock(show::Int(ike, "active_seconds"))};
    const auto peer = peers.find(interface);
    const auto old = earlier.find(interface);
    const Json* past = old == earlier.end() ? nullptr : old->second;
    for (const auto& [key, factor] :
         {std::pair("packets_in", 1.0), {"bytes_in", 8.0}, {"packets_out", 1.0}, {"bytes_out", 8.0}})
      row.push_back(peer == peers.end() ? "-" : Rate(*peer->second, past, key, elapsed, factor));
    table.Row(std::move(row));
  }
  absl::StrAppend(&out, table.Text());
  if (shortcuts.empty()) return out;
  show::Table direct({"Shortcut", "Next hop", "Interface", "Outer address", "Expires"});
  for (const Json& s : shortcuts)
    direct.Row({show::Str(s, "prefix"), show::Str(s, "next_hop"), show::Str(s, "interface", "-"),
                show::Str(s, "nbma_address"),
                show::Has(s, "expires_seconds") ? Clock(show::Int(s, "expires_seconds")) : "never"});
  return absl::StrCat(out, "\n", direct.Text());
}

void RunMonitor(const Session::Call& call, int interval) {
  std::optional<Sample> before;
  std::string error;
  {
    RawKeys keys;
    Write("\x1b[?1049h\x1b[?25l");  // the other screen, no cursor
    for (;;) {
      Sample now;
      if (error = Take(call, &now); !error.empty()) break;
      const ScreenSize screen = Screen();
      std::vector<std::string> lines = absl::StrSplit(MonitorText(now, before ? &*before : nullptr), '\n');
      if (lines.size() > static_cast<size_t>(screen.rows) - 2)
        lines.resize(static_cast<size_t>(screen.rows) - 2);
      std::string frame = "\x1b[H";
      for (const std::string& l : lines)
        absl::StrAppend(&frame, l.substr(0, static_cast<size_t>(screen.columns)), "\x1b[K\r\n");
      Write(absl::StrCat(frame, "\x1b[J\x1b[", screen.rows, ";1Hevery ", interval, " s; q ends"));
      before = std::move(now);
      const std::optional<char> key = keys.Get(interval * 1000);
      if (keys.gone() || key == 'q' || key == 'Q' || key == '\x03' || key == '\x04') break;
    }
    Write("\x1b[?25h\x1b[?1049l");
  }
  if (!error.empty()) Write(absl::StrCat("% ", error, "\n"));
}

}  // namespace flexvpn::shell
