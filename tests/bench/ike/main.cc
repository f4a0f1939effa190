// SPDX-License-Identifier: Apache-2.0
// ike_bench responder|load|bare [--name value]...; see commands.h.  Run by tools/bench ike.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "bench/ike/commands.h"
#include "bench/ike/host.h"

namespace flexvpn::bench {
namespace {

Options Parse(int argc, char** argv) {
  Options o;
  const std::map<std::string, std::string*> texts = {
      {"--suite", &o.suite}, {"--hub", &o.hub}, {"--base", &o.base}, {"--pki", &o.pki}};
  const std::map<std::string, int*> numbers = {
      {"--first", &o.first}, {"--count", &o.count}, {"--window", &o.window}};
  const std::map<std::string, bool*> flags = {
      {"--half-open", &o.half_open}, {"--storm", &o.storm}, {"--protect", &o.protect}};
  for (int i = 2; i < argc; ++i) {
    const std::string name = argv[i];
    if (auto f = flags.find(name); f != flags.end()) {
      *f->second = true;
      continue;
    }
    if (i + 1 == argc) Die("no value or unknown: " + name);
    const char* value = argv[++i];
    if (auto t = texts.find(name); t != texts.end())
      *t->second = value;
    else if (auto n = numbers.find(name); n != numbers.end())
      *n->second = std::atoi(value);
    else
      Die("unknown: " + name);
  }
  return o;
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const Options o = Parse(argc, argv);
  if (command == "responder") return RunResponder(o);
  if (command == "load") return RunLoad(o);
  if (command == "bare") return RunBare(o);
  std::fprintf(stderr, "usage: %s responder|load|bare [--name value]...\n", argv[0]);
  return 2;
}

}  // namespace
}  // namespace flexvpn::bench

int main(int argc, char** argv) { return flexvpn::bench::Main(argc, argv); }
