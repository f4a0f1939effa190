// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/libbpf_log.h"

#include <cstdarg>
#include <cstdio>

namespace flexvpn::os {
namespace {

thread_local std::string* current = nullptr;

int Collect(enum libbpf_print_level level, const char* format, va_list args) __attribute__((format(printf, 2, 0)));
int Collect(enum libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN || current == nullptr) return 0;
  va_list again;
  va_copy(again, args);
  int n = std::vsnprintf(nullptr, 0, format, args);
  if (n > 0) {
    size_t old = current->size();
    current->resize(old + static_cast<size_t>(n) + 1);
    std::vsnprintf(current->data() + old, static_cast<size_t>(n) + 1, format, again);
    current->resize(old + static_cast<size_t>(n));
  }
  va_end(again);
  return n;
}

}  // namespace

LibbpfLog::LibbpfLog() : previous_(libbpf_set_print(Collect)), outer_(current) { current = &text_; }

LibbpfLog::~LibbpfLog() {
  current = outer_;
  libbpf_set_print(previous_);
}

std::string LibbpfLog::Tail(size_t limit) const {
  size_t end = text_.find_last_not_of(" \n");
  std::string text = end == std::string::npos ? "" : text_.substr(0, end + 1);
  if (text.size() <= limit) return text;
  size_t line = text.find('\n', text.size() - limit);
  return "... " + text.substr(line == std::string::npos ? text.size() - limit : line + 1);
}

}  // namespace flexvpn::os
