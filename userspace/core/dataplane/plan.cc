// SPDX-License-Identifier: Apache-2.0
// State, and the plan from one State to another.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/overloaded.h"
#include "core/dataplane/objects.h"

namespace flexvpn::dataplane {
namespace {

// The selectors of a policy for GRE are the outer hosts unless given.
Policy WithSelectors(Policy p) {
  if (p.local_selector.family() == net::Family::kNone) p.local_selector = net::Prefix::Host(p.local);
  if (p.remote_selector.family() == net::Family::kNone) p.remote_selector = net::Prefix::Host(p.remote);
  return p;
}

// Whether `have` in the kernel already is what `want` asks for; both have equal keys.
bool Satisfies(const Object& have, const Object& want) {
  if (have.index() != want.index()) return false;
  return std::visit(Overloaded{
                        // An installed SA is never touched: a second put would restart its sequence numbers.
                        [](const Sa&) { return true; },
                        [&have](const Device& d) {
                          Device h = std::get<Device>(have);
                          if (d.mtu == 0) h.mtu = 0;
                          return h == d;
                        },
                        [&have](const Policy& p) {
                          return WithSelectors(std::get<Policy>(have)) == WithSelectors(p);
                        },
                        [&have](const auto& w) { return std::get<std::decay_t<decltype(w)>>(have) == w; },
                    },
                    want);
}

// The alternatives of Object stand in install order (objects.h): SA before policy before peer before route.
int Rank(const Object& object) { return static_cast<int>(object.index()); }

int Position(const Step& step) {
  int rank = Rank(step.object);
  return step.kind == Step::Kind::kPut ? rank : static_cast<int>(2 * std::variant_size_v<Object>) - rank;
}

// Of several steps for one key only the last counts.
void KeepLastPerKey(Plan& plan) {
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < plan.size(); ++i) last[Key(plan[i].object)] = i;
  if (last.size() == plan.size()) return;
  Plan kept;
  kept.reserve(last.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    if (last[Key(plan[i].object)] == i) kept.push_back(std::move(plan[i]));
  }
  plan = std::move(kept);
}

}  // namespace

void State::Put(Object object) {
  std::string key = Key(object);
  objects_.insert_or_assign(std::move(key), std::move(object));
}

void State::Erase(const std::string& key) { objects_.erase(key); }

const Object* State::Find(const std::string& key) const {
  auto it = objects_.find(key);
  return it == objects_.end() ? nullptr : &it->second;
}

void State::Apply(const Plan& plan) {
  for (const Step& step : plan) {
    if (step.kind == Step::Kind::kPut) {
      Put(step.object);
    } else {
      Erase(Key(step.object));
    }
  }
}

Plan Diff(const State& have, const State& want) {
  Plan plan;
  for (const auto& [key, object] : want.all()) {
    const Object* existing = have.Find(key);
    if (existing == nullptr || !Satisfies(*existing, object)) plan.push_back({Step::Kind::kPut, object});
  }
  for (const auto& [key, object] : have.all()) {
    if (want.Find(key) == nullptr) plan.push_back({Step::Kind::kRemove, object});
  }
  Order(plan);
  return plan;
}

void Order(Plan& plan) {
  KeepLastPerKey(plan);
  std::stable_sort(plan.begin(), plan.end(),
                   [](const Step& a, const Step& b) { return Position(a) < Position(b); });
}

}  // namespace flexvpn::dataplane
