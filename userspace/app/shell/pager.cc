// SPDX-License-Identifier: Apache-2.0
#include "app/shell/pager.h"

#include <algorithm>

namespace flexvpn::shell {

int RowsOf(absl::string_view line, int columns) {
  if (columns <= 0) return 1;
  const auto width = std::count_if(line.begin(), line.end(),
                                   [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return std::max(1, static_cast<int>((width + columns - 1) / columns));
}

absl::string_view Pager::Take(int rows) {
  const size_t begin = at_;
  if (rows_ <= 0) at_ = text_.size();
  for (int used = 0; at_ < text_.size();) {
    const size_t end = text_.find('\n', at_);
    used +=
        RowsOf(absl::string_view(text_).substr(at_, end == std::string::npos ? end : end - at_), columns_);
    if (used > rows && at_ > begin) break;
    at_ = end == std::string::npos ? text_.size() : end + 1;
    if (used >= rows) break;
  }
  return absl::string_view(text_).substr(begin, at_ - begin);
}

}  // namespace flexvpn::shell
