// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_LIBBPF_LOG_H_
#define FLEXVPN_OS_BPF_LIBBPF_LOG_H_

#include <bpf/libbpf.h>

#include <string>

namespace flexvpn::os {

// Collects libbpf's warnings (with the verifier's log) of this thread while it lives, instead of printing them.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;
  // The last lines, at most `limit` octets.
  std::string Tail(size_t limit = 2000) const;

 private:
  libbpf_print_fn_t previous_;
  std::string* outer_;
  std::string text_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_LIBBPF_LOG_H_
