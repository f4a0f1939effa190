// SPDX-License-Identifier: Apache-2.0
#include "core/ike/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/crypto/transforms.h"

namespace flexvpn::ike {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Explain, AnOfferInTheOrderOfTheWire) {
  SaPayload sa;
  sa.proposals.push_back({1, ProtocolId::kIke, {}, {{TransformType::kEncr, 12, uint16_t{256}}, {TransformType::kInteg, 12, {}},
                                                    {TransformType::kPrf, 5, {}}, {TransformType::kKe, 14, {}}}});
  sa.proposals.push_back({2, ProtocolId::kIke, {}, {{TransformType::kEncr, 20, uint16_t{128}}}});
  const std::string text = DescribeOffer(sa);
  EXPECT_THAT(text, StartsWith("AES-CBC/256 "));
  EXPECT_THAT(text, HasSubstr("Group 14, AES-GCM/128"));
}

TEST(Explain, WhateverAPeerOffersTheTextIsShort) {
  SaPayload sa;
  for (int i = 0; i < 200; ++i)
    sa.proposals.push_back({static_cast<uint8_t>(i), ProtocolId::kIke, {}, {{TransformType::kEncr, static_cast<uint16_t>(i * 300), uint16_t{7}},
                                                                           {static_cast<TransformType>(9), 65535, {}}}});
  const std::string text = DescribeOffer(sa);
  EXPECT_LE(text.size(), 410u);
  EXPECT_THAT(text, HasSubstr(" ..."));
  EXPECT_EQ(DescribeOffer({}), "nothing");
  EXPECT_EQ(DescribeSelectors({}), "nothing");
  EXPECT_EQ(OfferedAndWanted("a", "b"), "offered a; wanted b");
}

}  // namespace
}  // namespace flexvpn::ike
