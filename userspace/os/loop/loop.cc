// SPDX-License-Identifier: Apache-2.0
#include "os/loop/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <climits>

namespace flexvpn::os {

absl::StatusOr<std::unique_ptr<Loop>> Loop::Make() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.valid() || !wake.valid()) return absl::ErrnoToStatus(errno, "epoll");
  const int wake_fd = wake.get();
  std::unique_ptr<Loop> loop(new Loop(std::move(epoll), std::move(wake)));
  absl::Status s = loop->Add(wake_fd, EPOLLIN, [l = loop.get(), wake_fd](uint32_t) {
    uint64_t n = 0;
    while (::read(wake_fd, &n, sizeof n) > 0) {
    }
    l->RunPosted();
  });
  if (!s.ok()) return s;
  return loop;
}

Instant Loop::Now() {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return Instant(seconds(ts.tv_sec) + Duration(ts.tv_nsec));
}

absl::Status Loop::Add(int fd, uint32_t events, Callback callback) {
  epoll_event e{};
  e.events = events;
  e.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) != 0) return absl::ErrnoToStatus(errno, "epoll_ctl");
  callbacks_[fd] = std::make_shared<Callback>(std::move(callback));
  return absl::OkStatus();
}

absl::Status Loop::Modify(int fd, uint32_t events) {
  epoll_event e{};
  e.events = events;
  e.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &e) != 0) return absl::ErrnoToStatus(errno, "epoll_ctl");
  return absl::OkStatus();
}

void Loop::Remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  callbacks_.erase(fd);
}

void Loop::Post(std::function<void()> fn) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(fn));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void Loop::RunPosted() {
  std::vector<std::function<void()>> work;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work.swap(posted_);
  }
  for (auto& fn : work) fn();
}

void Loop::Run(const std::function<std::optional<Instant>()>& before_wait) {
  std::array<epoll_event, 64> events;
  while (!stop_) {
    const std::optional<Instant> deadline = before_wait();
    if (stop_) break;
    int timeout = -1;
    if (deadline) {
      // Rounded up: waking a fraction of a millisecond early would only spin.
      const auto wait = std::chrono::ceil<milliseconds>(*deadline - Now()).count();
      timeout = static_cast<int>(std::clamp<int64_t>(wait, 0, INT_MAX));
    }
    const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < n && !stop_; ++i) {
      const auto& e = events[static_cast<size_t>(i)];
      auto it = callbacks_.find(e.data.fd);
      if (it == callbacks_.end()) continue;
      const std::shared_ptr<Callback> callback = it->second;  // may remove itself
      (*callback)(e.events);
    }
  }
}

}  // namespace flexvpn::os
