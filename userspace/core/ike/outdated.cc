// SPDX-License-Identifier: Apache-2.0
// Terms that change under a session that is up (Endpoint::SetTerms).
#include <algorithm>

#include "core/ike/machine.h"

namespace flexvpn::ike {

bool Outdated(const Session& session, const IkeSa& sa) {
  const std::vector<Suite>& suites = *session.suites;
  const bool allowed = std::find(suites.begin(), suites.end(), sa.suite) != suites.end();
  const Duration lifetime = session.hard ? *session.hard - session.ike_created : Duration{};
  return !allowed || lifetime != std::max<Duration>(session.policy->lifetime, Duration{}) ||
         sa.receive.size() != ReceiveWindowOf(*session.policy);
}

bool Outdated(const Session& session, const Child& child) {
  const ChildPolicy& policy = session.policy->child;
  const ChildSa& sa = child.sa;
  const bool allowed = std::any_of(policy.proposals.begin(), policy.proposals.end(), [&](const Suite& s) {
    return s.encr == sa.suite.encr && s.encr_key_bits == sa.suite.encr_key_bits && s.integ == sa.suite.integ &&
           s.esn == sa.suite.esn;
  });
  return !allowed || sa.lifetime != policy.lifetime || sa.hard_bytes != policy.lifetime_bytes ||
         sa.replay_window != policy.replay_window;
}

void Endpoint::Impl::SetTerms(IkeSaId id, const SessionTerms& terms, const std::vector<Suite>* suites, Instant now,
                              Actions& out) {
  Session* session = tables_.FindSession(id);
  if (session == nullptr || !session->up || session->down) return;
  Touch(*session);
  if (suites != nullptr) {
    std::vector<Suite> ours = Supported(crypto_, ProtocolId::kIke, *suites);
    if (ours.empty()) {
      Close(*session, "none of its algorithms is configured any more", false, out);
      return Finish(now, out);
    }
    session->suites = suites_.Share(std::move(ours));
  }
  if (!(session->policy->dpd == terms.dpd) && terms.dpd.interval > seconds(0)) {
    // Thousands of sessions whose liveness checks begin now are not to be asked in step.
    const auto since = Duration(static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(Duration(terms.dpd.interval).count()))));
    session->last_probe = std::max(session->last_probe, now - since);
    session->last_heard = std::max(session->last_heard, now - since);
  }
  SessionPolicy policy = *session->policy;
  static_cast<SessionTerms&>(policy) = terms;
  session->policy = policies_.Share(std::move(policy));
  Finish(now, out);
}

}  // namespace flexvpn::ike
