// SPDX-License-Identifier: Apache-2.0
// ikedump: the IKEv2 messages of a capture, decoded and, with a key log, decrypted.
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <memory>
#include <optional>
#include <string>

#include "core/dissect/dumper.h"

namespace flexvpn::app {
namespace {

constexpr char kUsage[] =
    "usage: ikedump [--json] [--keys FILE] CAPTURE\n"
    "\n"
    "Prints every IKEv2 message of CAPTURE (pcap or pcapng, - is standard input): UDP ports 500 and 4500 "
    "over IPv4 and\n"
    "IPv6, VLAN tags, IP fragments.\n"
    "  --keys FILE  decrypt with this key log: Wireshark's ikev2_decryption_table, as written by\n"
    "               'debug crypto ikev2 keylog FILE'\n"
    "  --json       one JSON object a line\n"
    "Exit status: 0 = read to the end, 1 = the capture is damaged (what came before is printed), 2 = nothing "
    "was read.\n";

constexpr size_t kMaxKeyLog = 64 << 20;

struct Options {
  bool json = false;
  std::string keys, capture;
};

std::optional<Options> ParseOptions(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--json") {
      o.json = true;
    } else if (a == "--keys" && i + 1 < argc) {
      o.keys = argv[++i];
    } else if ((a == "-" || a[0] != '-') && o.capture.empty()) {
      o.capture = a;
    } else {
      return std::nullopt;
    }
  }
  return o.capture.empty() ? std::nullopt : std::optional<Options>(o);
}

std::optional<SecretBytes> ReadFile(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> f(fopen(path.c_str(), "re"), fclose);
  if (f == nullptr) return std::nullopt;
  SecretBytes all, chunk(65536);
  size_t n;
  while ((n = fread(chunk.data(), 1, chunk.size(), f.get())) > 0 && all.size() < kMaxKeyLog)
    all.insert(all.end(), chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(n));
  return ferror(f.get()) != 0 || all.size() >= kMaxKeyLog ? std::nullopt
                                                          : std::optional<SecretBytes>(std::move(all));
}

std::string Time(const pcap_pkthdr& h) {
  const time_t seconds = h.ts.tv_sec;
  tm utc{};
  char day[32] = "?";
  if (gmtime_r(&seconds, &utc) != nullptr) strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &utc);
  char out[64];
  snprintf(out, sizeof out, "%s.%06ld", day, static_cast<long>(h.ts.tv_usec % 1000000));
  return out;
}

int Run(const Options& o) {
  std::vector<ike::KeyLogEntry> keys;
  if (!o.keys.empty()) {
    const auto text = ReadFile(o.keys);
    if (!text) {
      fprintf(stderr, "ikedump: %s: %s\n", o.keys.c_str(), errno != 0 ? strerror(errno) : "too large");
      return 2;
    }
    auto parsed = ike::ParseKeyLog({reinterpret_cast<const char*>(text->data()), text->size()});
    if (!parsed.ok()) {
      fprintf(stderr, "ikedump: %s: %s\n", o.keys.c_str(), std::string(parsed.status().message()).c_str());
      return 2;
    }
    keys = *std::move(parsed);
  }
  char why[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> capture(pcap_open_offline(o.capture.c_str(), why),
                                                           pcap_close);
  if (capture == nullptr) {
    fprintf(stderr, "ikedump: %s\n", why);
    return 2;
  }
  const int link_type = pcap_datalink(capture.get());
  if (!dissect::FrameReader::Knows(link_type)) {
    fprintf(stderr, "ikedump: %s: link layer %d is not known\n", o.capture.c_str(), link_type);
    return 2;
  }
  const std::unique_ptr<crypto::Provider> provider = crypto::NewOpensslProvider();
  dissect::FrameReader frames;
  dissect::Dumper dumper(*provider, std::move(keys));
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result;
  while ((result = pcap_next_ex(capture.get(), &header, &data)) == 1) {
    const auto packet = frames.Read(link_type, {data, header->caplen});
    if (!packet) continue;
    const dissect::Json message = dumper.Dump(Time(*header), *packet);
    if (message.is_null()) continue;
    const std::string text = o.json
                                 ? message.dump(-1, ' ', true, dissect::Json::error_handler_t::replace) + "\n"
                                 : dissect::RenderText(message);
    fwrite(text.data(), 1, text.size(), stdout);
  }
  for (const auto& [reason, n] : frames.counters().all())
    fprintf(stderr, "ikedump: %llu %s\n", static_cast<unsigned long long>(n), reason.c_str());
  if (result == PCAP_ERROR) {
    fprintf(stderr, "ikedump: %s: %s\n", o.capture.c_str(), pcap_geterr(capture.get()));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace flexvpn::app

int main(int argc, char** argv) {
  const auto options = flexvpn::app::ParseOptions(argc, argv);
  if (options) return flexvpn::app::Run(*options);
  fputs(flexvpn::app::kUsage, stderr);
  return 2;
}
