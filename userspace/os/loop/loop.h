// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_LOOP_LOOP_H_
#define FLEXVPN_OS_LOOP_LOOP_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// One epoll loop; everything but Post() belongs to the thread that calls Run().
class Loop {
 public:
  using Callback = std::function<void(uint32_t epoll_events)>;
  static absl::StatusOr<std::unique_ptr<Loop>> Make();

  // CLOCK_BOOTTIME: goes on during suspend, so lifetimes are real time.
  static Instant Now();

  // Calls `callback` while `fd` is ready.  The descriptor stays the caller's; Remove before closing it.
  absl::Status Add(int fd, uint32_t epoll_events, Callback callback);
  absl::Status Modify(int fd, uint32_t epoll_events);
  void Remove(int fd);

  // Runs `fn` on the loop's thread; may be called from any thread.
  void Post(std::function<void()> fn);

  // Runs until Stop().  Before every wait `before_wait` is asked for the next deadline; when that is reached or
  // events were handled it is called again.
  void Run(const std::function<std::optional<Instant>()>& before_wait);
  void Stop() { stop_ = true; }

 private:
  Loop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void RunPosted();

  Fd epoll_, wake_;
  std::map<int, std::shared_ptr<Callback>> callbacks_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stop_ = false;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_LOOP_LOOP_H_
