// SPDX-License-Identifier: Apache-2.0
#include "core/net/fetch.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace flexvpn::net {

bool IsFetchable(absl::string_view url) {
  if (url.size() > kMaxUrl) return false;
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; })) return false;
  for (absl::string_view scheme : {"http://", "https://"}) {
    if (!absl::StartsWithIgnoreCase(url, scheme)) continue;
    const absl::string_view host =
        url.substr(scheme.size(), url.find_first_of("/?#\\", scheme.size()) - scheme.size());
    return !host.empty() && host.front() != ':' && host.find('@') == absl::string_view::npos;
  }
  return false;
}

}  // namespace flexvpn::net
