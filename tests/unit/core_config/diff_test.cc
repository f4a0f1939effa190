// SPDX-License-Identifier: Apache-2.0
#include "core/config/diff.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Diff, NamesWhatChangedAndNothingElse) {
  const std::string text =
      "crypto ikev2 keyring K\n peer A\n  address 192.0.2.1\n  pre-shared-key a\n peer B\n  address 192.0.2.2\n"
      "  pre-shared-key b\nip local pool P 10.0.0.1 10.0.0.9\n";
  const Model m = Parse(text).model;
  EXPECT_THAT(Diff(m, m), IsEmpty());
  const Model n = ParseOnto(m, "crypto ikev2 keyring K\n peer B\n  pre-shared-key c\n no peer A\n peer D\n  address 192.0.2.4\n"
                               "  pre-shared-key d\nno ip local pool P\ncrypto ikev2 window 7\nhostname x\n").model;
  EXPECT_THAT(Diff(m, n), ElementsAre(Change{Change::Kind::kChanged, "hostname"}, Change{Change::Kind::kChanged, "crypto ikev2"},
                                      Change{Change::Kind::kChanged, "peer B of crypto ikev2 keyring K"},
                                      Change{Change::Kind::kAdded, "peer D of crypto ikev2 keyring K"},
                                      Change{Change::Kind::kRemoved, "peer A of crypto ikev2 keyring K"},
                                      Change{Change::Kind::kRemoved, "ip local pool P"}));
}

TEST(Diff, NamesVrfs) {
  const Model m = Parse("vrf definition A\nvrf definition B\n rd 1:1\n").model;
  const Model n = ParseOnto(m, "no vrf definition A\nvrf definition B\n rd 1:2\nvrf definition C\n").model;
  EXPECT_THAT(Diff(m, n),
              ElementsAre(Change{Change::Kind::kRemoved, "vrf definition A"}, Change{Change::Kind::kChanged, "vrf definition B"},
                          Change{Change::Kind::kAdded, "vrf definition C"}));
}

}  // namespace
}  // namespace flexvpn::config
