// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/worker_pool.h"

#include <utility>

namespace flexvpn::app {

WorkerPool::WorkerPool(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  ready_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void WorkerPool::Submit(Order order, std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queues_[static_cast<size_t>(order)].push_back(std::move(work));
  }
  ready_.notify_one();
}

void WorkerPool::Work() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      std::deque<std::function<void()>>&finish = queues_[0], &begin = queues_[1];
      ready_.wait(lock, [&] { return stop_ || !finish.empty() || !begin.empty(); });
      if (stop_) return;
      auto& queue = finish.empty() ? begin : finish;
      work = std::move(queue.front());
      queue.pop_front();
    }
    work();
  }
}

}  // namespace flexvpn::app
