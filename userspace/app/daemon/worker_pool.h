// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_WORKER_POOL_H_
#define FLEXVPN_APP_DAEMON_WORKER_POOL_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace flexvpn::app {

// Threads for Diffie-Hellman and signatures.  What finishes something goes before what begins something new, each in
// order: in a storm of peers those half-way in are let in before more are asked to wait.  Work still queued when the
// pool is destroyed is dropped.
class WorkerPool {
 public:
  explicit WorkerPool(size_t threads);
  ~WorkerPool();
  enum class Order : uint8_t { kFinish, kBegin };
  void Submit(Order order, std::function<void()> work);

 private:
  void Work();
  std::mutex mutex_;
  std::condition_variable ready_;
  std::array<std::deque<std::function<void()>>, 2> queues_;  // by Order
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_WORKER_POOL_H_
