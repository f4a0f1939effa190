// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/node/pool.h"
#include "core/node/rib.h"
#include "support/values.h"

namespace flexvpn::node {
namespace {

net::Prefix P(absl::string_view text) { return *net::Prefix::Parse(text); }
constexpr net::PeerId kOne(1), kTwo(2);

TEST(Rib, FindsTheLongestMatch) {
  Rib rib;
  rib.Add(P("0.0.0.0/0"), kOne, 2);
  rib.Add(P("10.1.0.0/16"), kTwo, 2);
  EXPECT_EQ(rib.Lookup(Ip("10.1.2.3")).peer, kTwo);
  EXPECT_EQ(rib.Lookup(Ip("10.1.2.3")).prefix, P("10.1.0.0/16"));
  EXPECT_EQ(rib.Lookup(Ip("192.0.2.1")).peer, kOne);
  EXPECT_EQ(rib.Lookup(Ip("2001:db8::1")).kind, Rib::Match::Kind::kNone);
}

TEST(Rib, OwnAddressesAndLocalNetworksComeBeforePeersOfEqualLength) {
  Rib rib;
  rib.SetSelf({Ip("10.0.0.1")});
  rib.SetLocal({P("192.168.1.0/24")});
  rib.Add(P("10.0.0.1/32"), kOne, 2);
  rib.Add(P("192.168.1.0/24"), kOne, 2);
  rib.Add(P("192.168.1.128/25"), kTwo, 2);
  EXPECT_EQ(rib.Lookup(Ip("10.0.0.1")).kind, Rib::Match::Kind::kSelf);
  EXPECT_EQ(rib.Lookup(Ip("192.168.1.5")).kind, Rib::Match::Kind::kLocal);
  EXPECT_EQ(rib.Lookup(Ip("192.168.1.200")).peer, kTwo);
}

TEST(Rib, TheLastPeerToAnnounceIsUsedAndTheOneBeforeComesBack) {
  Rib rib;
  rib.Add(P("10.0.0.0/8"), kOne, 2);
  rib.Add(P("10.0.0.0/8"), kTwo, 2);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kTwo);
  rib.Remove(P("10.0.0.0/8"), kTwo);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kOne);
  rib.Remove(P("10.0.0.0/8"), kOne);
  rib.Remove(P("10.0.0.0/8"), kOne);
  EXPECT_EQ(rib.Lookup(Ip("10.0.0.1")).kind, Rib::Match::Kind::kNone);
}

TEST(Rib, OfTwoPeersTheOneOfLessDistanceIsUsedWhicheverCameLast) {
  Rib rib;
  rib.Add(P("10.0.0.0/8"), kOne, 50);
  rib.Add(P("10.0.0.0/8"), kTwo, 2);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kTwo);
  rib.Add(P("10.0.0.0/8"), kOne, 50);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kTwo);
  EXPECT_EQ(rib.Distance(P("10.0.0.0/8"), kOne), 50);
  EXPECT_EQ(rib.Distance(P("10.0.0.0/9"), kOne), std::nullopt);
  rib.Add(P("10.0.0.0/8"), kOne, 1);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kOne);
  rib.Remove(P("10.0.0.0/8"), kOne);
  EXPECT_EQ(rib.Active(P("10.0.0.0/8")), kTwo);
}

TEST(Rib, ReplacingLocalNetworksForgetsTheOldOnes) {
  Rib rib;
  rib.SetLocal({P("192.168.1.0/24"), P("192.168.1.0/24")});
  rib.SetLocal({P("192.168.2.0/24")});
  EXPECT_EQ(rib.Lookup(Ip("192.168.1.1")).kind, Rib::Match::Kind::kNone);
  EXPECT_EQ(rib.Lookup(Ip("192.168.2.1")).kind, Rib::Match::Kind::kLocal);
}

config::LocalPool ThreeAddresses() {
  config::LocalPool p;
  p.name = "P";
  p.first = Ip("10.0.0.1");
  p.last = Ip("10.0.0.3");
  return p;
}

// A pool none of whose addresses is the router's own.
struct FreePool : AddressPool {
  using AddressPool::AddressPool;
  std::optional<net::Prefix> Lease(const std::string& client) {
    return AddressPool::Lease(client, [](const net::Prefix&) { return false; });
  }
};
std::optional<net::Prefix> Host(const char* address) { return net::Prefix::Host(Ip(address)); }

