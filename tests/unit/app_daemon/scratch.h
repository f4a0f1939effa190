// SPDX-License-Identifier: Apache-2.0
// A directory that is gone after the test.
#ifndef FLEXVPN_TESTS_UNIT_APP_DAEMON_SCRATCH_H_
#define FLEXVPN_TESTS_UNIT_APP_DAEMON_SCRATCH_H_

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace flexvpn::app {

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/flexvpn-test.XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void Spill(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
inline unsigned ModeOf(const std::string& path) {
  struct stat s {};
  return stat(path.c_str(), &s) == 0 ? s.st_mode & 07777u : 0;
}

}  // namespace flexvpn::app

#endif  // FLEXVPN_TESTS_UNIT_APP_DAEMON_SCRATCH_H_
