// SPDX-License-Identifier: Apache-2.0
#include "core/ike/request.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace flexvpn::ike {
namespace {
constexpr uint32_t kMaxSendWindow = 16;  // more in flight would serve nothing
}

void Request::Sent(Instant now) {
  if (sent_ == 0 && first_sent_ == Instant{}) first_sent_ = now;
  if (sent_ > 0) {
    interval_ = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, Duration::period>(static_cast<double>(interval_.count()) * policy_.backoff));
  }
  ++sent_;
  deadline_ = now + interval_;
}

void SendWindow::SetSize(uint32_t announced) {
  size_ = std::clamp<uint32_t>(announced, size_, std::max(size_, kMaxSendWindow));  // never shrinks (§2.3)
}

Request& SendWindow::Add(Request request) {
  const uint32_t id = request.message_id();
  return requests_.insert_or_assign(id, std::move(request)).first->second;
}

Request* SendWindow::Find(uint32_t message_id) {
  auto it = requests_.find(message_id);
  return it == requests_.end() ? nullptr : &it->second;
}

std::optional<Request> SendWindow::Take(uint32_t message_id) {
  auto it = requests_.find(message_id);
  if (it == requests_.end()) return std::nullopt;
  std::optional<Request> taken(std::move(it->second));
  requests_.erase(it);
  return taken;
}

std::optional<Instant> SendWindow::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [id, request] : requests_) next = Earlier(next, request.deadline());
  return next;
}

std::vector<uint32_t> SendWindow::Due(Instant now) const {
  std::vector<uint32_t> due;
  for (const auto& [id, request] : requests_)
    if (request.deadline() <= now) due.push_back(id);
  return due;
}

std::vector<Op> SendWindow::TakeAll() {
  std::vector<Op> ops;
  for (auto& [id, request] : requests_) ops.push_back(std::move(request.op()));
  requests_.clear();
  return ops;
}

ReceiveWindow::Verdict ReceiveWindow::Check(uint32_t id, uint64_t fingerprint) const {
  if (auto it = slots_.find(id); it != slots_.end()) {
    if (it->second.fingerprint != fingerprint) return Verdict::kOutside;
    return it->second.answer.empty() ? Verdict::kInProgress : Verdict::kRepeat;
  }
  return id >= base_ && id - base_ < size_ ? Verdict::kNew : Verdict::kOutside;
}

void ReceiveWindow::Begin(uint32_t id, uint64_t fingerprint) { slots_[id] = {fingerprint, {}}; }

void ReceiveWindow::Finish(uint32_t id, WireMessage answer) {
  auto it = slots_.find(id);
  if (it == slots_.end()) return;
  it->second.answer = std::move(answer);
  for (auto s = slots_.find(base_); s != slots_.end() && !s->second.answer.empty(); s = slots_.find(base_)) ++base_;
  while (!slots_.empty() && slots_.begin()->first < base_ && base_ - slots_.begin()->first > size_)
    slots_.erase(slots_.begin());
}

const WireMessage& ReceiveWindow::Answer(uint32_t id) const {
  static const WireMessage kNone;
  auto it = slots_.find(id);
  return it == slots_.end() ? kNone : it->second.answer;
}

uint64_t Fingerprint(BytesView datagram) {
  return absl::HashOf(absl::string_view(reinterpret_cast<const char*>(datagram.data()), datagram.size()));
}

}  // namespace flexvpn::ike