TEST(AddressPool, GivesAClientItsOldAddressBack) {
  FreePool pool(ThreeAddresses());
  const auto a = pool.Lease("a"), b = pool.Lease("b");
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  pool.Release("a");
  EXPECT_EQ(pool.Lease("c"), Host("10.0.0.3"));  // a's is kept for a
  EXPECT_EQ(pool.Lease("a"), a);
}

TEST(AddressPool, ReusesReleasedAddressesBeforeItGivesUp) {
  FreePool pool(ThreeAddresses());
  for (const char* c : {"a", "b", "c"}) ASSERT_TRUE(pool.Lease(c));
  EXPECT_FALSE(pool.Lease("d"));
  pool.Release("b");
  EXPECT_EQ(pool.Lease("d"), Host("10.0.0.2"));
  EXPECT_FALSE(pool.Lease("b"));
}

TEST(AddressPool, KeepsWhatIsInTheNewRangeWhenItChanges) {
  FreePool pool(ThreeAddresses());
  pool.Lease("a");
  const auto b = pool.Lease("b"), c = pool.Lease("c");
  pool.Release("b");
  config::LocalPool wider = ThreeAddresses();
  wider.first = b->address();  // without a's
  wider.last = c->Last().Plus(1);
  pool.Resize(wider);
  EXPECT_EQ(pool.leased(), 1u);
  const auto fresh = pool.Lease("d");
  EXPECT_EQ(fresh, c->Next());    // not c's, and b's only when nothing else is left
  EXPECT_EQ(pool.Lease("e"), b);
  EXPECT_EQ(pool.Lease("f"), std::nullopt);
  pool.Release("a");               // of the old range: it counts no more
  EXPECT_EQ(pool.leased(), 3u);
  EXPECT_EQ(pool.Lease("c"), c);
}

TEST(AddressPool, CountsLeasesOfOneClient) {
  FreePool pool(ThreeAddresses());
  EXPECT_EQ(pool.Lease("a"), pool.Lease("a"));  // two sessions of one client
  EXPECT_EQ(pool.leased(), 1u);
  pool.Release("a");
  EXPECT_EQ(pool.leased(), 1u);
  pool.Release("a");
  pool.Release("a");
  pool.Release("unknown");
  EXPECT_EQ(pool.leased(), 0u);
}

TEST(AddressPool, LeavesOutWhatIsTheRoutersOwn) {
  AddressPool pool(ThreeAddresses());
  const auto own = [](const net::Prefix& p) { return p.Contains(Ip("10.0.0.2")); };
  EXPECT_EQ(pool.Lease("a", own), Host("10.0.0.1"));
  EXPECT_EQ(pool.Lease("b", own), Host("10.0.0.3"));
  EXPECT_EQ(pool.Lease("c", own), std::nullopt);
}

TEST(AddressPool, EndsAtTheLastAddressThereIs) {
  FreePool pool(config::LocalPool{"P", Ip("255.255.255.254"), Ip("255.255.255.255"), 32, {}});
  EXPECT_TRUE(pool.Lease("a") && pool.Lease("b"));
  EXPECT_EQ(pool.Lease("c"), std::nullopt);
}

TEST(AddressPool, GivesPrefixesOfAnIpv6Pool) {
  FreePool pool(config::LocalPool{"P", Ip("2001:db8:0:fe::"), Ip("2001:db8:0:100::"), 64, {}});
  EXPECT_EQ(pool.Lease("a"), net::Prefix::Parse("2001:db8:0:fe::/64"));
  EXPECT_EQ(pool.Lease("b"), net::Prefix::Parse("2001:db8:0:ff::/64"));
  EXPECT_EQ(pool.Lease("c"), net::Prefix::Parse("2001:db8:0:100::/64"));
  EXPECT_EQ(pool.Lease("d"), std::nullopt);
  EXPECT_EQ(pool.Lease("a"), net::Prefix::Parse("2001:db8:0:fe::/64"));
}

// Strangers without a name never come back; an IPv6 pool does not end.
TEST(AddressPool, RemembersNotMoreThanSoManyWhoAreGone) {
  FreePool pool(config::LocalPool{"P", Ip("2001:db8::1"), Ip("2001:db8::ffff:ffff"), 128, {}});
  absl::flat_hash_set<net::Prefix> seen;
  for (int n = 0; n < 70000; ++n) {
    const std::string client = absl::StrCat("null, session ", n);
    seen.insert(*pool.Lease(client));
    pool.Release(client);
  }
  EXPECT_EQ(seen.size(), 65536u);
}

}  // namespace
}  // namespace flexvpn::node
