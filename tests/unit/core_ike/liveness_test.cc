// SPDX-License-Identifier: Apache-2.0
// An established session: liveness checks (RFC 7296 §2.4), the window of requests (§2.3), what is listed.
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

TEST(Liveness, AVanishedPeerIsDetectedByIntervalAndFiveTries) {
  World w;
  w.a->policy.session.dpd = {10s, 2s, true};
  w.Connect();
  w.b->alive = false;
  const Instant dead = w.now;
  ASSERT_TRUE(w.RunUntil([&] { return !w.a->downs.empty(); }, 60s));
  EXPECT_EQ(w.a->downs[0].reason, "peer not responding (DPD)");
  EXPECT_TRUE(w.a->downs[0].was_up);
  EXPECT_LE(w.now - dead, 21s);
  EXPECT_GE(w.now - dead, 19s);
  EXPECT_TRUE(w.a->outbound.empty());
  EXPECT_FALSE(w.a->endpoint->NextDeadline().has_value());
}

TEST(Liveness, OnDemandIsQuietWhileThePeerIsHeard) {
  World w;
  w.a->policy.session.dpd = {10s, 2s, true};
  const IkeSaId id = w.Connect();
  const size_t before = w.wire.size();
  for (int i = 0; i < 20; ++i) {
    w.Run(5s);
    w.a->endpoint->PeerAlive(id, w.now);
  }
  EXPECT_EQ(w.wire.size(), before);
  w.Run(11s);
  EXPECT_EQ(w.wire.size(), before + 2);
}

TEST(Liveness, PeriodicAsksAnyway) {
  World w;
  w.a->policy.session.dpd = {10s, 2s, false};
  const IkeSaId id = w.Connect();
  const size_t before = w.wire.size();
  for (int i = 0; i < 10; ++i) {
    w.Run(5s);
    w.a->endpoint->PeerAlive(id, w.now);
  }
  EXPECT_GE(w.wire.size(), before + 8);
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(Liveness, APeerHeardOnceDuringTheCheckIsStillFoundDeadLater) {
  World w;
  w.a->policy.session.dpd = {10s, 2s, true};
  const IkeSaId id = w.Connect();
  w.b->alive = false;
  w.Run(13s);
  w.a->endpoint->PeerAlive(id, w.now);  // ESP came in, but no answer: another five tries
  ASSERT_TRUE(w.RunUntil([&] { return !w.a->downs.empty(); }, 60s));
  EXPECT_EQ(w.a->downs[0].reason, "peer not responding (DPD)");
}

// A session with `n` Child SAs; each wants a request of its own for its rekey.
std::vector<ChildId> Children(World& w, size_t n) {
  const IkeSaId id = w.Connect();
  while (w.a->children.size() < n) {
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.CreateChild(id, w.now, out); });
    w.Run(1s);
  }
  std::vector<ChildId> ids;
  for (const ChildSa& c : w.a->children) ids.push_back(c.id);
  return ids;
}
void RekeyAll(World& w, const std::vector<ChildId>& ids) {
  for (ChildId id : ids) w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(id, w.now, out); });
}

TEST(Window, TheAnnouncedWindowLetsRequestsOverlap) {
  World w;
  const auto ids = Children(w, 7);
  EXPECT_EQ(w.a->endpoint->List(w.now).at(0).remote_window, 5u);
  const size_t before = w.wire.size();
  RekeyAll(w, ids);
  EXPECT_EQ(w.wire.size() - before, 5u);
  w.loss = 0.3;
  w.jitter = 50ms;
  w.Run(60s);
  EXPECT_EQ(w.b->children.size(), 14u);
}

TEST(Window, OneMeansOneAfterTheOther) {
  World w;
  w.b->policy.session.window = 1;
  const auto ids = Children(w, 3);
  const size_t before = w.wire.size();
  RekeyAll(w, ids);
  EXPECT_EQ(w.wire.size() - before, 1u);
  w.Run(2s);
  EXPECT_EQ(w.b->children.size(), 6u);
}

TEST(List, ShowsReadySessionsWithoutKeys) {
  World w;
  const IkeSaId id = w.Connect();
  w.Run(10s);
  const auto list = w.a->endpoint->List(w.now);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].state, "READY");
  EXPECT_EQ(list[0].session.id, id);
  EXPECT_EQ(WholeSeconds(list[0].age), 10);
  ASSERT_EQ(list[0].children.size(), 1u);
  EXPECT_TRUE(list[0].children[0].child.encr_in.empty());
  EXPECT_GT(list[0].children[0].rekey_in, 2500s);
}

}  // namespace
}  // namespace flexvpn::ike::test
