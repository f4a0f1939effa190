// SPDX-License-Identifier: Apache-2.0
#include "app/shell/monitor.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::shell {
namespace {

using show::Json;
using testing::HasSubstr;

Sample At(double seconds, uint64_t packets, uint64_t bytes) {
  Sample s;
  s.seconds = seconds;
  s.sessions = Json::parse(R"({"sessions": [{"status": "UP-ACTIVE", "ike_sa": {"interface": "Virtual-Access1",
    "remote_address": "192.0.2.2", "remote_id": "spoke1.example.net", "active_seconds": 3725}}]})");
  const Json peer = {{"interface", "Virtual-Access1"},
                     {"packets_in", packets},
                     {"bytes_in", bytes},
                     {"packets_out", 7},
                     {"bytes_out", 7}};
  s.peers["peers"] = Json::array({peer});
  s.shortcuts["shortcuts"] = Json::array();
  return s;
}

TEST(Monitor, TheFirstTableHasNoRates) {
  const std::string text = MonitorText(At(10, 100, 1000), nullptr);
  EXPECT_THAT(text, HasSubstr("Sessions: 1   Shortcuts: 0\n"));
  EXPECT_THAT(text, testing::ContainsRegex(
                        "Virtual-Access1 +192.0.2.2 +spoke1.example.net +UP-ACTIVE +01:02:05 +- +- +- +-"));
}

TEST(Monitor, RatesAreTheDifferenceBySecond) {
  const Sample before = At(10, 100, 1000);
  EXPECT_THAT(MonitorText(At(12, 300, 2501000), &before),
              testing::ContainsRegex("01:02:05 +100 +10M +0 +0\n"));
}

TEST(Monitor, ACounterThatBeganAgainHasNoRate) {
  const Sample before = At(10, 100, 1000);
  EXPECT_THAT(MonitorText(At(12, 5, 2000), &before), testing::ContainsRegex("01:02:05 +- +4k"));
}

TEST(Monitor, AnswersOfTheWrongShapeAreAnEmptyTable) {
  Sample odd;
  odd.sessions = Json::parse(R"({"sessions": [3, {"ike_sa": []}]})");
  odd.peers = Json::array();
  EXPECT_THAT(MonitorText(odd, &odd), HasSubstr("Sessions: 2"));
}

}  // namespace
}  // namespace flexvpn::shell
