// SPDX-License-Identifier: Apache-2.0
#include "os/names/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <utility>

namespace flexvpn::os {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* a) const { freeaddrinfo(a); }
};

net::IpAddress AddressOf(const addrinfo& a) {
  if (a.ai_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, a.ai_addr, sizeof(in));
    return net::IpAddress::V4(ntohl(in.sin_addr.s_addr));
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, a.ai_addr, sizeof(in6));
  return net::IpAddress::FromBytes(BytesView(in6.sin6_addr.s6_addr, sizeof(in6.sin6_addr.s6_addr)));
}

}  // namespace

Resolver::Answer Resolver::AskSystem(const std::string& name, net::Family family) {
  addrinfo hints{};
  hints.ai_family = family == net::Family::kIpv6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_DGRAM;  // else every address comes once for each kind of socket
  addrinfo* list = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, FreeAddresses> owned(list);
  if (error == EAI_NONAME || error == EAI_NODATA) return absl::NotFoundError(gai_strerror(error));
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  std::vector<net::IpAddress> out;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    if (a->ai_family != hints.ai_family) continue;
    const net::IpAddress address = AddressOf(*a);
    if (address.is_any() || address.is_multicast() || (address.is_v6() && address.is_link_local())) continue;
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  }
  if (out.empty()) return absl::NotFoundError("no address of a host");
  return out;
}

struct Resolver::State {
  struct Question {
    std::string name;
    net::Family family{};
    Done done;
  };
  explicit State(Ask how) : ask(std::move(how)) {}
  const Ask ask;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Question> questions;
  std::set<std::pair<std::string, net::Family>> open;  // asked, not answered
  size_t threads = 0, idle = 0;
  bool stopped = false;

  // Until the resolver is gone.
  void Work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      wake.wait(lock, [&] { return stopped || !questions.empty(); });
      --idle;
      if (stopped) return;
      const Question q = std::move(questions.front());
      questions.pop_front();
      lock.unlock();
      auto answer = ask(q.name, q.family);
      lock.lock();
      if (stopped) return;  // `done` may lead to what is gone
      open.erase({q.name, q.family});
      q.done(std::move(answer));
    }
  }
};

// False if the system has no thread to give.
bool Resolver::StartWorker(const std::shared_ptr<State>& state) {
  auto own = std::make_unique<std::shared_ptr<State>>(state);
  pthread_t thread;
  const auto work = [](void* arg) -> void* {
    const std::unique_ptr<std::shared_ptr<State>> mine(static_cast<std::shared_ptr<State>*>(arg));
    (*mine)->Work();
    return nullptr;
  };
  if (pthread_create(&thread, nullptr, work, own.get()) != 0) return false;
  (void)own.release();
  pthread_detach(thread);
  return true;
}

Resolver::Resolver(Ask ask) : state_(std::make_shared<State>(std::move(ask))) {}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->wake.notify_all();
}

void Resolver::LookUp(std::string name, net::Family family, Done done) {
  std::unique_lock lock(state_->mutex);
  if (state_->open.emplace(name, family).second) state_->questions.push_back({std::move(name), family, std::move(done)});
  state_->wake.notify_one();
  if (state_->idle >= state_->questions.size() || state_->threads >= kParallel) return;
  if (StartWorker(state_)) ++state_->threads;
  if (state_->threads > 0) return;
  const auto unasked = std::exchange(state_->questions, {});
  state_->open.clear();
  lock.unlock();
  for (const auto& q : unasked) q.done(absl::UnavailableError("the system has no thread to ask on"));
}

}  // namespace flexvpn::os
