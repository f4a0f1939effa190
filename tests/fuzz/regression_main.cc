// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every file of a corpus directory, then a fixed number of mutations of
// each, the same ones in every run.   fuzzrun_<name> DIRECTORY [MUTATIONS]
// With FLEXVPN_FUZZ_KEEP=FILE in the environment every input is written to FILE before it runs, so that a second
// run shows the one that crashed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using flexvpn::Bytes;

Bytes Read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

// One to four small changes: bit flips, interesting octets, cuts, doubled or moved pieces.
Bytes Mutate(Bytes b, const Bytes& other, flexvpn::Rng& rng) {
  for (uint64_t n = 1 + rng.Below(4); n > 0; --n) {
    const size_t at = rng.Below(b.size() + 1);
    const size_t length = std::min<size_t>(rng.Below(16), b.size() - at);
    const auto pos = b.begin() + static_cast<std::ptrdiff_t>(at);
    constexpr uint8_t kInteresting[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '\n', '!', '0', 4, 8, 16};
    switch (rng.Below(6)) {
      case 0:
        if (at < b.size()) b[at] ^= static_cast<uint8_t>(1u << rng.Below(8));
        break;
      case 1:
        if (at < b.size()) b[at] = kInteresting[rng.Below(sizeof kInteresting)];
        break;
      case 2: b.erase(pos, pos + static_cast<std::ptrdiff_t>(length)); break;
      case 3: {
        const Bytes piece(pos, pos + static_cast<std::ptrdiff_t>(length));
        b.insert(b.begin() + static_cast<std::ptrdiff_t>(rng.Below(b.size() + 1)), piece.begin(), piece.end());
        break;
      }
      case 4: b.resize(at); break;
      default: {
        const size_t from = rng.Below(other.size() + 1);
        const size_t take = std::min<size_t>(rng.Below(64), other.size() - from);
        b.insert(pos, other.begin() + static_cast<std::ptrdiff_t>(from),
                 other.begin() + static_cast<std::ptrdiff_t>(from + take));
      }
    }
  }
  return b;
}

void Run(const Bytes& input) {
  static const char* const kKeep = std::getenv("FLEXVPN_FUZZ_KEEP");
  if (kKeep != nullptr) {
    std::ofstream out(kKeep, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  }
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FILE-OR-DIRECTORY [MUTATIONS]\n", argv[0]);
    return 2;
  }
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 2000;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(argv[1])) {
    for (const auto& e : std::filesystem::directory_iterator(argv[1]))
      if (e.is_regular_file()) files.push_back(e.path());
  } else {
    files.emplace_back(argv[1]);
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", argv[1]);
    return 1;
  }
  std::vector<Bytes> corpus;
  for (const auto& f : files) corpus.push_back(Read(f));
  size_t runs = 0;
  flexvpn::SeededRng rng(1);
  for (size_t i = 0; i < corpus.size(); ++i) {
    Run(corpus[i]);
    ++runs;
    for (int m = 0; m < mutations; ++m, ++runs) Run(Mutate(corpus[i], corpus[rng.Below(corpus.size())], rng));
  }
  std::printf("%zu runs over %zu files\n", runs, corpus.size());
  return 0;
}
