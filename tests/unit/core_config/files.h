// SPDX-License-Identifier: Apache-2.0
// Reading of the example configurations.
#ifndef FLEXVPN_TESTS_UNIT_CORE_CONFIG_FILES_H_
#define FLEXVPN_TESTS_UNIT_CORE_CONFIG_FILES_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace flexvpn::config {

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// *.conf of tests/configs or a directory below it, sorted.
inline std::vector<std::filesystem::path> Configs(const std::string& below = "") {
  std::vector<std::filesystem::path> out;
  for (const auto& e : std::filesystem::directory_iterator(std::string(FLEXVPN_SOURCE_DIR "/tests/configs") + below))
    if (e.path().extension() == ".conf") out.push_back(e.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace flexvpn::config

#endif  // FLEXVPN_TESTS_UNIT_CORE_CONFIG_FILES_H_
