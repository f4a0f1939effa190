// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_WORKER_POOL_H_
#define FLEXVPN_APP_DAEMON_WORKER_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace flexvpn::app {

// Threads for Diffie-Hellman and signatures.  Work still queued when the pool is destroyed is dropped.
class WorkerPool {
 public:
  explicit WorkerPool(size_t threads);
  ~WorkerPool();
  void Submit(std::function<void()> work);

 private:
  void Work();
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_WORKER_POOL_H_
