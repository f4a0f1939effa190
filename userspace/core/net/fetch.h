// SPDX-License-Identifier: Apache-2.0
// Something to be fetched over HTTP: data of a public key infrastructure.  The core asks, whoever owns a
// network fetches (os/http).
#ifndef FLEXVPN_CORE_NET_FETCH_H_
#define FLEXVPN_CORE_NET_FETCH_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "base/bytes.h"

namespace flexvpn::net {

struct FetchRequest {
  std::string url;             // IsFetchable
  Bytes body{};                // empty: GET, else POST of this
  std::string content_type{};  // of `body`
  size_t max_size = 0;         // octets of the answer; a longer one is an error
  // Named by a peer that has proved nothing yet (hash and URL): must not lead to this machine or to its own
  // link, nor follow redirections.
  bool stranger = false;
  friend bool operator==(const FetchRequest&, const FetchRequest&) = default;
};

inline constexpr size_t kMaxUrl = 1024;
// http:// or https:// with a host, without user and password, at most kMaxUrl visible ASCII characters.
bool IsFetchable(absl::string_view url);

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_FETCH_H_
