// SPDX-License-Identifier: Apache-2.0
// Fetches over HTTP and HTTPS with libcurl, off the loop.
#ifndef FLEXVPN_OS_HTTP_FETCHER_H_
#define FLEXVPN_OS_HTTP_FETCHER_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/time.h"
#include "core/net/fetch.h"

namespace flexvpn::os {

// One thread, at most kParallel transfers at once; more wait their turn, which counts in their time.  What
// strangers name has turns of its own, so that they delay nobody else.  Only http and https, also after
// redirections (three at most); no proxy, cookies or passwords; of https the server's certificate is checked
// by the CAs of the system.  For a stranger's URL (FetchRequest::stranger) addresses of this machine, of its
// own link and of groups are refused, whatever name led there.
class HttpFetcher {
 public:
  static constexpr size_t kParallel = 8, kParallelStrangers = 4;
  static constexpr size_t kMaxWaiting = 1024;  // of each kind

  // On the fetcher's thread, exactly once for every Fetch but those a destructor cuts off.
  using Done = std::function<void(absl::StatusOr<Bytes>)>;

  static absl::StatusOr<std::unique_ptr<HttpFetcher>> Make();
  virtual ~HttpFetcher() = default;
  // Errors: kInvalidArgument (URL), kResourceExhausted (longer than max_size, or too many are waiting),
  // kDeadlineExceeded, kUnavailable with libcurl's words or the HTTP status.
  virtual void Fetch(const net::FetchRequest& request, Duration timeout, Done done) = 0;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_HTTP_FETCHER_H_
