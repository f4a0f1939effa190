// SPDX-License-Identifier: Apache-2.0
#include "core/ike/stats.h"

#include <algorithm>

namespace flexvpn::ike {

ExchangeStats::Purpose ExchangeStats::PurposeOf(ExchangeType exchange, const Payloads& request) {
  if (exchange == ExchangeType::kCreateChildSa) {
    if (FindNotify(request, NotifyType::kRekeySa) != nullptr) return Purpose::kChildRekey;
    const auto* sa = Find<SaPayload>(request);
    const bool ike = sa != nullptr && !sa->proposals.empty() && sa->proposals[0].protocol == ProtocolId::kIke;
    return ike ? Purpose::kIkeRekey : Purpose::kOther;
  }
  if (exchange != ExchangeType::kInformational) return Purpose::kOther;
  const bool nothing_else = std::all_of(request.begin(), request.end(), [](const Payload& p) {
    const auto* n = std::get_if<NotifyPayload>(&p);
    return n != nullptr && (n->type == NotifyType::kNatDetectionSourceIp ||
                            n->type == NotifyType::kNatDetectionDestinationIp ||
                            n->type == NotifyType::kSetWindowSize || n->type == NotifyType::kQcdToken);
  });
  return nothing_else ? Purpose::kLiveness : Purpose::kOther;
}

void ExchangeStats::Count(Flow flow, ExchangeType exchange, Purpose purpose, const Payloads& payloads) {
  const size_t index = static_cast<size_t>(exchange) - kFirstExchange;
  if (index < exchanges_.size()) ++exchanges_[index][flow];
  if (purpose == Purpose::kChildRekey) ++child_rekey_[flow];
  if (purpose == Purpose::kIkeRekey) ++ike_rekey_[flow];
  if (purpose == Purpose::kLiveness) ++liveness_[flow];
  const bool sent = flow == kSentRequest || flow == kSentResponse;
  for (const Payload& p : payloads) {
    if (const auto* n = std::get_if<NotifyPayload>(&p)) {
      auto it = notifies_.find(n->type);
      if (it == notifies_.end()) {
        if (notifies_.size() >= kMaxNotifyTypes) continue;
        it = notifies_.try_emplace(n->type).first;
      }
      ++it->second[flow];
    } else if (const auto* c = std::get_if<ConfigPayload>(&p)) {
      if (const auto type = static_cast<size_t>(c->type); type < config_.size()) ++config_[type][sent ? 0 : 1];
    }
  }
}

void ExchangeStats::CountNat(bool inside, bool outside) {
  nat_.inside += inside ? 1 : 0;
  nat_.outside += outside ? 1 : 0;
  nat_.none += inside || outside ? 0 : 1;
}

std::vector<std::pair<std::string, ExchangeStats::Row>> ExchangeStats::exchanges() const {
  std::vector<std::pair<std::string, Row>> out;
  const auto add = [&](ExchangeType type, bool always) {
    const Row& r = exchanges_[static_cast<size_t>(type) - kFirstExchange];
    if (always || r != Row{}) out.emplace_back(ExchangeName(type), r);
  };
  add(ExchangeType::kIkeSaInit, true);
  add(ExchangeType::kIkeSessionResume, false);
  add(ExchangeType::kIkeIntermediate, false);
  add(ExchangeType::kIkeAuth, true);
  add(ExchangeType::kCreateChildSa, true);
  out.emplace_back("CREATE_CHILD_SA_IPSEC_REKEY", child_rekey_);
  out.emplace_back("CREATE_CHILD_SA_IKE_REKEY", ike_rekey_);
  add(ExchangeType::kIkeFollowupKe, false);
  add(ExchangeType::kInformational, true);
  return out;
}

std::vector<std::pair<std::string, std::array<uint64_t, 2>>> ExchangeStats::config() const {
  static constexpr const char* kNames[] = {"", "CFG_REQUEST", "CFG_REPLY", "CFG_SET", "CFG_ACK"};
  std::vector<std::pair<std::string, std::array<uint64_t, 2>>> out;
  for (size_t i = 1; i < config_.size(); ++i) out.emplace_back(kNames[i], config_[i]);
  return out;
}

}  // namespace flexvpn::ike
