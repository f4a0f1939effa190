// SPDX-License-Identifier: Apache-2.0
// The system's resolver: what the hosts file says everywhere, and what nobody can say.
#include "os/names/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "absl/strings/str_cat.h"
#include "support/values.h"

namespace flexvpn::os {
namespace {

using Answer = Resolver::Answer;

std::future<Answer> Asked(Resolver& resolver, const std::string& name, net::Family family = net::Family::kIpv4) {
  auto promise = std::make_shared<std::promise<Answer>>();
  resolver.LookUp(name, family, [promise](Answer a) { promise->set_value(std::move(a)); });
  return promise->get_future();
}

TEST(Resolver, FindsAddressesOfTheFamilyAskedFor) {
  Resolver resolver;
  const Answer v4 = Asked(resolver, "localhost").get();
  ASSERT_TRUE(v4.ok()) << v4.status();
  EXPECT_THAT(*v4, testing::ElementsAre(Ip("127.0.0.1")));
  const Answer number = Asked(resolver, "2001:db8::7", net::Family::kIpv6).get();
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_THAT(*number, testing::ElementsAre(Ip("2001:db8::7")));
}

TEST(Resolver, SaysWhyThereIsNoAddress) {
  Resolver resolver;
  for (const char* name : {"no such name", "2001:db8::7", "0.0.0.0", "224.0.0.1", ""}) {
    const Answer a = Asked(resolver, name).get();
    EXPECT_FALSE(a.ok()) << name;
    EXPECT_FALSE(a.status().message().empty()) << name;
  }
}

TEST(Resolver, AnswersMoreQuestionsThanItHasThreads) {
  Resolver resolver;
  std::vector<std::future<Answer>> answers;
  for (size_t n = 0; n < 5 * Resolver::kParallel; ++n) answers.push_back(Asked(resolver, absl::StrCat("127.0.0.", n + 1)));
  for (auto& a : answers) EXPECT_TRUE(a.get().ok());
}

TEST(Resolver, TellsNobodyOnceItIsGone) {
  for (int n = 0; n < 20; ++n) {
    auto gone = std::make_shared<std::atomic<bool>>(false), late = std::make_shared<std::atomic<bool>>(false);
    auto resolver = std::make_unique<Resolver>();
    for (const char* name : {"localhost", "127.0.0.1", "127.0.0.2"})
      resolver->LookUp(name, net::Family::kIpv4, [gone, late](const Answer&) { *late = *late || *gone; });
    resolver.reset();
    *gone = true;
    EXPECT_FALSE(*late);
  }
}

TEST(Resolver, AsksWhatIsOpenOnlyOnce) {
  std::promise<void> held;
  const auto wait = held.get_future().share();
  std::atomic<int> asked = 0;
  Resolver resolver([&asked, wait](const std::string&, net::Family) -> Answer {
    ++asked;
    wait.wait();
    return std::vector<net::IpAddress>{Ip("192.0.2.1")};
  });
  auto first = Asked(resolver, "hub.example.net");
  std::atomic<bool> second = false;
  resolver.LookUp("hub.example.net", net::Family::kIpv4, [&second](const Answer&) { second = true; });
  auto other = Asked(resolver, "hub.example.net", net::Family::kIpv6);
  held.set_value();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(other.get().ok());
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(Asked(resolver, "hub.example.net").get().ok()) << "what was answered may be asked again";
  EXPECT_EQ(asked, 3);
  EXPECT_FALSE(second);
}

}  // namespace
}  // namespace flexvpn::os
